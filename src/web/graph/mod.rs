//! The graph of a pipeline: what it is made of, where it lies, and its three pictures (live in the page, DOT, SVG).
//!
//! The layout depends on names and edges alone, so it is computed once and kept while states change.

mod dot;
mod export;
mod layout;
mod live;
mod model;

pub use layout::{Layout, Place};
pub use model::{Edge, Get, GraphInput, GraphJob, GraphModel, GraphResource, Newest, Node, NodeKind};

use crate::page::State;

/// Fill of a job in the exported pictures: scripts and badges know these colours.
fn fill(state: State) -> &'static str {
    match state {
        State::Running => "#FFA300",
        State::Failed => "#FF004D",
        State::Succeeded => "#00A83A",
        State::Cancelled => "#AB5236",
        State::Paused => "#29ADFF",
        State::Warning => "#FFEC27",
        State::Pending | State::Approval => "#C2C3C7",
        State::NotRun => RESOURCE_FILL,
    }
}

/// Text that can be read on `fill`.
fn ink(state: State) -> &'static str {
    if state == State::Cancelled { "#FFFFFF" } else { "#000000" }
}

/// Fill of resources, and of jobs without a build, in the exported pictures.
const RESOURCE_FILL: &str = "#83769C";
/// Border of a resource whose check fails.
const FAILING_BORDER: &str = "#FF004D";
/// Border of a pinned resource.
const PINNED_BORDER: &str = "#FFA300";

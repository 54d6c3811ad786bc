//! What the interface shows of rows and definitions: the schemas of its answers.
//!
//! Invariant: a secret stands here as the text of its reference, never resolved; what may hold one is turned into
//! text by its own `Display`.

mod build;
mod diagnostic;
mod job;
mod pipeline;
mod resource;
mod service;
mod step;
mod version;
mod worker;

pub(crate) use build::{BuildView, build_brief, build_whole, resource_names, waiting_reason};
pub(crate) use diagnostic::DiagnosticView;
pub(crate) use job::JobView;
pub(crate) use pipeline::{ChangesView, PipelineBrief, PipelineView, changes};
pub(crate) use resource::ResourceView;
pub(crate) use service::{ServiceView, service_views};
pub(crate) use step::{StepView, step_views};
pub(crate) use version::{PathView, VersionView, path_view};
pub(crate) use worker::{PendingStopView, WorkerView};

use std::time::Duration;

/// Nanoseconds, as the interface says durations.
pub(crate) fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Nanoseconds between two moments, never negative.
pub(crate) fn between(from: chrono::DateTime<chrono::Utc>, to: chrono::DateTime<chrono::Utc>) -> i64 {
    (to - from).num_nanoseconds().unwrap_or(i64::MAX).max(0)
}

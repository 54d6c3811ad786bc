//! The pages: one context of plain data and one template each, rendered on the server and complete without a script.
//!
//! A context knows nothing of stores or requests, so every page is rendered in a test. What a page derives from its
//! context (positions on the time axis, words for durations, escaped HTML) is computed here and nowhere else.
//!
//! Invariants: no inline style and no inline script (the content security policy forbids both: bars are SVG with
//! percentages); every element whose content changes with time carries `data-live`, a key that is unique in the page;
//! a state is always a sign and a word, never colour alone.

mod axis;
mod build;
mod error;
mod frame;
mod job;
mod log_tail;
mod login;
mod moment;
mod pipeline;
mod pipelines;
mod promise;
mod resource;
mod runs;
mod sentence;
mod state;
mod timeline;
mod workers;

pub use build::{BuildPage, Export, InputVersion, render_build};
pub use error::{ErrorPage, render_error};
pub use frame::{Crumb, Frame, Theme};
pub use job::{BuildRow, JobPage, render_job};
pub use log_tail::StepLog;
pub use login::{LoginPage, render_login};
pub use moment::{human_duration, relative};
pub use pipeline::{JobRow, PipelinePage, ResourceRow, WaitingBuild, render_pipeline};
pub use pipelines::{PipelineCard, PipelinesPage, RecentBuild, render_pipelines};
pub use promise::{Promise, Unstopped};
pub use resource::{LastCheck, ResourcePage, UsedBy, VersionRow, Webhook, render_resource};
pub use runs::Runs;
pub use sentence::{Piece, Sentence};
pub use state::{ServiceState, State};
pub use timeline::{LogTab, ServiceLane, StepLane};
pub use workers::{BuildOnWorker, PendingStop, WorkerCard, WorkerStand, WorkersPage, render_workers};

/// Text that is HTML already: built from escaped pieces by this module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Html(pub(crate) String);

impl std::fmt::Display for Html {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Html {}

/// `text` with the five characters that mean something in HTML replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    escape_into(text, &mut out);
    out
}

/// The same, appended to `out`.
pub(crate) fn escape_into(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

/// Writes a template. Rendering into a `String` fails only when a `Display` of ours does, and none does.
fn written(template: &impl askama::Template) -> String {
    #[expect(
        clippy::expect_used,
        reason = "writing to a String cannot fail and no Display here returns an error"
    )]
    template.render().expect("a template renders into a String")
}

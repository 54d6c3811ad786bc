//! One pipeline: where does it stand, and why is it not going on?

use askama::Template;

use super::pipelines::bars;
use super::{Frame, Html, PipelineCard, Sentence, State, moment, written};
use crate::graph::GraphModel;

/// A build that waits, with its reason in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingBuild {
    /// `deploy #19`.
    pub label: String,
    /// Address of the build.
    pub href: String,
    /// Why, with a link to what holds it: "serial group `prod` is held by migrate #8".
    pub reason: Sentence,
    /// Since when, ms since the epoch.
    pub since: i64,
}

/// A job in the list below the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Its name.
    pub name: String,
    /// Address of its builds.
    pub href: String,
    /// Address that triggers it; none when the reader may not.
    pub trigger: Option<String>,
    /// State of its newest build.
    pub state: State,
    /// The newest build: label (`#42`) and address.
    pub newest: Option<(String, String)>,
    /// When that build began (or was created), ms since the epoch.
    pub at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// A resource in the list below the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRow {
    /// `git.app`.
    pub name: String,
    /// Address of its page.
    pub href: String,
    /// The newest version, short.
    pub version: Option<String>,
    /// When it was last checked, ms since the epoch.
    pub checked_at: Option<i64>,
    /// The last check failed.
    pub failing: bool,
}

/// The page of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelinePage {
    /// What stands around it.
    pub frame: Frame,
    /// Its name.
    pub name: String,
    /// State: running while a build runs, else the worst of the jobs' newest builds.
    pub state: State,
    /// Number of the saved definition.
    pub revision: u64,
    /// When it was saved, ms since the epoch.
    pub applied_at: Option<i64>,
    /// Who saved it.
    pub applied_by: Option<String>,
    /// The graph.
    pub graph: GraphModel,
    /// What version is lit up, in words, when one was chosen on a resource.
    pub lit: Option<String>,
    /// Address of the page without a chosen version.
    pub href: String,
    /// Builds that wait, those that have waited longest.
    pub waiting: Vec<WaitingBuild>,
    /// How many more wait.
    pub more_waiting: u64,
    /// Its jobs.
    pub jobs: Vec<JobRow>,
    /// Its resources.
    pub resources: Vec<ResourceRow>,
    /// Other pipelines of the team.
    pub siblings: Vec<PipelineCard>,
}

#[derive(Template)]
#[template(path = "pipeline.html")]
struct View<'a> {
    page: &'a PipelinePage,
    frame: &'a Frame,
    drawing: Html,
}

/// The page of a pipeline as HTML.
#[must_use]
pub fn render_pipeline(page: &PipelinePage) -> String {
    let drawing = Html(page.graph.svg_live(page.frame.now));
    written(&View { page, frame: &page.frame, drawing })
}

impl View<'_> {
    fn ago(&self, at: &i64) -> Html {
        moment::ago(*at, self.frame.now)
    }

    fn bars(&self, card: &PipelineCard) -> Html {
        bars(&card.builds)
    }

    fn took(&self, from: &i64, to: &Option<i64>) -> Html {
        moment::took(*from, *to, self.frame.now)
    }
}

//! One build: what happened, where did it break.

use askama::Template;

use super::axis::Axis;
use super::{
    Frame, Html, LogTab, Promise, Runs, Sentence, ServiceLane, State, StepLane, StepLog, human_duration,
    moment, written,
};

/// A value that a step exported for later steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Name of the variable.
    pub name: String,
    /// Its value, masked.
    pub value: String,
}

/// The version of a resource that the build used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputVersion {
    /// `git.app`.
    pub resource: String,
    /// Address of the resource's page.
    pub href: String,
    /// The version, short: `9f0c1d7`.
    pub version: String,
}

/// The page of a build. Times are ms since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPage {
    /// What stands around it; `events` is the stream of the build without its query, empty once it is done.
    pub frame: Frame,
    /// Address of the build, without a slash at the end.
    pub base: String,
    /// Address of the job's builds.
    pub job_href: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Name of the job.
    pub job: String,
    /// `42`, `42.1`.
    pub number: String,
    /// State.
    pub state: State,
    /// Nothing of the build is alive any more (its phase is done). A build that has failed may still be stopping.
    pub done: bool,
    /// How it ended and why, what it waits for, or what it does now: "task **test** exited with 2".
    pub reason: Sentence,
    /// What started it, after "started by".
    pub cause: Sentence,
    /// The worker that runs it.
    pub worker: Option<String>,
    /// When it was created.
    pub created_at: i64,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Which run this is; shown from the second on.
    pub runs: Runs,
    /// Input values.
    pub inputs: Vec<(String, String)>,
    /// Versions used.
    pub versions: Vec<InputVersion>,
    /// The steps of the plan, in order; hooks below their step.
    pub steps: Vec<StepLane>,
    /// The services, in order of start.
    pub services: Vec<ServiceLane>,
    /// What is said about the services.
    pub promise: Promise,
    /// Exports.
    pub exports: Vec<Export>,
    /// The ends of all logs, in the order of the lanes; may be left empty for `?view=live`.
    pub logs: Vec<StepLog>,
    /// The highest chunk number stored when the page was made; the stream goes on after it.
    pub last_chunk: u64,
    /// The reader may cancel it, and it can be cancelled.
    pub may_cancel: bool,
    /// The reader may run it again, and it can be.
    pub may_retry: bool,
}

impl BuildPage {
    /// Nothing more will begin in the run that is shown.
    fn is_over(&self) -> bool {
        self.done || self.runs.is_old()
    }
}

#[derive(Template)]
#[template(path = "build.html")]
struct View<'a> {
    page: &'a BuildPage,
    frame: &'a Frame,
    axis: Axis,
    chosen: Option<String>,
}

/// The page of a build as HTML.
#[must_use]
pub fn render_build(page: &BuildPage) -> String {
    let axis = Axis::around(&page.steps, &page.services, page.is_over(), page.frame.now);
    written(&View { page, frame: &page.frame, axis, chosen: chosen(page) })
}

/// The lane whose log is shown first: what failed, else what runs, else the last that wrote something.
fn chosen(page: &BuildPage) -> Option<String> {
    let with_log = || page.steps.iter().filter(|lane| !lane.logs.is_empty());
    let step = with_log()
        .find(|lane| lane.state == State::Failed)
        .or_else(|| with_log().find(|l| l.state == State::Running));
    let is_bad = |lane: &&ServiceLane| lane.state == super::ServiceState::Failed || lane.state.is_left();
    let failed_service = page.services.iter().find(|lane| is_bad(lane) && !lane.logs.is_empty());
    step.map(|lane| lane.path.clone())
        .or_else(|| failed_service.map(|lane| service_key(&lane.name)))
        .or_else(|| with_log().next_back().map(|lane| lane.path.clone()))
        .or_else(|| {
            page.services.iter().find(|lane| !lane.logs.is_empty()).map(|lane| service_key(&lane.name))
        })
}

fn service_key(name: &str) -> String {
    format!("svc.{name}")
}

impl View<'_> {
    fn reason(&self) -> Html {
        self.page.reason.html()
    }

    fn cause(&self) -> Html {
        self.page.cause.html()
    }

    fn took(&self) -> Option<Html> {
        self.page.started_at.map(|from| moment::took(from, self.page.ended_at, self.frame.now))
    }

    fn queued(&self) -> Html {
        moment::took(self.page.created_at, self.page.started_at.or(self.page.ended_at), self.frame.now)
    }

    fn when(&self) -> Html {
        moment::ago(self.page.started_at.unwrap_or(self.page.created_at), self.frame.now)
    }

    fn step_bar(&self, lane: &StepLane) -> Html {
        self.axis.step(lane, self.frame.now)
    }

    fn lane_took(&self, lane: &StepLane) -> Option<Html> {
        lane.started_at.map(|from| moment::took(from, lane.ended_at, self.frame.now))
    }

    fn tabs(&self, logs: &[LogTab]) -> String {
        serde_json::to_string(logs).unwrap_or_default()
    }

    fn is_chosen(&self, key: &str) -> bool {
        self.chosen.as_deref() == Some(key)
    }

    fn first_log<'a>(&self, logs: &'a [LogTab], fallback: &'a str) -> &'a str {
        logs.last().map_or(fallback, |tab| &tab.path)
    }

    fn key(&self, service: &str) -> String {
        service_key(service)
    }

    fn raw(&self, path: &str) -> String {
        let run =
            if self.page.runs.is_old() { format!("&run={}", self.page.runs.shown) } else { String::new() };
        format!("{}/logs?step={path}{run}", self.page.base)
    }

    fn runs(&self) -> Vec<(u32, Option<String>)> {
        self.page.runs.links(&self.page.base)
    }

    /// The services whose start was tried, in order.
    fn begun(&self) -> impl Iterator<Item = &ServiceLane> {
        self.page.services.iter().filter(|lane| lane.started_at.is_some())
    }

    fn offset(&self, at: &i64) -> Html {
        self.axis.offset(*at)
    }

    fn stop_took(&self, lane: &ServiceLane) -> String {
        let took = lane.stopping_at.zip(lane.stopped_at).map(|(from, to)| to.saturating_sub(from));
        took.map(|ms| human_duration(u64::try_from(ms).unwrap_or(0))).unwrap_or_default()
    }
}

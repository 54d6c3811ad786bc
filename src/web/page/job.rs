//! One job and its builds.

use askama::Template;

use super::pipelines::bars;
use super::{Frame, Html, RecentBuild, Sentence, State, moment, written};

/// One build in the list. Times are ms since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRow {
    /// `42`, `42.1`.
    pub number: String,
    /// Address of the build.
    pub href: String,
    /// State.
    pub state: State,
    /// How it ended, or what it waits for.
    pub reason: Sentence,
    /// What started it.
    pub cause: Sentence,
    /// When it was created.
    pub created_at: i64,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// The page of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPage {
    /// What stands around it.
    pub frame: Frame,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Its name.
    pub job: String,
    /// State of the newest build.
    pub state: State,
    /// Address that triggers it; none when the reader may not.
    pub trigger: Option<String>,
    /// Builds, newest first.
    pub builds: Vec<BuildRow>,
    /// Address of newer builds.
    pub newer: Option<String>,
    /// Address of older builds.
    pub older: Option<String>,
}

#[derive(Template)]
#[template(path = "job.html")]
struct View<'a> {
    page: &'a JobPage,
    frame: &'a Frame,
}

/// The page of a job as HTML.
#[must_use]
pub fn render_job(page: &JobPage) -> String {
    written(&View { page, frame: &page.frame })
}

impl View<'_> {
    fn ago(&self, row: &BuildRow) -> Html {
        moment::ago(row.started_at.unwrap_or(row.created_at), self.frame.now)
    }

    fn took(&self, row: &BuildRow) -> Option<Html> {
        row.started_at.map(|from| moment::took(from, row.ended_at, self.frame.now))
    }

    fn bars(&self) -> Html {
        let recent: Vec<_> = self.page.builds.iter().rev().map(|row| recent(row, self.frame.now)).collect();
        bars(&recent)
    }
}

fn recent(row: &BuildRow, now: i64) -> RecentBuild {
    let from = row.started_at.unwrap_or(row.created_at);
    let to = row.ended_at.unwrap_or(if row.started_at.is_some() { now } else { from });
    let duration_ms = u64::try_from(to.saturating_sub(from)).unwrap_or(0);
    RecentBuild { label: format!("#{}", row.number), state: row.state, duration_ms }
}

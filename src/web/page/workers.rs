//! All workers: how each stands, what it runs, and what is still to be stopped on it.

use askama::Template;

use super::{Frame, Html, Sentence, moment, written};

/// How a worker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkerStand {
    /// It renews its lease.
    Online,
    /// It ends, and takes no new work.
    Draining,
    /// It has not renewed for a while.
    Silent,
    /// Its lease is over, or it is gone.
    Lost,
}

impl WorkerStand {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Online => "✓",
            Self::Draining => "⊘",
            Self::Silent => "!",
            Self::Lost => "✗",
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Draining => "draining",
            Self::Silent => "silent",
            Self::Lost => "lost",
        }
    }

    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Online => "ok",
            Self::Draining => "stop",
            Self::Silent => "warn",
            Self::Lost => "bad",
        }
    }
}

/// A build on a worker, or one whose service is still to be stopped there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildOnWorker {
    /// `shop / integration #42`, with its link.
    pub build: Sentence,
    /// Since when, ms since the epoch.
    pub since: i64,
}

/// A service that is still to be stopped on a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingStop {
    /// Name of the instance.
    pub service: String,
    /// The build that started it, and when.
    pub of: BuildOnWorker,
    /// Its stop was tried and failed; otherwise it has not been heard of.
    pub failed: bool,
    /// Why; may be empty.
    pub reason: String,
}

/// One worker. Times are ms since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCard {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub stand: WorkerStand,
    /// Its host and platform: `lab.example, linux x86_64`; empty for one of which only pending stops are known.
    pub host: String,
    /// Version of its program.
    pub version: String,
    /// How many builds it may run at once.
    pub slots: u32,
    /// What it can do.
    pub tags: Vec<String>,
    /// It takes tagged work only.
    pub exclusive: bool,
    /// Its team; none for all.
    pub team: Option<String>,
    /// When it started.
    pub started_at: Option<i64>,
    /// When it was last heard.
    pub seen_at: Option<i64>,
    /// What an operator should know of its host.
    pub warnings: Vec<String>,
    /// What it runs.
    pub builds: Vec<BuildOnWorker>,
    /// What is still to be stopped on it.
    pub pending: Vec<PendingStop>,
}

/// The page of all workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkersPage {
    /// What stands around it.
    pub frame: Frame,
    /// The workers, those that need a look first.
    pub workers: Vec<WorkerCard>,
}

#[derive(Template)]
#[template(path = "workers.html")]
struct View<'a> {
    page: &'a WorkersPage,
    frame: &'a Frame,
}

/// The page of all workers as HTML.
#[must_use]
pub fn render_workers(page: &WorkersPage) -> String {
    written(&View { page, frame: &page.frame })
}

impl View<'_> {
    fn ago(&self, at: &i64) -> Html {
        moment::ago(*at, self.frame.now)
    }

    fn lasts(&self, since: &i64) -> Html {
        moment::took(*since, None, self.frame.now)
    }

    /// The page's question answered in one line.
    fn summary(&self) -> String {
        let online = self.page.workers.iter().filter(|worker| worker.stand == WorkerStand::Online).count();
        let running: usize = self.page.workers.iter().map(|worker| worker.builds.len()).sum();
        let pending: usize = self.page.workers.iter().map(|worker| worker.pending.len()).sum();
        let mut said = format!("{online} online, {}", counted(running, "build runs", "builds run"));
        if pending > 0 {
            said.push_str(&format!(", {}", counted(pending, "stop pending", "stops pending")));
        }
        said
    }

    fn slots(&self, worker: &WorkerCard) -> String {
        format!("{} of {}", worker.builds.len(), counted(worker.slots as usize, "slot", "slots"))
    }
}

fn counted(n: usize, one: &str, many: &str) -> String {
    match n {
        0 => format!("no {one}"),
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}

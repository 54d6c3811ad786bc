//! One resource: what was built from this commit?

use askama::Template;

use super::{Frame, Html, State, moment, written};
use crate::ansi;

/// A build that used a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedBy {
    /// `unit #128`.
    pub label: String,
    /// Address of the build.
    pub href: String,
    /// State.
    pub state: State,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Number of the row.
    pub id: i64,
    /// Its fields, the identifying one first: `ref = 9f0c1d7…`.
    pub fields: Vec<(String, String)>,
    /// When it was found, ms since the epoch.
    pub created_at: i64,
    /// Builds that used it, in the order of the pipeline.
    pub builds: Vec<UsedBy>,
    /// Address of the pipeline with the way of this version lit up.
    pub path_href: String,
}

/// How the last check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCheck {
    /// When it ended, ms since the epoch.
    pub at: i64,
    /// It failed.
    pub failing: bool,
    /// What it wrote, shown when it failed.
    pub log: String,
}

/// The webhook that makes this resource look at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The whole address, with the token.
    pub url: String,
    /// Address that makes a new token.
    pub regenerate: String,
}

/// The page of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePage {
    /// What stands around it.
    pub frame: Frame,
    /// `git.app`.
    pub name: String,
    /// Address of the resource, without a slash at the end.
    pub base: String,
    /// A check runs now.
    pub checking: bool,
    /// The last check; none before the first.
    pub last_check: Option<LastCheck>,
    /// When the next is due, ms since the epoch.
    pub next_check: Option<i64>,
    /// The reader may ask for a check.
    pub may_check: bool,
    /// The webhook, when the reader may see it.
    pub webhook: Option<Webhook>,
    /// Versions, newest first.
    pub versions: Vec<VersionRow>,
    /// Address of newer versions.
    pub newer: Option<String>,
    /// Address of older versions.
    pub older: Option<String>,
}

#[derive(Template)]
#[template(path = "resource.html")]
struct View<'a> {
    page: &'a ResourcePage,
    frame: &'a Frame,
}

/// The page of a resource as HTML.
#[must_use]
pub fn render_resource(page: &ResourcePage) -> String {
    written(&View { page, frame: &page.frame })
}

impl View<'_> {
    fn badge(&self) -> (&'static str, &'static str, &'static str) {
        match (self.page.checking, &self.page.last_check) {
            (true, _) => ("run", "◐", "checking"),
            (false, Some(check)) if check.failing => ("bad", "✗", "check failing"),
            (false, Some(_)) => ("ok", "✓", "checked"),
            (false, None) => ("wait", "…", "not checked yet"),
        }
    }

    fn ago(&self, at: &i64) -> Html {
        moment::ago(*at, self.frame.now)
    }

    fn check_log(&self) -> Option<Html> {
        let check = self.page.last_check.as_ref().filter(|check| check.failing)?;
        let mut out = String::new();
        let mut style = ansi::Style::default();
        for line in check.log.lines() {
            for span in ansi::spans(line, &mut style) {
                span.html(&mut out);
            }
            out.push('\n');
        }
        Some(Html(out))
    }
}

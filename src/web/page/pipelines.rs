//! All pipelines of a team: is everything all right?

use askama::Template;

use super::{Frame, Html, Sentence, State, escape, human_duration, moment, written};

/// One of the last builds of a pipeline, a bar of its card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentBuild {
    /// `integration #42`.
    pub label: String,
    /// State.
    pub state: State,
    /// How long it took or has taken, in ms.
    pub duration_ms: u64,
}

/// The card of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineCard {
    /// Its name.
    pub name: String,
    /// Address of its page.
    pub href: String,
    /// The worst of its jobs' newest builds, or running while one runs.
    pub state: State,
    /// The last event in words: "integration #42 failed".
    pub last_event: Sentence,
    /// When that was, ms since the epoch.
    pub last_event_at: Option<i64>,
    /// The last builds, oldest first; the page shows the last 24.
    pub builds: Vec<RecentBuild>,
}

/// The page of all pipelines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelinesPage {
    /// What stands around it.
    pub frame: Frame,
    /// The pipelines, in the order they are shown.
    pub pipelines: Vec<PipelineCard>,
    /// Address of this server as a client writes it, for the hint on an empty page.
    pub server_url: String,
}

#[derive(Template)]
#[template(path = "pipelines.html")]
struct View<'a> {
    page: &'a PipelinesPage,
    frame: &'a Frame,
}

/// The page of all pipelines as HTML.
#[must_use]
pub fn render_pipelines(page: &PipelinesPage) -> String {
    written(&View { page, frame: &page.frame })
}

impl View<'_> {
    /// The page's question answered in one line.
    fn summary(&self) -> String {
        let count = |state: State| self.page.pipelines.iter().filter(|card| card.state == state).count();
        let (failed, running) = (count(State::Failed), count(State::Running));
        match (self.page.pipelines.len(), failed, running) {
            (0, ..) => String::new(),
            (_, 0, 0) => "everything is all right".to_owned(),
            (_, 0, n) => format!("nothing has failed, {n} running"),
            (_, n, 0) => format!("{n} failed"),
            (_, n, m) => format!("{n} failed, {m} running"),
        }
    }

    /// What whoever is logged in here types to make the first pipeline of this team.
    fn first_steps(&self) -> String {
        let (url, team) = (quoted(&self.page.server_url), quoted(&self.frame.team));
        let user = self.frame.user.as_deref().map_or_else(|| "NAME".to_owned(), quoted);
        let team = if team == "main" { String::new() } else { format!(" --team-canonical {team}") };
        format!(
            "pikoci client login --url {url} --username {user}\n\
             pikoci client pipelines create --url {url}{team} --name hello --config pipeline.hcl"
        )
    }

    fn ago(&self, at: &i64) -> Html {
        moment::ago(*at, self.frame.now)
    }

    fn bars(&self, card: &PipelineCard) -> Html {
        bars(&card.builds)
    }
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// At most 24 bars of equal width: height = duration beside the longest, colour = outcome.
pub(crate) fn bars(builds: &[RecentBuild]) -> Html {
    let shown = &builds[builds.len().saturating_sub(24)..];
    let longest = shown.iter().map(|b| b.duration_ms).max().unwrap_or(1).max(1) as f64;
    let mut out = String::new();
    for (i, build) in shown.iter().enumerate() {
        let height = (6.0 + 28.0 * (build.duration_ms as f64 / longest)).min(34.0);
        out.push_str(&format!(
            "<rect class=\"{}\" x=\"{}\" y=\"{:.1}\" width=\"9\" height=\"{height:.1}\" rx=\"2\"><title>{} {}, {}</title></rect>",
            build.state.class(),
            i * 12,
            34.0 - height,
            escape(&build.label),
            build.state.word(),
            human_duration(build.duration_ms)
        ));
    }
    Html(out)
}

//! The time axis of a build: steps and services as lanes, and the promise that nothing of the build stays alive.

use super::{Html, ServiceState, State, escape, human_duration};

/// One log that a lane offers: a step's attempt, or a service's start, ready check or stop.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LogTab {
    /// Short name: `attempt 2`, `start`, `ready`, `stop`.
    pub label: String,
    /// Plan path, as in the addresses of logs.
    pub path: String,
    /// The attempt; none = the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

/// A step of the plan. Times are ms since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLane {
    /// Plan path: `2`, `2.on_failure.0`.
    pub path: String,
    /// `get`, `task`, `put` …
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How deep it is nested (a hook of a step: 1).
    pub depth: u8,
    /// State.
    pub state: State,
    /// When its first attempt began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// A few words beside the duration: `exit 2`, `timed out`, `attempt 2 of 3`. May be empty.
    pub note: String,
    /// Its logs, oldest attempt first; empty if it never ran.
    pub logs: Vec<LogTab>,
}

/// A service instance. Times are ms since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLane {
    /// Name of the instance; also the key of its lane.
    pub name: String,
    /// Version of what runs, or its type; may be empty.
    pub version: String,
    /// State.
    pub state: ServiceState,
    /// When `start` began.
    pub started_at: Option<i64>,
    /// When it was ready.
    pub ready_at: Option<i64>,
    /// When `stop` began.
    pub stopping_at: Option<i64>,
    /// When it had stopped.
    pub stopped_at: Option<i64>,
    /// Where it answers: `localhost:5432`. May be empty.
    pub address: String,
    /// It did not stop by itself.
    pub killed: bool,
    /// Its logs: start, ready, stop.
    pub logs: Vec<LogTab>,
}

impl ServiceLane {
    pub(crate) fn sign(&self) -> &'static str {
        self.state.sign(self.killed)
    }

    pub(crate) fn class(&self) -> &'static str {
        self.state.class(self.killed)
    }
}

/// A service that may still be alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstopped {
    /// Name of the instance.
    pub service: String,
    /// The worker it runs on.
    pub worker: String,
    /// Why, and what happens next: `stop exited with 1 three times`.
    pub reason: String,
}

/// What is said under the lanes: how many services were started and stopped, and whether anything is alive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promise {
    /// The build is done: everything that had to be stopped has been tried.
    pub done: bool,
    /// Services whose start was attempted.
    pub started: u32,
    /// Services stopped.
    pub stopped: u32,
    /// One phrase for each that did not stop by itself: `kafka needed SIGKILL after 10 s`.
    pub killed: Vec<String>,
    /// What is not stopped; makes the line red.
    pub alive: Vec<Unstopped>,
}

impl Promise {
    pub(crate) fn badge(&self) -> (&'static str, &'static str, &'static str) {
        match (self.alive.is_empty(), self.done, self.started) {
            (false, ..) => ("bad", "✗", "not stopped"),
            (true, true, 0) => ("ok", "✓", "nothing left"),
            (true, true, _) => ("ok", "✓", "all stopped"),
            (true, false, _) => ("run", "◐", "in use"),
        }
    }

    /// The line in words.
    pub(crate) fn said(&self) -> String {
        let mut said = match (self.started, self.done) {
            (0, true) => "No service was started; nothing of this build is alive.".to_owned(),
            (0, false) => "No service has been started.".to_owned(),
            (n, _) => format!("{} started, {} stopped", counted(n), self.stopped),
        };
        if self.started > 0 {
            said.push_str(match (self.alive.is_empty(), self.done) {
                (true, true) => "; nothing of this build is alive.",
                (true, false) => "; the rest is stopped when the build ends, however it ends.",
                (false, _) => ".",
            });
        }
        for phrase in &self.killed {
            said.push(' ');
            said.push_str(phrase);
            said.push('.');
        }
        said
    }
}

fn counted(n: u32) -> String {
    if n == 1 { "1 service".to_owned() } else { format!("{n} services") }
}

/// The axis all lanes share, ms since the epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    from: i64,
    to: i64,
}

impl Axis {
    /// From the first thing that began to the last that ended, or to `now` while something has no end.
    pub(crate) fn around(steps: &[StepLane], services: &[ServiceLane], over: bool, now: i64) -> Self {
        let begun = steps.iter().filter_map(|s| s.started_at).chain(services.iter().filter_map(|s| s.started_at));
        let ended = steps
            .iter()
            .filter_map(|s| s.ended_at)
            .chain(services.iter().filter_map(|s| s.stopped_at.or(s.stopping_at)));
        let from = begun.clone().min().unwrap_or(now);
        let to = if over { ended.chain(begun).max().unwrap_or(now) } else { now };
        Self { from, to: to.max(from.saturating_add(1)) }
    }

    pub(crate) fn from(self) -> i64 {
        self.from
    }

    fn length(self) -> f64 {
        self.to.saturating_sub(self.from) as f64
    }

    fn percent(self, at: i64) -> f64 {
        (at.saturating_sub(self.from) as f64 / self.length() * 100.0).clamp(0.0, 100.0)
    }

    /// The five labels of the axis. The script writes them anew while the build runs.
    pub(crate) fn ticks(self) -> Html {
        let mut out = String::new();
        for (quarter, anchor) in [(0u32, "start"), (1, "middle"), (2, "middle"), (3, "middle"), (4, "end")] {
            let ms = (self.length() * f64::from(quarter) / 4.0).round() as u64;
            let label = if ms == 0 { "0 s".to_owned() } else { tick(ms) };
            out.push_str(&format!(
                "<text x=\"{}%\" y=\"12\" text-anchor=\"{anchor}\" data-quarter=\"{quarter}\">{label}</text>",
                quarter * 25
            ));
        }
        Html(out)
    }

    fn segment(self, from: i64, to: Option<i64>, class: &str) -> String {
        let (left, right) = (self.percent(from), to.map_or(100.0, |to| self.percent(to)));
        let width = (right - left).max(0.8);
        let end = to.map(|to| to.to_string()).unwrap_or_default();
        format!(
            "<rect class=\"seg {class}\" x=\"{:.2}%\" y=\"0\" width=\"{width:.2}%\" height=\"16\" rx=\"4\" data-from=\"{from}\" data-to=\"{end}\"/>",
            left.min(100.0 - width),
        )
    }

    /// A label in the segment if there is room, else beside it where there is more. The script does the same.
    fn label(self, from: i64, to: Option<i64>, text: &str, html: &str) -> String {
        let (left, right) = (self.percent(from), to.map_or(100.0, |to| self.percent(to)));
        let needed = text.chars().count() as f64 * LABEL_PERCENT_PER_CHARACTER;
        let (x, dx, anchor) = if right - left >= needed {
            (left, 5, "start")
        } else if right + needed <= 100.0 {
            (right, 5, "start")
        } else {
            (left, -5, "end")
        };
        format!(
            "<text x=\"{x:.2}%\" dx=\"{dx}\" y=\"12\" text-anchor=\"{anchor}\" data-from=\"{from}\" data-to=\"{}\">{html}</text>",
            to.map(|to| to.to_string()).unwrap_or_default()
        )
    }

    /// The bar of a step.
    pub(crate) fn step(self, lane: &StepLane, now: i64) -> Html {
        let Some(from) = lane.started_at else { return Html(String::new()) };
        let running = lane.ended_at.is_none() && !lane.state.is_over();
        let to = if running { None } else { Some(lane.ended_at.unwrap_or(from)) };
        let ms = u64::try_from(to.unwrap_or(now).saturating_sub(from)).unwrap_or(0);
        let took = human_duration(ms);
        let note = if lane.note.is_empty() { String::new() } else { format!(" · {}", lane.note) };
        let counted =
            if running { format!("<tspan data-since=\"{from}\">{took}</tspan>") } else { took.clone() };
        let label = self.label(from, to, &format!("{took}{note}"), &(counted + &escape(&note)));
        Html(self.segment(from, to, lane.state.class()) + &label)
    }

    /// The bars of a service: starting, ready, stopping.
    pub(crate) fn service(self, lane: &ServiceLane) -> Html {
        let Some(from) = lane.started_at else { return Html(String::new()) };
        let starting_to = lane.ready_at.or(lane.stopping_at).or(lane.stopped_at);
        let mut out = self.segment(from, starting_to, "run");
        let ready = lane.ready_at.map(|ready| (ready, lane.stopping_at.or(lane.stopped_at)));
        if let Some((ready, to)) = ready {
            out.push_str(&self.segment(ready, to, "ready"));
        }
        if let Some(stopping) = lane.stopping_at {
            let class = if lane.killed { "warn" } else { "stop" };
            out.push_str(&self.segment(stopping, lane.stopped_at, class));
        }
        if let Some((ready, to)) = ready {
            let text = if lane.address.is_empty() { "ready".to_owned() } else { format!("ready · {}", lane.address) };
            out.push_str(&self.label(ready, to, &text, &escape(&text)));
        }
        Html(out)
    }
}

/// Width of one character of a label at 11 px on an axis of 350 px, in percent.
const LABEL_PERCENT_PER_CHARACTER: f64 = 1.75;

/// A label of the axis: seconds while a person counts in seconds.
fn tick(ms: u64) -> String {
    if (9_950..119_500).contains(&ms) { format!("{} s", (ms + 500) / 1000) } else { human_duration(ms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(from: i64, to: Option<i64>, state: State) -> StepLane {
        StepLane {
            path: "0".into(),
            kind: "task".into(),
            name: "t".into(),
            depth: 0,
            state,
            started_at: Some(from),
            ended_at: to,
            note: String::new(),
            logs: Vec::new(),
        }
    }

    #[test]
    fn a_bar_lies_where_its_time_is() {
        let steps = [lane(0, Some(25_000), State::Succeeded), lane(50_000, Some(100_000), State::Failed)];
        let axis = Axis::around(&steps, &[], true, 999_000);
        let bar = axis.step(&steps[1], 999_000).0;
        assert!(bar.contains("x=\"50.00%\" y=\"0\" width=\"50.00%\""), "{bar}");
        assert!(bar.contains(">50 s</text>"), "{bar}");
    }

    #[test]
    fn what_runs_reaches_the_present() {
        let steps = [lane(10_000, None, State::Running)];
        let axis = Axis::around(&steps, &[], false, 20_000);
        let bar = axis.step(&steps[0], 20_000).0;
        assert!(bar.contains("width=\"100.00%\"") && bar.contains("data-to=\"\""), "{bar}");
    }

    #[test]
    fn a_build_of_no_time_has_bars() {
        let steps = [lane(5, Some(5), State::Succeeded)];
        let bar = Axis::around(&steps, &[], true, 5).step(&steps[0], 5).0;
        assert!(bar.contains("width=\"0.80%\""), "{bar}");
    }

    #[test]
    fn the_promise_is_said() {
        let mut promise = Promise { done: true, started: 3, stopped: 3, ..Promise::default() };
        promise.killed.push("kafka needed SIGKILL after 10 s".into());
        assert_eq!(
            promise.said(),
            "3 services started, 3 stopped; nothing of this build is alive. kafka needed SIGKILL after 10 s."
        );
        promise.alive.push(Unstopped { service: "db".into(), worker: "w".into(), reason: "exit 1".into() });
        assert_eq!(promise.badge(), ("bad", "✗", "not stopped"));
    }
}

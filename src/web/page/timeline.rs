//! What a build is made of in time: steps and services as lanes, and the promise that nothing of it stays alive.

use super::{ServiceState, State};

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
    /// Its logs, oldest attempt first: one for each attempt that has begun, also when it has written nothing yet.
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
    /// Its logs, labelled `start`, `ready`, `stop`: those that have begun.
    pub logs: Vec<LogTab>,
}

impl ServiceLane {
    pub(crate) fn sign(&self) -> &'static str {
        self.state.sign(self.killed)
    }

    pub(crate) fn class(&self) -> &'static str {
        self.state.class(self.killed)
    }

    /// Label of the log that matters in this state.
    pub(crate) fn part(&self) -> &'static str {
        match self.state {
            ServiceState::NotStopped => "stop",
            ServiceState::Failed if self.has("ready") => "ready",
            _ => "start",
        }
    }

    fn has(&self, label: &str) -> bool {
        self.logs.iter().any(|tab| tab.label == label)
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

#[cfg(test)]
mod tests {
    use super::*;

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

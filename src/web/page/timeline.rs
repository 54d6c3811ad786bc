//! What a build is made of in time: steps and services as lanes.

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
    /// Who stopped it: `build`, `shim` or `journal`; empty while nobody has.
    pub stopped_by: String,
    /// The worker on which it is to be stopped, where that is still to be done.
    pub pending_on: Option<String>,
    /// How often its stop was tried; 0 where that is not known.
    pub tries: u32,
    /// Processes that did not end by themselves.
    pub killed: u32,
    /// Why its start, ready check or stop failed; may be empty.
    pub why: String,
    /// Its logs, labelled `start`, `ready`, `stop`: those that have begun.
    pub logs: Vec<LogTab>,
}

impl ServiceLane {
    pub(crate) fn sign(&self) -> &'static str {
        self.state.sign(self.killed > 0)
    }

    pub(crate) fn class(&self) -> &'static str {
        self.state.class(self.killed > 0)
    }

    /// Label of the log that matters in this state.
    pub(crate) fn part(&self) -> &'static str {
        match self.state {
            ServiceState::NotStopped | ServiceState::StopPending => "stop",
            ServiceState::Failed if self.has("ready") => "ready",
            _ => "start",
        }
    }

    fn has(&self, label: &str) -> bool {
        self.logs.iter().any(|tab| tab.label == label)
    }

    /// The state in words, with the worker on which its stop is to run.
    pub(crate) fn said(&self) -> String {
        match (self.state, &self.pending_on) {
            (ServiceState::StopPending, Some(worker)) => format!("stop pending on {worker}"),
            _ => self.state.word().to_owned(),
        }
    }

    /// Who stopped it, for a reader who does not know the word.
    pub(crate) fn stopper(&self) -> &'static str {
        match self.stopped_by.as_str() {
            "build" => "by the worker, as part of the build",
            "shim" => "by the build's own shim, after the worker was gone",
            "journal" => "from the journal on the worker's disk, after the build's shim was gone",
            _ => "",
        }
    }

    /// What was not as usual: tries, killed processes, failures. Empty if all was.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.state.is_left() {
            notes.push(self.said());
        }
        if self.tries > 1 {
            notes.push(format!("its stop was tried {} times", self.tries));
        }
        match self.killed {
            0 => {}
            1 => notes.push("1 process needed SIGKILL".to_owned()),
            n => notes.push(format!("{n} processes needed SIGKILL")),
        }
        if !self.why.is_empty() {
            notes.push(self.why.clone());
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_as_usual_is_noted() {
        let mut lane = ServiceLane {
            name: "db".into(),
            version: String::new(),
            state: ServiceState::Stopped,
            started_at: Some(0),
            ready_at: None,
            stopping_at: None,
            stopped_at: None,
            address: String::new(),
            stopped_by: "journal".into(),
            pending_on: None,
            tries: 1,
            killed: 0,
            why: String::new(),
            logs: Vec::new(),
        };
        assert_eq!(lane.notes(), Vec::<String>::new());
        assert!(lane.stopper().contains("journal"));
        (lane.tries, lane.killed, lane.why) = (2, 3, "exited with 1".into());
        assert_eq!(
            lane.notes(),
            ["its stop was tried 2 times", "3 processes needed SIGKILL", "exited with 1"]
        );
        (lane.state, lane.pending_on) = (ServiceState::StopPending, Some("lab-2".into()));
        assert_eq!(lane.notes()[0], "stop pending on lab-2");
    }
}

//! How an actor ends, and the notice its parent gets.

use std::fmt;

use serde::Serialize;

/// What a handler returns: go on, or end for this reason.
pub type Flow = Result<(), Exit>;

/// Why an actor ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "exit", content = "reason", rename_all = "snake_case")]
pub enum Exit {
    /// It has done what it was there for; like exit code 0.
    Finished,
    /// It was asked to stop and did; like SIGTERM.
    Stopped,
    /// It cannot go on and says why; like exit code 1.
    Failed(String),
    /// A handler, a future or the factory panicked; like SIGSEGV.
    Panicked(String),
    /// It gave no sign of life within the heartbeat's limit; like SIGKILL by a watchdog.
    Hung,
    /// It was dropped without a word: its thread ended or its context was torn down.
    Dropped,
}

impl Exit {
    /// A fault asks for a restart; an orderly end does not.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self, Exit::Finished | Exit::Stopped)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Finished => f.write_str("finished"),
            Exit::Stopped => f.write_str("stopped"),
            Exit::Failed(reason) => write!(f, "failed: {reason}"),
            Exit::Panicked(message) => write!(f, "panicked: {message}"),
            Exit::Hung => f.write_str("gave no sign of life"),
            Exit::Dropped => f.write_str("was dropped without a word"),
        }
    }
}

/// An actor is gone for good: it was not to be restarted, or its restart budget is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obituary {
    /// Name given at its start.
    pub name: String,
    /// Which incarnation died; unique in the process.
    pub generation: u64,
    /// Why the last incarnation ended.
    pub exit: Exit,
    /// How often it had been rebuilt before.
    pub restarts: u32,
}

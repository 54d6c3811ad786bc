//! How things end, with the code and the words a person sees.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A code of the run-time error catalogue. Stable: tests, scripts and people refer to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum RunCode {
    /// More than ten layers of secrets.
    R101,
    /// A key is missing in a secret's answer.
    R102,
    /// A secret could not be fetched, or may not be.
    R103,
    /// A docker task has no image.
    R110,
    /// No version for a get.
    R120,
    /// The worker was lost.
    R130,
    /// The worker was stopped.
    R131,
    /// The build's shim was lost.
    R132,
    /// A process cannot be ended.
    R133,
    /// A step took longer than its limit.
    R140,
    /// The job took longer than its limit.
    R141,
    /// A service did not start.
    R150,
    /// A service was not ready in time, or ended by itself.
    R151,
    /// A service's stop failed; log only.
    R152,
    /// An input of a task is missing.
    R160,
    /// An output of a task is missing.
    R161,
    /// A check's output is not a JSON array of objects.
    R170,
    /// A check took longer than its limit.
    R171,
    /// An image was not found.
    R180,
    /// A program was not found.
    R190,
    /// The exports of a task are too large.
    R201,
    /// The disk is full.
    R202,
}

impl fmt::Display for RunCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why something failed: an optional code and a sentence that names what was wrong. Never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The catalogue's code, where one fits.
    pub code: Option<RunCode>,
    /// What happened, in words.
    pub text: String,
}

impl Failure {
    /// A failure of the catalogue.
    pub fn coded(code: RunCode, text: impl Into<String>) -> Self {
        Self { code: Some(code), text: text.into() }
    }

    /// A failure that needs no code: a command that exited with 2.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { code: None, text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{code}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// How a process ended: every way is its own variant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It exited with this code.
    Exited(i32),
    /// It was ended by this signal.
    Signalled(i32),
    /// The program does not exist; `searched` is the PATH.
    NotFound {
        /// Its name as written.
        program: String,
        /// Where it was looked for.
        searched: String,
    },
    /// It could not be started for another reason (permission, limit, format).
    NotStarted {
        /// Its name as written.
        program: String,
        /// The system's words.
        reason: String,
    },
    /// It did not end although it was killed.
    Stuck {
        /// Its number.
        pid: i32,
        /// Its command.
        command: String,
        /// Where in the kernel it waits.
        wait_channel: String,
    },
    /// The shim that ran it is gone.
    ShimLost,
}

impl Ended {
    /// Whether it exited with 0.
    pub fn is_success(&self) -> bool {
        *self == Self::Exited(0)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with {code}"),
            Self::Signalled(signal) => write!(f, "was ended by signal {signal}"),
            Self::NotFound { program, searched } => {
                write!(f, "program \"{program}\" not found in {searched}")
            }
            Self::NotStarted { program, reason } => {
                write!(f, "program \"{program}\" could not be started: {reason}")
            }
            Self::Stuck { pid, command, wait_channel } => {
                write!(f, "process {pid} ({command}) could not be ended; it waits in {wait_channel}")
            }
            Self::ShimLost => f.write_str("was lost with its shim"),
        }
    }
}

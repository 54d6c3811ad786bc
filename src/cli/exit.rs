//! Exit codes: stable, because scripts act on them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It did what it was asked to.
    Success,
    /// The operation failed: a server error, a failed build.
    Failed,
    /// Wrong usage, or a pipeline with errors.
    Usage,
    /// Interrupted by a person.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Interrupted => 130,
        })
    }
}

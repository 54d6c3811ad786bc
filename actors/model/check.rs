//! Checks: looking for new versions of a resource.

use serde::{Deserialize, Serialize};

use crate::{outcome::Failure, version::VersionValue};

/// The longest line of versions, in bytes.
pub const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;
/// The most versions of one check.
pub const MAX_VERSIONS: usize = 1000;

/// What one check found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CheckOutcome {
    /// Versions, oldest first, or why there are none.
    pub result: Result<Vec<VersionValue>, Failure>,
    /// What the command printed, masked, its last 64 KiB.
    pub log: String,
}

impl CheckOutcome {
    /// What a failing check said: its log, then why it failed. Empty for a success.
    pub fn failing_text(&self) -> String {
        match &self.result {
            Ok(_) => String::new(),
            Err(failure) if self.log.is_empty() => failure.to_string(),
            Err(failure) => format!("{}\n{failure}", self.log.trim_end_matches('\n')),
        }
    }
}

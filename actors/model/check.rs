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

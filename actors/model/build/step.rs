//! What is known of a build's steps.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::BuildStatus;
use crate::{
    id::{StepPath, VersionId},
    outcome::Failure,
};

/// What is known of a step that was reached.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its place.
    pub path: StepPath,
    /// `get`, `task`, `put`, `service`, `hook`.
    pub kind: String,
    /// Its name as shown.
    pub name: String,
    /// Where it stands.
    pub status: BuildStatus,
    /// The attempt that runs or ran last, from 1.
    pub attempt: u32,
    /// Exit code of the last command, where it exited.
    pub exit_code: Option<i32>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The version it fetched or created.
    pub version: Option<VersionId>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took, once ended.
    pub duration: Option<Duration>,
    /// Bytes of its log so far.
    pub log_bytes: u64,
}

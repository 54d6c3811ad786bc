//! Workers as the server knows them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{Incarnation, NodeId};

/// What a worker says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WorkerProfile {
    /// Name as shown.
    pub name: String,
    /// Its process.
    pub node: NodeId,
    /// That process's life.
    pub incarnation: Incarnation,
    /// Host name.
    pub hostname: String,
    /// Operating system.
    pub os: String,
    /// Architecture.
    pub arch: String,
    /// Version of the program.
    pub version: String,
    /// Build slots.
    pub slots: u32,
    /// Check slots, beside the build slots.
    pub check_slots: u32,
    /// What it can do.
    pub tags: Vec<String>,
    /// Takes tagged work only.
    pub exclusive_tags: bool,
    /// Whether it takes builds.
    pub takes_builds: bool,
    /// Whether it takes checks.
    pub takes_checks: bool,
    /// Canonical of its team; none = global.
    pub team: Option<String>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// What an operator should know of its host: `journal is not durable (tmpfs)`.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl WorkerProfile {
    /// Whether this worker may take work with these tags.
    pub fn serves(&self, tags: &[String]) -> bool {
        if tags.is_empty() { !self.exclusive_tags } else { tags.iter().all(|tag| self.tags.contains(tag)) }
    }
}

/// How a worker stands, as shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// It renews.
    Online,
    /// It has not renewed for a while.
    Silent,
    /// Its lease is over.
    Lost,
    /// It takes no new work and ends.
    Draining,
}

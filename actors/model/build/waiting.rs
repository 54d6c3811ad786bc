//! Why a build does not run yet.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::BuildId;

/// Why a build that could run does not, in words a person understands, with what holds it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Waiting {
    /// A needed resource has no version yet; its first check is under way.
    NoVersion {
        /// Canonical of the resource.
        resource: String,
    },
    /// As many builds of the job as allowed are unfinished.
    Concurrency {
        /// How many are allowed.
        limit: u32,
        /// The builds that hold the places.
        held_by: Vec<BuildId>,
    },
    /// Another job of a serial group runs.
    SerialGroup {
        /// The group.
        group: String,
        /// The build that holds it.
        held_by: BuildId,
    },
    /// An older build of the job or group goes first.
    Behind {
        /// That build.
        build: BuildId,
    },
    /// No worker has these tags.
    NoWorker {
        /// What is needed.
        tags: Vec<String>,
    },
    /// Every matching worker is busy.
    WorkersBusy,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVersion { resource } => write!(f, "no version of {resource} yet"),
            Self::Concurrency { limit, .. } => write!(f, "concurrency ({limit} at once)"),
            Self::SerialGroup { group, .. } => write!(f, "serial_group:{group}"),
            Self::Behind { .. } => f.write_str("an older build goes first"),
            Self::NoWorker { tags } if tags.is_empty() => f.write_str("no worker"),
            Self::NoWorker { tags } => write!(f, "no worker with tags {}", tags.join(", ")),
            Self::WorkersBusy => f.write_str("all workers are busy"),
        }
    }
}

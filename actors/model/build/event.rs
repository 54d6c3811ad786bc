//! What a worker reports.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BuildStatus, Phase, ServiceRecord, StepRecord};
use crate::{
    id::{ResourceId, StepPath},
    log::Chunk,
    outcome::Failure,
    version::VersionValue,
};

/// What a worker reports of a build, in order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildEvent {
    /// The plan begins.
    Started {
        /// When.
        at: DateTime<Utc>,
    },
    /// A step began, changed or ended: its record as it now is.
    Step(StepRecord),
    /// A service instance changed: its record as it now is.
    Service(ServiceRecord),
    /// A put created a version.
    Created {
        /// By which step.
        step: StepPath,
        /// Whose version.
        resource: ResourceId,
        /// What it says.
        value: VersionValue,
    },
    /// Variables for later steps.
    Exported {
        /// Name → value.
        variables: BTreeMap<String, String>,
    },
    /// Log bytes.
    Log(Chunk),
    /// The phase changed.
    Phase(Phase),
    /// The status is fixed; hooks may follow.
    Concluded {
        /// Succeeded, failed, warning or cancelled.
        status: BuildStatus,
        /// Why it failed.
        failure: Option<Failure>,
        /// When.
        at: DateTime<Utc>,
    },
    /// Processes of the build outlive their kill: it has failed, also if it was concluded as succeeded. Its worker
    /// waits for them before it says that it is finished.
    Stuck {
        /// Which, and what they wait for.
        failure: Failure,
        /// When.
        at: DateTime<Utc>,
    },
    /// Nothing of the build is alive on the worker. The last event.
    Finished {
        /// When.
        at: DateTime<Utc>,
    },
    /// The shim that ran its commands was lost; its services' stops have run or stand pending, nothing of it is alive.
    /// The last event: it runs again as a new run, like after the loss of its worker.
    Lost {
        /// When.
        at: DateTime<Utc>,
    },
    /// The worker stops and hands the build back; its services are stopped. The last event.
    HandedBack {
        /// When.
        at: DateTime<Utc>,
    },
}

impl BuildEvent {
    /// Whether nothing follows it under this claim.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Finished { .. } | Self::HandedBack { .. } | Self::Lost { .. })
    }
}

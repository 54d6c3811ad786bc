//! What is known of a build's service instances.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{id::InstanceId, outcome::Failure};

/// Where a service instance stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// Its stop is registered; its start has not been tried.
    Registered,
    /// Its start runs.
    Starting,
    /// Its ready check runs.
    Probing,
    /// It answers.
    Ready,
    /// Its stop runs.
    Stopping,
    /// Its stop has completed.
    Stopped,
    /// Its stop failed three times; it stands as pending and is shown.
    StopFailed,
    /// Its worker was lost, or could not run its stop yet: the stop is owed and runs when the worker is back.
    StopPending,
}

impl ServiceState {
    /// The word in the API and the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Starting => "starting",
            Self::Probing => "probing",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::StopFailed => "stop_failed",
            Self::StopPending => "stop_pending",
        }
    }

    /// The state of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Registered,
            Self::Starting,
            Self::Probing,
            Self::Ready,
            Self::Stopping,
            Self::Stopped,
            Self::StopFailed,
            Self::StopPending,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }

    /// Whether its stop is still owed.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::StopFailed | Self::StopPending)
    }
}

/// What is known of a service instance.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// Its identity.
    pub instance: InstanceId,
    /// Its name in the job.
    pub name: String,
    /// Label of its type.
    pub service_type: String,
    /// Its `version` parameter, where it has one.
    pub version: String,
    /// `localhost:5432`, where it is known.
    pub address: String,
    /// Where it stands.
    pub state: ServiceState,
    /// Who stopped it: `build`, `shim` or `journal`.
    pub stopped_by: Option<String>,
    /// How often its stop was tried; 0 until it has been.
    #[serde(default)]
    pub tries: u32,
    /// Processes that had to be killed.
    pub killed: u32,
    /// Why its start, ready check or stop failed.
    pub failure: Option<Failure>,
    /// When its start began.
    pub starting_at: DateTime<Utc>,
    /// When it was ready.
    pub ready_at: Option<DateTime<Utc>>,
    /// When its stop began.
    pub stopping_at: Option<DateTime<Utc>>,
    /// When its stop had completed.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Name of the worker where its stop stands pending.
    #[serde(default)]
    pub worker: Option<String>,
}

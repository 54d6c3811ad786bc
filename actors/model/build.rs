//! A build: its state, which changes are legal, its steps and its service instances.
//!
//! **Invariant:** [`BuildStatus::may_become`] and [`Phase::may_become`] are the only places that say which change is legal.

use std::{collections::BTreeMap, fmt, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::{
        BuildId, BuildNumber, Fence, Incarnation, InstanceId, JobId, NodeId, PipelineId, ResourceId,
        RevisionId, StepPath, VersionId,
    },
    outcome::Failure,
    version::VersionValue,
};

/// What a person sees of a build or a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildStatus {
    /// Queued.
    Pending,
    /// Running.
    Started,
    /// All went well.
    Succeeded,
    /// It did not.
    Failed,
    /// Failed but allowed to, or marked by hand; counts as passed downstream.
    Warning,
    /// Ended on request.
    Cancelled,
}

impl BuildStatus {
    /// The word in the API and the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Warning => "warning",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Started, Self::Succeeded, Self::Failed, Self::Warning, Self::Cancelled]
            .into_iter()
            .find(|status| status.word() == word)
    }

    /// Whether nothing follows by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Started)
    }

    /// Whether its versions count as passed.
    pub fn passes(self) -> bool {
        matches!(self, Self::Succeeded | Self::Warning)
    }

    /// Whether this may become `next`. `started → pending` (a new run) needs a new fence, which the caller holds.
    pub fn may_become(self, next: Self) -> bool {
        use BuildStatus as S;
        matches!(
            (self, next),
            (S::Pending, S::Started | S::Cancelled | S::Failed)
                | (S::Started, S::Succeeded | S::Failed | S::Warning | S::Cancelled | S::Pending)
                | (S::Failed, S::Warning)
        )
    }
}

impl fmt::Display for BuildStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How far a build is, whatever its status says: a cancelled build holds its place until its services are stopped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waits for a worker.
    Queued,
    /// A worker holds it; nothing has been reported yet.
    Claimed,
    /// The plan runs.
    Running,
    /// The services are being stopped.
    Stopping,
    /// The status is fixed; job hooks run.
    Hooks,
    /// Nothing of it is alive.
    Done,
}

impl Phase {
    /// The word in the API and the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Claimed => "claimed",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Hooks => "hooks",
            Self::Done => "done",
        }
    }

    /// The phase of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Queued, Self::Claimed, Self::Running, Self::Stopping, Self::Hooks, Self::Done]
            .into_iter()
            .find(|phase| phase.word() == word)
    }

    /// Whether this may become `next`: only forward, or back to the queue with a new fence.
    pub fn may_become(self, next: Self) -> bool {
        self != Self::Done && (next > self || (next == Self::Queued && self != Self::Queued))
    }
}

/// Why a build exists.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    /// A new version of a resource.
    Resource {
        /// Canonical of the resource.
        resource: String,
        /// The version.
        version: VersionId,
    },
    /// Versions that passed upstream jobs.
    Passed {
        /// Get name → version, sorted.
        versions: BTreeMap<String, VersionId>,
    },
    /// A person, through page or client.
    Manual {
        /// Makes the cause unique.
        nonce: uuid::Uuid,
        /// Who.
        by: String,
    },
    /// A retry of another build of the job.
    Retry {
        /// The build whose versions and inputs are taken.
        source: BuildId,
        /// Which retry, from 1.
        number: i64,
        /// Who.
        by: String,
    },
}

impl Cause {
    /// Unique per job: a second build of the same cause is never inserted.
    pub fn key(&self) -> String {
        match self {
            Self::Resource { resource, version } => format!("root:{resource}:{version}"),
            Self::Passed { versions } => {
                let parts: Vec<String> =
                    versions.iter().map(|(get, version)| format!("{get}={version}")).collect();
                format!("passed:{}", parts.join(","))
            }
            Self::Manual { nonce, .. } => format!("manual:{nonce}"),
            Self::Retry { source, number, .. } => format!("retry:{source}:{number}"),
        }
    }

    /// The word of `BUILD_CAUSE`: `resource`, `passed`, `manual`, `retry`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Resource { .. } => "resource",
            Self::Passed { .. } => "passed",
            Self::Manual { .. } => "manual",
            Self::Retry { .. } => "retry",
        }
    }
}

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

/// A build's row. Logs are elsewhere.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Build {
    /// Its identity.
    pub id: BuildId,
    /// Whose pipeline.
    pub pipeline: PipelineId,
    /// Whose build.
    pub job: JobId,
    /// Name of the job.
    pub job_name: String,
    /// The definition it keeps.
    pub revision: RevisionId,
    /// Its number within the job.
    pub number: BuildNumber,
    /// What a person sees.
    pub status: BuildStatus,
    /// How far it is.
    pub phase: Phase,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Why it exists.
    pub cause: Cause,
    /// The fixed version of each get, by the get's name.
    pub versions: BTreeMap<String, BuildVersion>,
    /// `INPUT_<name>`.
    pub inputs: BTreeMap<String, String>,
    /// From 1; grows when it runs again after a loss.
    pub run: u32,
    /// Who holds it, or held it until it was done; none while queued.
    pub claim: Option<Claim>,
    /// Name of the worker that ran it last.
    pub worker: Option<String>,
    /// Somebody asked for its end; why.
    pub cancel_requested: Option<String>,
    /// Last event number whose effect is stored, of the current fence.
    pub events_through: u64,
    /// What its steps exported: `TASK_…`, `GET_…`.
    pub exports: BTreeMap<String, String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its plan began.
    pub started_at: Option<DateTime<Utc>>,
    /// When its status became final.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A version that a build is bound to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BuildVersion {
    /// Whose version.
    pub resource: ResourceId,
    /// Which.
    pub version: VersionId,
}

/// Who holds a build.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// The worker's process.
    pub node: NodeId,
    /// That process's life.
    pub incarnation: Incarnation,
    /// What the claim is worth.
    pub fence: Fence,
}

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
        ]
        .into_iter()
        .find(|state| state.word() == word)
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
    /// Who stopped it: `build` or `shim`.
    pub stopped_by: Option<String>,
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
}

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
    Log(crate::log::Chunk),
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
    /// Nothing of the build is alive on the worker. The last event.
    Finished {
        /// When.
        at: DateTime<Utc>,
    },
    /// The worker stops and hands the build back; its services are stopped. The last event.
    HandedBack {
        /// When.
        at: DateTime<Utc>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_status_stays() {
        for status in [BuildStatus::Succeeded, BuildStatus::Warning, BuildStatus::Cancelled] {
            for next in [BuildStatus::Pending, BuildStatus::Started, BuildStatus::Failed] {
                assert!(!status.may_become(next), "{status} → {next}");
            }
        }
        assert!(BuildStatus::Failed.may_become(BuildStatus::Warning));
    }

    #[test]
    fn a_phase_goes_forward_or_back_to_the_queue() {
        assert!(Phase::Claimed.may_become(Phase::Done) && Phase::Hooks.may_become(Phase::Queued));
        assert!(!Phase::Done.may_become(Phase::Queued) && !Phase::Stopping.may_become(Phase::Running));
    }

    #[test]
    fn causes_have_stable_keys() {
        let versions = BTreeMap::from([("app".to_owned(), VersionId(7)), ("lib".to_owned(), VersionId(3))]);
        assert_eq!(Cause::Passed { versions }.key(), "passed:app=7,lib=3");
    }
}

//! What scheduling decides from, and what it decides: plain data between the store and the pure functions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    build::{BuildStatus, BuildVersion, Cause, Phase},
    id::{BuildId, BuildNumber, JobId, NodeId, PipelineId, ResourceId, RevisionId, StateRevision, VersionId},
    outcome::Failure,
    step::VersionMode,
};

/// Everything that decides which builds of one pipeline should exist, read at one moment. Bounded: it does not grow
/// with history.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SchedulingState {
    /// Whose.
    pub pipeline: PipelineId,
    /// Writes are conditional on it.
    pub revision: StateRevision,
    /// The definition that new builds bind.
    pub definition: RevisionId,
    /// The pipeline's jobs, in file order.
    pub jobs: Vec<JobState>,
    /// Builds whose phase is not done, oldest first.
    pub unfinished: Vec<BuildBrief>,
}

/// A job, for scheduling.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct JobState {
    /// Its row.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// A new build cancels older ones.
    pub interruptible: bool,
    /// Its gets, in plan order.
    pub gets: Vec<GetState>,
    /// The newest passing builds of jobs that stand upstream of at least two gets of different resources; newest
    /// first, at most 50 a job. A fan-in prefers versions that went through one of them together.
    pub upstream: Vec<UpstreamBuild>,
}

/// A get, for scheduling.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GetState {
    /// The get's key: its step's name, with a number where several gets of the job share it.
    pub name: String,
    /// Whose versions.
    pub resource: ResourceId,
    /// Canonical of the resource.
    pub canonical: String,
    /// New versions start the job.
    pub trigger: bool,
    /// Every version, or only the newest.
    pub mode: VersionMode,
    /// The newest version that this get may use: of the resource, or of those that passed.
    pub newest: Option<VersionId>,
    /// A root get with `trigger`, or one with `passed`, or a root get that only fetches.
    pub source: GetSource,
}

/// What feeds a get.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GetSource {
    /// No `passed`: versions as they are found, oldest first, that were not considered yet (at most 1000; empty
    /// without `trigger`).
    Root {
        /// Newer than the get's `considered_up_to`.
        fresh: Vec<VersionId>,
    },
    /// Versions newer than the get's baseline that passed every upstream job.
    Passed {
        /// Names of the upstream jobs.
        jobs: Vec<String>,
        /// The highest, and whether a build of this job has used it in this get.
        highest: Option<(VersionId, bool)>,
        /// The lowest that no build of this job has used in this get; filled for `every` only.
        lowest_unused: Option<VersionId>,
    },
}

/// Versions that went through one upstream build together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct UpstreamBuild {
    /// Name of the upstream job.
    pub job: String,
    /// The build.
    pub build: BuildId,
    /// Resource → version it used or created.
    pub versions: BTreeMap<ResourceId, VersionId>,
}

/// An unfinished build, for scheduling.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BuildBrief {
    /// Its identity.
    pub id: BuildId,
    /// Whose.
    pub job: JobId,
    /// Its number within the job.
    pub number: BuildNumber,
    /// What a person sees.
    pub status: BuildStatus,
    /// How far it is.
    pub phase: Phase,
    /// Why it exists.
    pub cause: Cause,
    /// Its fixed versions, by get key; a get without one waits for a first check.
    pub versions: BTreeMap<String, BuildVersion>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// One change of a pipeline's run-time state. A batch is applied whole or not at all.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// A build, unless the job already has one of the same cause.
    InsertBuild(NewBuild),
    /// A root get has seen the versions up to this one.
    Consider {
        /// Whose get.
        job: JobId,
        /// The get's key.
        get: String,
        /// The newest version seen.
        up_to: VersionId,
    },
    /// Ends a build: a queued one at once, a claimed one by setting `cancel_requested`; its status is `cancelled` at
    /// once either way. A build that is already final is left alone.
    Cancel {
        /// Which.
        build: BuildId,
        /// Why: `superseded by #12`, `cancelled by alice`.
        reason: String,
    },
    /// Ends a queued build that cannot run.
    Fail {
        /// Which.
        build: BuildId,
        /// Why.
        failure: Failure,
    },
    /// Completes the versions of a queued build that waited for a first check.
    FixVersions {
        /// Which.
        build: BuildId,
        /// All gets.
        versions: BTreeMap<String, BuildVersion>,
    },
}

/// A build to be inserted. Its number is given by the store: the job's next, or the source's next retry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NewBuild {
    /// Whose.
    pub job: JobId,
    /// The definition it keeps.
    pub revision: RevisionId,
    /// Why; unique per job.
    pub cause: Cause,
    /// The fixed version of each get, by its key. Complete, unless it waits for a first check.
    pub versions: BTreeMap<String, BuildVersion>,
    /// `INPUT_<name>`.
    pub inputs: BTreeMap<String, String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What came of a batch.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Applied {
    /// The state's revision afterwards.
    pub revision: StateRevision,
    /// The builds that were inserted, in the order of their writes; a repeated cause gives the build that exists.
    pub builds: Vec<InsertedBuild>,
}

/// A build that an insert led to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InsertedBuild {
    /// Its identity.
    pub id: BuildId,
    /// Its number.
    pub number: BuildNumber,
    /// False if a build of the same cause existed already.
    pub new: bool,
}

/// A queued build, for dispatch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PendingBuild {
    /// Its identity.
    pub id: BuildId,
    /// Whose pipeline.
    pub pipeline: PipelineId,
    /// Canonical of the team.
    pub team: String,
    /// Whose job.
    pub job: JobId,
    /// A worker needs all of these.
    pub tags: Vec<String>,
    /// Unfinished builds of the job at once; 0 = unlimited.
    pub concurrency: u32,
    /// At most one job of each group runs at a time in the pipeline.
    pub serial_groups: Vec<String>,
    /// The resource whose first version is awaited; such a build is not offered.
    pub awaits: Option<String>,
}

/// A claimed build that is not done: it holds its places.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HeldPlace {
    /// Which.
    pub build: BuildId,
    /// Whose pipeline.
    pub pipeline: PipelineId,
    /// Whose job.
    pub job: JobId,
    /// The job's serial groups.
    pub serial_groups: Vec<String>,
    /// The worker's process.
    pub node: NodeId,
}

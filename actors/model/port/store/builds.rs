//! Builds: claims, events, reading.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Page, StoreError};
use crate::{
    build::{Build, BuildEvent, BuildStatus, Claim, Phase, ServiceRecord, StepRecord, StopReport, Waiting},
    id::{BuildId, BuildNumber, Fence, Incarnation, JobId, NodeId, PipelineId, ResourceId, VersionId},
    outcome::Failure,
    pipeline::Pipeline,
    text::SecretValue,
    version::Version,
};

/// Who wants a build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimRequest {
    /// Which.
    pub build: BuildId,
    /// The worker's process.
    pub node: NodeId,
    /// That process's life.
    pub incarnation: Incarnation,
    /// The worker's name, for display.
    pub worker: String,
    /// Random bits of the fence; the store adds the claim's number.
    pub random: u32,
}

impl ClaimRequest {
    /// Whether this request has made the build's claim, and nothing has begun yet.
    pub fn made(&self, build: &Build) -> bool {
        let by_this = |claim: &Claim| {
            let process = claim.node == self.node && claim.incarnation == self.incarnation;
            process && claim.fence.random() == self.random
        };
        build.phase == Phase::Claimed && build.claim.as_ref().is_some_and(by_this)
    }
}

/// What came of a claim.
#[derive(Clone, PartialEq, Debug)]
pub enum ClaimAnswer {
    /// The build is that worker's.
    Claimed(Box<ClaimedBuild>),
    /// It is not queued any more.
    Gone,
    /// Concurrency or a serial group does not allow it now.
    MustWait(Waiting),
}

/// A claimed build with all that its plan is made of, read in the claim's transaction.
#[derive(Clone, PartialEq, Debug)]
pub struct ClaimedBuild {
    /// The row, as claimed.
    pub build: Build,
    /// The parts of the plan.
    pub parts: PlanParts,
}

/// What a plan is made of besides the build's row.
#[derive(Clone, PartialEq, Debug)]
pub struct PlanParts {
    /// Canonical of the team.
    pub team: String,
    /// Canonical of the pipeline.
    pub pipeline: String,
    /// The definition the build keeps.
    pub definition: Arc<Pipeline>,
    /// Canonical → row of the resources.
    pub resources: BTreeMap<String, ResourceId>,
    /// The versions of the build's gets, by get key.
    pub versions: BTreeMap<String, Version>,
    /// Given values of secret-backed variables.
    pub given_secrets: BTreeMap<String, SecretValue>,
}

/// Events whose effect is to be stored, with the number of the last one. Log events are stored apart, before.
#[derive(Clone, PartialEq, Debug)]
pub struct BuildUpdate {
    /// Whose.
    pub build: BuildId,
    /// Under which claim.
    pub fence: Fence,
    /// Number of the last event of the batch; events up to the stored number were filtered out by the caller.
    pub through: u64,
    /// The events, in order, without log events.
    pub events: Vec<BuildEvent>,
    /// When the server took them: the time of versions that are new.
    pub at: DateTime<Utc>,
}

/// What storing events did.
#[derive(Clone, PartialEq, Debug)]
pub enum Recorded {
    /// The effects are stored.
    Stored {
        /// The build's row afterwards.
        build: Box<Build>,
        /// Versions that puts created: resource, version, whether it was new.
        created: Vec<(ResourceId, VersionId, bool)>,
    },
    /// The fence is not the row's: the claim is void.
    Void,
}

/// What a request to cancel did.
#[derive(Clone, PartialEq, Debug)]
pub enum CancelRequest {
    /// It was queued and is done.
    Ended(PipelineId),
    /// It is claimed; its worker must be told. The status is `cancelled` already.
    Claimed {
        /// Whose pipeline.
        pipeline: PipelineId,
        /// The worker's process.
        node: NodeId,
        /// The claim.
        fence: Fence,
    },
    /// It is final, or its hooks run already.
    TooLate(BuildStatus),
    /// It does not exist.
    Unknown,
}

/// What handing a build back did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Requeued {
    /// It is queued again.
    Queued,
    /// It has failed: too many runs, or the job says so.
    Failed,
    /// It was to be cancelled anyway, and is done.
    Done,
    /// The fence is not the row's.
    Void,
}

/// What a report of a stop did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordedStop {
    /// It changed the service of a build of this pipeline.
    Changed(PipelineId),
    /// It says what is known.
    Known,
    /// There is no such build any more.
    Unknown,
}

/// A service whose stop is owed.
#[derive(Clone, PartialEq, Debug)]
pub struct PendingStop {
    /// For paging; grows with time.
    pub id: i64,
    /// Whose.
    pub build: BuildId,
    /// Of which run.
    pub run: u32,
    /// What is known; its `worker` is where the stop stands pending.
    pub record: ServiceRecord,
}

/// Builds.
#[async_trait]
pub trait BuildStore {
    /// Claims a queued build in one conditional write: `pending → started`, phase `claimed`, a new fence. Re-checks
    /// concurrency and serial groups in the same transaction. The same request again, while the build is still no more
    /// than claimed by it, gives the same claim again: an answer may get lost.
    async fn claim(&self, request: &ClaimRequest) -> Result<ClaimAnswer, StoreError>;

    /// Stores the effects of events and the last number in one transaction. The status never leaves `cancelled`;
    /// `Concluded` fixes the status and, where it passes, notes the used and created versions as passed and raises the
    /// pipeline's state revision, so that downstream jobs start before hooks have run. `Finished` makes the phase
    /// `done`. `HandedBack` has no effect here: [`Self::requeue`] follows it. An illegal change is left out and noted
    /// in the log, never an error. A build that is done keeps its claim: repeated events find their fence again.
    async fn record_events(&self, update: BuildUpdate) -> Result<Recorded, StoreError>;

    /// Asks for a build's end.
    async fn request_cancel(
        &self,
        build: BuildId,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<CancelRequest, StoreError>;

    /// A claimed build goes back to the queue: `counts` makes it a new run (a loss), otherwise it was handed back, and
    /// the steps and services of the run that begins again are forgotten, except services whose stop is owed. When it
    /// counts, a fourth run, or a job that says `fail`, ends it with `failure` instead; and services of the run that are
    /// not stopped are lost with it ([`ServiceRecord::lose`]).
    async fn requeue(
        &self,
        build: BuildId,
        fence: Fence,
        counts: bool,
        failure: &Failure,
        at: DateTime<Utc>,
    ) -> Result<Requeued, StoreError>;

    /// A worker's report of a service whose build cannot tell it any more, whatever fence the build has by now: the
    /// record of that instance takes it in ([`ServiceRecord::take_report`]); one that was never heard of is made, in the
    /// report's run.
    async fn record_stop(&self, worker: &str, report: &StopReport) -> Result<RecordedStop, StoreError>;

    /// Ends a claimed build as failed, conditional on its fence: it cannot run again (memory store at stop).
    async fn fail_claimed(
        &self,
        build: BuildId,
        fence: Fence,
        failure: &Failure,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Builds that this worker process holds.
    async fn held_by(&self, node: &NodeId) -> Result<Vec<Build>, StoreError>;
    /// All claimed builds that are not done.
    async fn claimed_builds(&self) -> Result<Vec<Build>, StoreError>;

    /// A build by id.
    async fn build(&self, id: BuildId) -> Result<Option<Build>, StoreError>;
    /// A build by number.
    async fn build_by_number(&self, job: JobId, number: BuildNumber) -> Result<Option<Build>, StoreError>;
    /// Builds of a job, newest first; only these statuses if any is given.
    async fn builds(
        &self,
        job: JobId,
        page: Page,
        statuses: &[BuildStatus],
    ) -> Result<Vec<Build>, StoreError>;
    /// Steps of a run that were reached, in order of their start.
    async fn steps(&self, build: BuildId, run: u32) -> Result<Vec<StepRecord>, StoreError>;
    /// Service instances of a run, in order of their start.
    async fn services(&self, build: BuildId, run: u32) -> Result<Vec<ServiceRecord>, StoreError>;
    /// Service instances of all runs of a build, with their run: run by run, each in order of their start.
    async fn services_of_runs(&self, build: BuildId) -> Result<Vec<(u32, ServiceRecord)>, StoreError>;
    /// Instances of all builds whose stop is owed ([`ServiceState::is_pending`](crate::build::ServiceState::is_pending)),
    /// newest first; the page goes by [`PendingStop::id`]. Costs what it gives, not what there is.
    async fn pending_stops(&self, page: Page) -> Result<Vec<PendingStop>, StoreError>;
    /// The versions of a build's gets, by get key.
    async fn build_versions(&self, build: BuildId) -> Result<BTreeMap<String, Version>, StoreError>;
    /// How many retries of this original build exist.
    async fn retries(&self, job: JobId, major: i64) -> Result<i64, StoreError>;
    /// Counts of builds by status, for metrics.
    async fn build_counts(&self) -> Result<BTreeMap<BuildStatus, u64>, StoreError>;
}

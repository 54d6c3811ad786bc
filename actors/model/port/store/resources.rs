//! Resources, their checks and versions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Page, StoreError, VersionUse};
use crate::{
    build::BuildStatus,
    check::CheckOutcome,
    id::{NodeId, PipelineId, ResourceId, VersionId},
    version::{Version, VersionValue},
};

/// A resource's row: run-time state; its definition is in the revision.
#[derive(Clone, PartialEq, Debug)]
pub struct ResourceRow {
    /// Its identity.
    pub id: ResourceId,
    /// Whose.
    pub pipeline: PipelineId,
    /// `type.name`.
    pub canonical: String,
    /// Secret part of the webhook's address: `<canonical>_<uuid>`.
    pub webhook_token: String,
    /// When the last check ended.
    pub last_check: Option<DateTime<Utc>>,
    /// When the next one is due; none = only when asked for.
    pub next_check: Option<DateTime<Utc>>,
    /// Whether the last check failed.
    pub failing: bool,
    /// What the last failing check said; empty after a success.
    pub logs: String,
    /// A check runs under this lease.
    pub checking: Option<CheckLease>,
    /// The newest version.
    pub latest: Option<Version>,
}

/// The right to check a resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckLease {
    /// Grows with each lease of the resource; a result with another number is void.
    pub number: i64,
    /// The worker that holds it.
    pub node: NodeId,
    /// Until when it holds.
    pub until: DateTime<Utc>,
}

/// A resource that should be checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueCheck {
    /// Which.
    pub resource: ResourceId,
    /// Whose.
    pub pipeline: PipelineId,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What recording a check did.
#[derive(Clone, PartialEq, Debug)]
pub struct RecordedCheck {
    /// Whose pipeline.
    pub pipeline: PipelineId,
    /// The versions that are new, oldest first.
    pub new: Vec<VersionId>,
    /// One more check was asked for while this one ran.
    pub again: bool,
}

/// A version with what lists show.
#[derive(Clone, PartialEq, Debug)]
pub struct VersionRow {
    /// The version.
    pub version: Version,
    /// Status of the newest build that used it.
    pub status: Option<BuildStatus>,
    /// The newest builds that used or created it, at most 20.
    pub uses: Vec<VersionUse>,
}

/// Resources.
#[async_trait]
pub trait ResourceStore {
    /// All resources of a pipeline, in canonical order.
    async fn resources(&self, pipeline: PipelineId) -> Result<Vec<ResourceRow>, StoreError>;
    /// A resource by canonical.
    async fn resource(
        &self,
        pipeline: PipelineId,
        canonical: &str,
    ) -> Result<Option<ResourceRow>, StoreError>;
    /// A resource by id.
    async fn resource_by_id(&self, id: ResourceId) -> Result<Option<ResourceRow>, StoreError>;
    /// The resource of this webhook token.
    async fn resource_by_webhook(&self, token: &str) -> Result<Option<ResourceRow>, StoreError>;
    /// Replaces the webhook token.
    async fn set_webhook_token(&self, id: ResourceId, token: &str) -> Result<(), StoreError>;
    /// Asks for a check as soon as possible: sets `next_check` to `at`. While one runs (a lease is held at `at`), notes
    /// that one more follows it (true): [`Self::record_check`] then sets `next_check` to its own `at`.
    async fn request_check(&self, id: ResourceId, at: DateTime<Utc>) -> Result<bool, StoreError>;
    /// Sets when the resource is due next; none = only when asked for.
    async fn set_next_check(&self, id: ResourceId, next: Option<DateTime<Utc>>) -> Result<(), StoreError>;
    /// Resources without a running check whose time has come (`next_check <= now`, or asked for), earliest first.
    async fn due_checks(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<DueCheck>, StoreError>;
    /// Takes the lease, if the resource is due at `now` and no other is held; `None` otherwise. Two that saw the same
    /// check due get it once, also when the first has ended before the second asks.
    async fn lease_check(
        &self,
        id: ResourceId,
        node: &NodeId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<CheckLease>, StoreError>;
    /// Checks that run under a lease of this worker process: resource and number of the lease.
    async fn checks_held_by(&self, node: &NodeId) -> Result<Vec<(ResourceId, i64)>, StoreError>;
    /// Records the one result of a lease: new versions get the next ids in order, known ones are skipped, the lease is
    /// given back, the next check is set to `next`. `None` if the lease is not this one any more. A failure keeps the
    /// versions.
    async fn record_check(
        &self,
        id: ResourceId,
        lease: i64,
        outcome: &CheckOutcome,
        at: DateTime<Utc>,
        next: Option<DateTime<Utc>>,
    ) -> Result<Option<RecordedCheck>, StoreError>;
    /// Records a version by hand; the known one if it is known (false).
    async fn add_version(
        &self,
        id: ResourceId,
        value: &VersionValue,
        at: DateTime<Utc>,
    ) -> Result<(VersionId, bool), StoreError>;
    /// Versions of a resource.
    async fn versions(&self, id: ResourceId, page: Page) -> Result<Vec<VersionRow>, StoreError>;
    /// One version.
    async fn version(&self, id: VersionId) -> Result<Option<Version>, StoreError>;
}

//! What the scheduler and the dispatcher read and write.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::{
    id::{BuildId, PipelineId, StateRevision},
    scheduling::{Applied, HeldPlace, PendingBuild, SchedulingState, Write},
};

/// Scheduling.
#[async_trait]
pub trait SchedulingStore {
    /// Everything that decides which builds of a pipeline should exist, read in one transaction. `None` if it is gone.
    async fn scheduling_state(&self, pipeline: PipelineId) -> Result<Option<SchedulingState>, StoreError>;

    /// Applies a batch if the pipeline's state still has this revision; `None` if it has not, and nothing was written.
    /// Without an expected revision it is applied in any case: for a build started by hand, which decides nothing.
    ///
    /// Every change that a decision depends on raises the revision: a definition, a version, an inserted, requeued or
    /// passing build. That a build was claimed, or ended without passing, need not.
    async fn apply(
        &self,
        pipeline: PipelineId,
        expected: Option<StateRevision>,
        writes: Vec<Write>,
        at: DateTime<Utc>,
    ) -> Result<Option<Applied>, StoreError>;

    /// Queued builds of all pipelines with an id above `after`, oldest first, at most `limit`.
    async fn pending_builds(&self, after: BuildId, limit: u32) -> Result<Vec<PendingBuild>, StoreError>;

    /// Claimed builds that are not done, of all pipelines.
    async fn held_places(&self) -> Result<Vec<HeldPlace>, StoreError>;
}

//! The port's calls.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pikoci_model::{
    id::{BuildId, PipelineId, StateRevision},
    port::{StoreError, store::SchedulingStore},
    scheduling::{Applied, HeldPlace, PendingBuild, SchedulingState, Write},
};

use super::{apply::Apply, places, state};
use crate::store::SqlStore;

#[async_trait]
impl SchedulingStore for SqlStore {
    async fn scheduling_state(&self, pipeline: PipelineId) -> Result<Option<SchedulingState>, StoreError> {
        let mut conn = self.reader().await?;
        // One transaction, so that all reads see one moment.
        conn.begin_moment().await?;
        let state = state::read(&mut conn, &self.shared.definitions, pipeline).await?;
        conn.commit().await?;
        Ok(state)
    }

    async fn apply(
        &self,
        pipeline: PipelineId,
        expected: Option<StateRevision>,
        writes: Vec<Write>,
        at: DateTime<Utc>,
    ) -> Result<Option<Applied>, StoreError> {
        self.writer.run(Apply { pipeline, expected, writes, at }).await
    }

    async fn pending_builds(&self, after: BuildId, limit: u32) -> Result<Vec<PendingBuild>, StoreError> {
        let mut conn = self.reader().await?;
        Ok(places::pending(&mut conn, &self.shared.definitions, after, limit).await?)
    }

    async fn held_places(&self) -> Result<Vec<HeldPlace>, StoreError> {
        Ok(places::held(&mut self.reader().await?, &self.shared.definitions).await?)
    }
}

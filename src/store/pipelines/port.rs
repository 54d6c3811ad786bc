//! The port's calls.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pikoci_model::{
    build::Build,
    id::{PipelineId, RevisionId, TeamId},
    port::{
        StoreError,
        store::{JobRow, PipelineRow, PipelineStore, RevisionRow, SaveRevision, SavedRevision},
    },
    text::SecretValue,
};

use super::{read, remove::Remove, save::Save, values};
use crate::store::SqlStore;

#[async_trait]
impl PipelineStore for SqlStore {
    async fn save_revision(&self, save: SaveRevision) -> Result<SavedRevision, StoreError> {
        self.writer.run(Save(save)).await
    }

    async fn pipeline(&self, team: &str, canonical: &str) -> Result<Option<PipelineRow>, StoreError> {
        Ok(read::by_name(&mut self.reader().await?, team, canonical).await?)
    }

    async fn pipeline_by_id(&self, id: PipelineId) -> Result<Option<PipelineRow>, StoreError> {
        Ok(read::by_id(&mut self.reader().await?, id).await?)
    }

    async fn pipelines(&self, team: Option<TeamId>) -> Result<Vec<PipelineRow>, StoreError> {
        Ok(read::all(&mut self.reader().await?, team).await?)
    }

    async fn delete_pipeline(&self, id: PipelineId) -> Result<bool, StoreError> {
        let Some(builds) = self.writer.run(Remove(id)).await? else { return Ok(false) };
        self.log.forget(builds).await?;
        Ok(true)
    }

    async fn revision(&self, id: RevisionId) -> Result<Option<RevisionRow>, StoreError> {
        let found = self.shared.definitions.find(&mut self.reader().await?, id).await?;
        Ok(found.map(|definition| definition.row.clone()))
    }

    async fn given_values(
        &self,
        id: PipelineId,
    ) -> Result<(BTreeMap<String, serde_json::Value>, BTreeMap<String, SecretValue>), StoreError> {
        let mut conn = self.reader().await?;
        let plain = values::plain(&mut conn, id).await?;
        Ok((plain, values::given_secrets(&mut conn, &self.shared.key, id).await?))
    }

    async fn jobs(&self, id: PipelineId) -> Result<Vec<JobRow>, StoreError> {
        Ok(read::jobs(&mut self.reader().await?, id).await?)
    }

    async fn job(&self, pipeline: PipelineId, name: &str) -> Result<Option<JobRow>, StoreError> {
        Ok(read::job_by_name(&mut self.reader().await?, pipeline, name).await?)
    }

    async fn recent_builds(&self, id: PipelineId, limit: u32) -> Result<Vec<Build>, StoreError> {
        Ok(read::recent_builds(&mut self.reader().await?, id, limit).await?)
    }

    async fn waiting_builds(&self, id: PipelineId, limit: u32) -> Result<(Vec<Build>, u64), StoreError> {
        Ok(read::waiting_builds(&mut self.reader().await?, id, limit).await?)
    }
}

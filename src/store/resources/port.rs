//! The port's calls.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pikoci_model::{
    check::CheckOutcome,
    id::{NodeId, PipelineId, ResourceId, VersionId},
    port::{
        StoreError,
        store::{CheckLease, DueCheck, Page, RecordedCheck, ResourceRow, ResourceStore, VersionRow},
    },
    version::{Version, VersionValue},
};

use super::{
    check::{AddVersion, LeaseCheck, RecordCheck, RequestCheck, SetNextCheck, SetWebhook},
    read, versions,
};
use crate::store::SqlStore;

#[async_trait]
impl ResourceStore for SqlStore {
    async fn resources(&self, pipeline: PipelineId) -> Result<Vec<ResourceRow>, StoreError> {
        Ok(read::of_pipeline(&mut self.reader().await?, pipeline).await?)
    }

    async fn resource(
        &self,
        pipeline: PipelineId,
        canonical: &str,
    ) -> Result<Option<ResourceRow>, StoreError> {
        Ok(read::by_name(&mut self.reader().await?, pipeline, canonical).await?)
    }

    async fn resource_by_id(&self, id: ResourceId) -> Result<Option<ResourceRow>, StoreError> {
        Ok(read::by_id(&mut self.reader().await?, id).await?)
    }

    async fn resource_by_webhook(&self, token: &str) -> Result<Option<ResourceRow>, StoreError> {
        Ok(read::by_webhook(&mut self.reader().await?, token).await?)
    }

    async fn set_webhook_token(&self, id: ResourceId, token: &str) -> Result<(), StoreError> {
        self.writer.run(SetWebhook { id, token: token.to_owned() }).await
    }

    async fn request_check(&self, id: ResourceId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        self.writer.run(RequestCheck { id, at }).await
    }

    async fn set_next_check(&self, id: ResourceId, next: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        self.writer.run(SetNextCheck { id, next }).await
    }

    async fn due_checks(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<DueCheck>, StoreError> {
        Ok(read::due(&mut self.reader().await?, now, limit).await?)
    }

    async fn checks_held_by(&self, node: &NodeId) -> Result<Vec<(ResourceId, i64)>, StoreError> {
        Ok(read::held_by(&mut self.reader().await?, node).await?)
    }

    async fn lease_check(
        &self,
        id: ResourceId,
        node: &NodeId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<CheckLease>, StoreError> {
        self.writer.run(LeaseCheck { id, node: node.clone(), now, until }).await
    }

    async fn record_check(
        &self,
        id: ResourceId,
        lease: i64,
        outcome: &CheckOutcome,
        at: DateTime<Utc>,
        next: Option<DateTime<Utc>>,
    ) -> Result<Option<RecordedCheck>, StoreError> {
        self.writer.run(RecordCheck { id, lease, outcome: outcome.clone(), at, next }).await
    }

    async fn add_version(
        &self,
        id: ResourceId,
        value: &VersionValue,
        at: DateTime<Utc>,
    ) -> Result<(VersionId, bool), StoreError> {
        self.writer.run(AddVersion { id, value: value.clone(), at }).await
    }

    async fn versions(&self, id: ResourceId, page: Page) -> Result<Vec<VersionRow>, StoreError> {
        Ok(versions::list(&mut self.reader().await?, id, page).await?)
    }

    async fn version(&self, id: VersionId) -> Result<Option<Version>, StoreError> {
        Ok(versions::one(&mut self.reader().await?, id).await?)
    }
}

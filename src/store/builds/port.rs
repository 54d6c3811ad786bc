//! The port's calls.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pikoci_model::{
    build::{Build, BuildStatus, ServiceRecord, StepRecord, StopReport},
    id::{BuildId, BuildNumber, Fence, JobId, NodeId},
    outcome::Failure,
    port::{
        StoreError,
        store::{
            BuildStore, BuildUpdate, CancelRequest, ClaimAnswer, ClaimRequest, Page, PendingStop, Recorded,
            RecordedStop, Requeued,
        },
    },
    version::Version,
};

use super::{
    claim::ClaimBuild,
    end::{FailClaimed, RequestCancel, Requeue},
    events::RecordEvents,
    read,
    stops::{self, RecordStop},
};
use crate::{sql::query, store::SqlStore};

#[async_trait]
impl BuildStore for SqlStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        self.writer.run(ClaimBuild(request.clone())).await
    }

    async fn record_events(&self, update: BuildUpdate) -> Result<Recorded, StoreError> {
        self.writer.run(RecordEvents(update)).await
    }

    async fn request_cancel(
        &self,
        build: BuildId,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<CancelRequest, StoreError> {
        self.writer.run(RequestCancel { build, reason: reason.to_owned(), at }).await
    }

    async fn requeue(
        &self,
        build: BuildId,
        fence: Fence,
        counts: bool,
        failure: &Failure,
        at: DateTime<Utc>,
    ) -> Result<Requeued, StoreError> {
        self.writer.run(Requeue { build, fence, counts, failure: failure.clone(), at }).await
    }

    async fn record_stop(&self, worker: &str, report: &StopReport) -> Result<RecordedStop, StoreError> {
        self.writer.run(RecordStop { worker: worker.to_owned(), report: report.clone() }).await
    }

    async fn fail_claimed(
        &self,
        build: BuildId,
        fence: Fence,
        failure: &Failure,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.writer.run(FailClaimed { build, fence, failure: failure.clone(), at }).await
    }

    async fn held_by(&self, node: &NodeId) -> Result<Vec<Build>, StoreError> {
        Ok(read::held_by(&mut self.reader().await?, node).await?)
    }

    async fn claimed_builds(&self) -> Result<Vec<Build>, StoreError> {
        Ok(read::list(&mut self.reader().await?, query(read::ALL_HELD)).await?)
    }

    async fn build(&self, id: BuildId) -> Result<Option<Build>, StoreError> {
        Ok(read::stored(&mut self.reader().await?, id).await?.map(|stored| stored.build))
    }

    async fn build_by_number(&self, job: JobId, number: BuildNumber) -> Result<Option<Build>, StoreError> {
        Ok(read::by_number(&mut self.reader().await?, job, number).await?)
    }

    async fn builds(
        &self,
        job: JobId,
        page: Page,
        statuses: &[BuildStatus],
    ) -> Result<Vec<Build>, StoreError> {
        Ok(read::of_job(&mut self.reader().await?, job, page, statuses).await?)
    }

    async fn steps(&self, build: BuildId, run: u32) -> Result<Vec<StepRecord>, StoreError> {
        Ok(read::steps(&mut self.reader().await?, build, run).await?)
    }

    async fn services(&self, build: BuildId, run: u32) -> Result<Vec<ServiceRecord>, StoreError> {
        Ok(read::services(&mut self.reader().await?, build, run).await?)
    }

    async fn services_of_runs(&self, build: BuildId) -> Result<Vec<(u32, ServiceRecord)>, StoreError> {
        Ok(stops::of_runs(&mut self.reader().await?, build).await?)
    }

    async fn pending_stops(&self, page: Page) -> Result<Vec<PendingStop>, StoreError> {
        Ok(stops::pending(&mut self.reader().await?, page).await?)
    }

    async fn build_versions(&self, build: BuildId) -> Result<BTreeMap<String, Version>, StoreError> {
        Ok(read::versions(&mut self.reader().await?, build).await?)
    }

    async fn retries(&self, job: JobId, major: i64) -> Result<i64, StoreError> {
        Ok(read::retries(&mut self.reader().await?, job, major).await?)
    }

    async fn build_counts(&self) -> Result<BTreeMap<BuildStatus, u64>, StoreError> {
        Ok(read::counts(&mut self.reader().await?).await?)
    }
}

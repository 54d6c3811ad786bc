//! Pipelines, revisions, jobs.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{
    MemoryStore,
    tables::{JobEntry, Tables},
};
use crate::{
    build::{Build, Phase},
    id::{JobId, PipelineId, RevisionId, TeamId},
    port::{
        StoreError,
        store::{JobRow, PipelineRow, PipelineStore, RevisionRow, SaveRevision, SavedRevision},
    },
    text::SecretValue,
};

#[async_trait]
impl PipelineStore for MemoryStore {
    async fn save_revision(&self, save: SaveRevision) -> Result<SavedRevision, StoreError> {
        self.tables().save(save)
    }

    async fn pipeline(&self, team: &str, canonical: &str) -> Result<Option<PipelineRow>, StoreError> {
        let tables = self.tables();
        let mut rows = tables.pipelines.values().map(|entry| &entry.row);
        Ok(rows.find(|row| row.team_canonical == team && row.canonical == canonical).cloned())
    }

    async fn pipeline_by_id(&self, id: PipelineId) -> Result<Option<PipelineRow>, StoreError> {
        Ok(self.tables().pipelines.get(&id).map(|entry| entry.row.clone()))
    }

    async fn pipelines(&self, team: Option<TeamId>) -> Result<Vec<PipelineRow>, StoreError> {
        let tables = self.tables();
        let rows = tables.pipelines.values().rev().map(|entry| &entry.row);
        Ok(rows.filter(|row| team.is_none_or(|team| team == row.team)).cloned().collect())
    }

    async fn delete_pipeline(&self, id: PipelineId) -> Result<bool, StoreError> {
        Ok(self.tables().delete_pipeline(id))
    }

    async fn revision(&self, id: RevisionId) -> Result<Option<RevisionRow>, StoreError> {
        Ok(self.tables().revisions.get(&id).map(|entry| entry.row.clone()))
    }

    async fn given_values(
        &self,
        id: PipelineId,
    ) -> Result<(BTreeMap<String, serde_json::Value>, BTreeMap<String, SecretValue>), StoreError> {
        let tables = self.tables();
        let entry = tables.pipelines.get(&id);
        Ok(entry.map(|entry| (entry.vars.clone(), entry.given_secrets.clone())).unwrap_or_default())
    }

    async fn jobs(&self, id: PipelineId) -> Result<Vec<JobRow>, StoreError> {
        let tables = self.tables();
        let jobs = tables.jobs.iter().filter(|(_, job)| job.pipeline == id && !job.archived);
        let mut rows: Vec<JobRow> = jobs.map(|(id, job)| tables.job_row(*id, job)).collect();
        rows.sort_by_key(|row| row.position);
        Ok(rows)
    }

    async fn job(&self, pipeline: PipelineId, name: &str) -> Result<Option<JobRow>, StoreError> {
        let tables = self.tables();
        let id = tables.job_named(pipeline, name).filter(|id| !tables.jobs[id].archived);
        Ok(id.map(|id| tables.job_row(id, &tables.jobs[&id])))
    }

    async fn recent_builds(&self, id: PipelineId, limit: u32) -> Result<Vec<Build>, StoreError> {
        let tables = self.tables();
        let builds = tables.builds.values().rev().map(|entry| &entry.build);
        Ok(builds.filter(|build| build.pipeline == id).take(limit as usize).cloned().collect())
    }

    async fn waiting_builds(&self, id: PipelineId, limit: u32) -> Result<(Vec<Build>, u64), StoreError> {
        let tables = self.tables();
        let builds = tables.builds.values().map(|entry| &entry.build);
        let queued = builds.filter(|build| build.pipeline == id && build.phase == Phase::Queued);
        Ok((queued.clone().take(limit as usize).cloned().collect(), queued.count() as u64))
    }
}

impl Tables {
    fn job_row(&self, id: JobId, job: &JobEntry) -> JobRow {
        let mut builds = self.builds.values().rev().map(|entry| &entry.build).filter(|b| b.job == id);
        let latest = builds.clone().next().cloned();
        let latest_ended = builds.find(|build| build.status.is_final()).cloned();
        JobRow { id, name: job.name.clone(), position: job.position, latest, latest_ended }
    }

    fn delete_pipeline(&mut self, id: PipelineId) -> bool {
        let unfinished = |entry: &super::tables::BuildEntry| {
            entry.build.pipeline == id && entry.build.phase != Phase::Done
        };
        if self.builds.values().any(unfinished) {
            return false;
        }
        self.pipelines.remove(&id);
        self.revisions.retain(|_, entry| entry.row.pipeline != id);
        let (jobs, resources) = (&self.jobs, &self.resources);
        self.passed.retain(|(job, _, _)| jobs[job].pipeline != id);
        self.versions.retain(|_, version| resources[&version.resource].row.pipeline != id);
        let builds = &self.builds;
        self.logs.retain(|build, _| builds.get(build).is_none_or(|entry| entry.build.pipeline != id));
        self.builds.retain(|_, entry| entry.build.pipeline != id);
        self.jobs.retain(|_, job| job.pipeline != id);
        self.resources.retain(|_, resource| resource.row.pipeline != id);
        true
    }
}

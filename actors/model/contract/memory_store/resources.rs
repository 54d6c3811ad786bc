//! Resources, checks, versions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{
    MemoryStore,
    tables::{ResourceEntry, Tables, missing},
};
use crate::{
    check::CheckOutcome,
    id::{NodeId, PipelineId, ResourceId, VersionId},
    port::{
        StoreError,
        store::{
            CheckLease, DueCheck, Page, RecordedCheck, ResourceRow, ResourceStore, VersionRow, VersionUse,
        },
    },
    version::{Version, VersionValue},
};

/// The most builds that are listed with a version.
const USES: usize = 20;

impl ResourceEntry {
    /// Asks for a check; true if one runs, so that one more follows it.
    pub fn request(&mut self, at: DateTime<Utc>) -> bool {
        let runs = self.row.checking.as_ref().is_some_and(|lease| lease.until > at);
        if runs {
            self.again = true;
        } else {
            self.row.next_check = Some(at);
        }
        runs
    }
}

impl Tables {
    fn resource_row(&self, entry: &ResourceEntry) -> ResourceRow {
        let latest = self.newest_version(entry.row.id).map(|id| self.versions[&id].clone());
        ResourceRow { latest, ..entry.row.clone() }
    }

    fn version_row(&self, version: &Version) -> VersionRow {
        let uses: Vec<VersionUse> = self
            .builds
            .values()
            .rev()
            .filter(|entry| self.touched(entry.build.id).iter().any(|(_, id)| *id == version.id))
            .take(USES)
            .map(|entry| VersionUse {
                build: entry.build.id,
                job: entry.build.job_name.clone(),
                number: entry.build.number,
                status: entry.build.status,
            })
            .collect();
        VersionRow { version: version.clone(), status: uses.first().map(|newest| newest.status), uses }
    }

    fn record_check(
        &mut self,
        id: ResourceId,
        lease: i64,
        outcome: &CheckOutcome,
        at: DateTime<Utc>,
        next: Option<DateTime<Utc>>,
    ) -> Option<RecordedCheck> {
        let entry = self.resources.get_mut(&id)?;
        entry.row.checking.take_if(|held| held.number == lease)?;
        let again = std::mem::take(&mut entry.again);
        entry.row.next_check = if again { Some(at) } else { next };
        entry.row.last_check = Some(at);
        entry.row.failing = outcome.result.is_err();
        entry.row.logs = outcome.failing_text();
        let pipeline = entry.row.pipeline;
        let found = outcome.result.as_deref().unwrap_or_default();
        let recorded = found.iter().map(|value| self.record_version(id, value, at));
        let new: Vec<VersionId> = recorded.filter_map(|(version, new)| new.then_some(version)).collect();
        if !new.is_empty() {
            self.raise(pipeline);
        }
        Some(RecordedCheck { pipeline, new, again })
    }
}

#[async_trait]
impl ResourceStore for MemoryStore {
    async fn resources(&self, pipeline: PipelineId) -> Result<Vec<ResourceRow>, StoreError> {
        let tables = self.tables();
        let entries = tables.resources.values().filter(|e| e.row.pipeline == pipeline && !e.archived);
        let mut rows: Vec<ResourceRow> = entries.map(|entry| tables.resource_row(entry)).collect();
        rows.sort_by(|a, b| a.canonical.cmp(&b.canonical));
        Ok(rows)
    }

    async fn resource(
        &self,
        pipeline: PipelineId,
        canonical: &str,
    ) -> Result<Option<ResourceRow>, StoreError> {
        let tables = self.tables();
        let id = tables.resource_named(pipeline, canonical).filter(|id| !tables.resources[id].archived);
        Ok(id.map(|id| tables.resource_row(&tables.resources[&id])))
    }

    async fn resource_by_id(&self, id: ResourceId) -> Result<Option<ResourceRow>, StoreError> {
        let tables = self.tables();
        Ok(tables.resources.get(&id).map(|entry| tables.resource_row(entry)))
    }

    async fn resource_by_webhook(&self, token: &str) -> Result<Option<ResourceRow>, StoreError> {
        let tables = self.tables();
        let entry = tables.resources.values().find(|e| e.row.webhook_token == token && !e.archived);
        Ok(entry.map(|entry| tables.resource_row(entry)))
    }

    async fn set_webhook_token(&self, id: ResourceId, token: &str) -> Result<(), StoreError> {
        if let Some(entry) = self.tables().resources.get_mut(&id) {
            entry.row.webhook_token = token.to_owned();
        }
        Ok(())
    }

    async fn request_check(&self, id: ResourceId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(self.tables().resources.get_mut(&id).is_some_and(|entry| entry.request(at)))
    }

    async fn set_next_check(&self, id: ResourceId, next: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        if let Some(entry) = self.tables().resources.get_mut(&id) {
            entry.row.next_check = next;
        }
        Ok(())
    }

    async fn due_checks(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<DueCheck>, StoreError> {
        let tables = self.tables();
        let free = |row: &ResourceRow| row.checking.as_ref().is_none_or(|lease| lease.until <= now);
        let mut due: Vec<DueCheck> = tables
            .resources
            .values()
            .filter(|entry| !entry.archived && free(&entry.row))
            .filter_map(|entry| {
                let since = entry.row.next_check.filter(|next| *next <= now)?;
                Some(DueCheck { resource: entry.row.id, pipeline: entry.row.pipeline, since })
            })
            .collect();
        due.sort_by_key(|check| (check.since, check.resource));
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn lease_check(
        &self,
        id: ResourceId,
        node: &NodeId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<CheckLease>, StoreError> {
        let mut tables = self.tables();
        let Some(entry) = tables.resources.get_mut(&id).filter(|entry| !entry.archived) else {
            return Ok(None);
        };
        let free = entry.row.checking.as_ref().is_none_or(|held| held.until <= now);
        let due = entry.row.next_check.is_some_and(|next| next <= now);
        if !free || !due {
            return Ok(None);
        }
        entry.leases += 1;
        let lease = CheckLease { number: entry.leases, node: node.clone(), until };
        entry.row.checking = Some(lease.clone());
        Ok(Some(lease))
    }

    async fn checks_held_by(&self, node: &NodeId) -> Result<Vec<(ResourceId, i64)>, StoreError> {
        let tables = self.tables();
        let held =
            |entry: &&ResourceEntry| entry.row.checking.as_ref().is_some_and(|lease| lease.node == *node);
        Ok(tables.resources.values().filter(held).map(|entry| (entry.row.id, entry.leases)).collect())
    }

    async fn record_check(
        &self,
        id: ResourceId,
        lease: i64,
        outcome: &CheckOutcome,
        at: DateTime<Utc>,
        next: Option<DateTime<Utc>>,
    ) -> Result<Option<RecordedCheck>, StoreError> {
        Ok(self.tables().record_check(id, lease, outcome, at, next))
    }

    async fn add_version(
        &self,
        id: ResourceId,
        value: &VersionValue,
        at: DateTime<Utc>,
    ) -> Result<(VersionId, bool), StoreError> {
        let mut tables = self.tables();
        let pipeline = tables.resources.get(&id).ok_or_else(|| missing("resource", id))?.row.pipeline;
        let (version, new) = tables.record_version(id, value, at);
        if new {
            tables.raise(pipeline);
        }
        Ok((version, new))
    }

    async fn versions(&self, id: ResourceId, page: Page) -> Result<Vec<VersionRow>, StoreError> {
        let tables = self.tables();
        let versions = tables.versions.values().rev().filter(|version| version.resource == id);
        let versions = versions.filter(|version| page.holds(version.id.0)).take(page.limit as usize);
        Ok(versions.map(|version| tables.version_row(version)).collect())
    }

    async fn version(&self, id: VersionId) -> Result<Option<Version>, StoreError> {
        Ok(self.tables().versions.get(&id).cloned())
    }
}

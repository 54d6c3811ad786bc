//! The tables, and what more than one aggregate asks of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};

use super::logs::BuildLog;
use crate::{
    build::{Build, ServiceRecord, StepRecord},
    id::{
        BuildId, JobId, NodeId, PipelineId, ResourceId, RevisionId, StateRevision, StepPath, TeamId, UserId,
        VersionId,
    },
    pipeline::{Job, Pipeline},
    port::{
        StoreError,
        store::{PipelineRow, ResourceRow, RevisionRow, Team, User, WorkerRow},
    },
    text::SecretValue,
    version::{Version, VersionValue},
    watermark::Watermark,
};

/// A whole store in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Tables>>);

#[derive(Default)]
pub(super) struct Tables {
    pub teams: BTreeMap<TeamId, Team>,
    pub users: BTreeMap<UserId, User>,
    pub settings: BTreeMap<String, String>,
    /// By canonical of the team; none is of all teams.
    pub salts: BTreeMap<Option<String>, String>,
    pub pipelines: BTreeMap<PipelineId, PipelineEntry>,
    pub revisions: BTreeMap<RevisionId, RevisionEntry>,
    pub jobs: BTreeMap<JobId, JobEntry>,
    pub resources: BTreeMap<ResourceId, ResourceEntry>,
    pub versions: BTreeMap<VersionId, Version>,
    pub builds: BTreeMap<BuildId, BuildEntry>,
    /// A version passed a job.
    pub passed: BTreeSet<(JobId, ResourceId, VersionId)>,
    pub logs: BTreeMap<BuildId, BuildLog>,
    pub workers: BTreeMap<NodeId, WorkerRow>,
    /// The last id that was given, by table: ids are never used twice.
    last_ids: BTreeMap<&'static str, i64>,
}

pub(super) struct PipelineEntry {
    pub row: PipelineRow,
    pub state: StateRevision,
    pub vars: BTreeMap<String, serde_json::Value>,
    pub given_secrets: BTreeMap<String, SecretValue>,
}

pub(super) struct RevisionEntry {
    pub row: RevisionRow,
    pub content_hash: String,
}

pub(super) struct JobEntry {
    pub pipeline: PipelineId,
    pub name: String,
    pub position: u32,
    pub archived: bool,
    pub last_number: i64,
    pub gets: BTreeMap<String, Watermark>,
}

pub(super) struct ResourceEntry {
    pub row: ResourceRow,
    pub archived: bool,
    /// One more check is wanted after the one that runs.
    pub again: bool,
    /// Number of the last lease.
    pub leases: i64,
}

pub(super) struct BuildEntry {
    pub build: Build,
    /// How often it was claimed.
    pub claims: u32,
    /// By run, in the order they were first reported.
    pub steps: Vec<(u32, StepRecord)>,
    pub services: Vec<(u32, ServiceRecord)>,
    /// What its puts created.
    pub created: BTreeSet<(StepPath, ResourceId, VersionId)>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    pub fn next_id(&mut self, table: &'static str) -> i64 {
        let last = self.last_ids.entry(table).or_default();
        *last += 1;
        *last
    }

    /// Notes that something changed that decisions are made from.
    pub fn raise(&mut self, pipeline: PipelineId) {
        if let Some(entry) = self.pipelines.get_mut(&pipeline) {
            entry.state.0 += 1;
        }
    }

    pub fn definition(&self, revision: RevisionId) -> Option<Arc<Pipeline>> {
        self.revisions.get(&revision).map(|entry| entry.row.compiled.clone())
    }

    /// The job as the definition that the build keeps has it.
    pub fn kept_job(&self, build: &Build) -> Option<Job> {
        self.definition(build.revision)?.job(&build.job_name).cloned()
    }

    pub fn job_named(&self, pipeline: PipelineId, name: &str) -> Option<JobId> {
        let mut jobs = self.jobs.iter();
        jobs.find(|(_, job)| job.pipeline == pipeline && job.name == name).map(|(id, _)| *id)
    }

    pub fn resource_named(&self, pipeline: PipelineId, canonical: &str) -> Option<ResourceId> {
        let mut resources = self.resources.values();
        resources.find(|r| r.row.pipeline == pipeline && r.row.canonical == canonical).map(|r| r.row.id)
    }

    pub fn newest_version(&self, resource: ResourceId) -> Option<VersionId> {
        self.versions.values().rfind(|version| version.resource == resource).map(|version| version.id)
    }

    /// The version with this content, recorded if it is not known (true).
    pub fn record_version(
        &mut self,
        resource: ResourceId,
        value: &VersionValue,
        at: DateTime<Utc>,
    ) -> (VersionId, bool) {
        let text = value.canonical();
        let known = self
            .versions
            .values()
            .find(|v| v.resource == resource && v.value.canonical() == text)
            .map(|v| v.id);
        if let Some(known) = known {
            return (known, false);
        }
        let id = VersionId(self.next_id("versions"));
        self.versions.insert(id, Version { id, resource, value: value.clone(), created_at: at });
        (id, true)
    }

    /// The versions a build used or created.
    pub fn touched(&self, build: BuildId) -> Vec<(ResourceId, VersionId)> {
        let Some(entry) = self.builds.get(&build) else { return Vec::new() };
        let used = entry.build.versions.values().map(|used| (used.resource, used.version));
        used.chain(entry.created.iter().map(|(_, resource, version)| (*resource, *version))).collect()
    }

    /// Notes everything the build touched as passed.
    pub fn note_passed(&mut self, build: BuildId) {
        let Some(job) = self.builds.get(&build).map(|entry| entry.build.job) else { return };
        let touched = self.touched(build);
        self.passed.extend(touched.into_iter().map(|(resource, version)| (job, resource, version)));
    }
}

/// What a row that must exist is called when it does not.
pub(super) fn missing(what: &str, id: impl std::fmt::Display) -> StoreError {
    StoreError::Refused(format!("{what} {id} does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contract::store_suite, port::Store};

    #[test]
    fn passes_the_suite() {
        futures::executor::block_on(store_suite(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>));
    }
}

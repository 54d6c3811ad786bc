//! Builds: events, cancel, loss, reading.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{
    MemoryStore,
    tables::{BuildEntry, Tables},
};
use crate::{
    build::{Build, BuildEvent, BuildStatus, Phase, ServiceRecord, StepRecord, StopReport},
    id::{BuildId, BuildNumber, Fence, JobId, NodeId, ResourceId, StepPath, VersionId},
    outcome::Failure,
    port::{
        StoreError,
        store::{
            BuildStore, BuildUpdate, CancelRequest, ClaimAnswer, ClaimRequest, Page, PendingStop, Recorded,
            RecordedStop, Requeued,
        },
    },
    version::{Version, VersionValue},
};

impl BuildEntry {
    fn is_under(&self, fence: Fence) -> bool {
        self.build.claim.as_ref().is_some_and(|claim| claim.fence == fence)
    }

    fn put_step(&mut self, record: &StepRecord) {
        let run = self.build.run;
        match self.steps.iter_mut().find(|(of, known)| *of == run && known.path == record.path) {
            Some((_, known)) => *known = record.clone(),
            None => self.steps.push((run, record.clone())),
        }
    }

    fn put_service(&mut self, record: &ServiceRecord) {
        let run = self.build.run;
        match self.services.iter_mut().find(|(of, known)| *of == run && known.instance == record.instance) {
            Some((_, known)) => *known = record.clone().after(known),
            None => self.services.push((run, record.clone())),
        }
    }
}

impl Tables {
    fn record_events(&mut self, update: &BuildUpdate) -> Recorded {
        let Some(entry) = self.builds.get(&update.build).filter(|entry| entry.is_under(update.fence)) else {
            return Recorded::Void;
        };
        let (pipeline, stored) = (entry.build.pipeline, entry.build.events_through);
        let mut created = Vec::new();
        let mut decisive = false;
        if update.through > stored {
            for event in &update.events {
                decisive |= self.record_event(update.build, event, update.at, &mut created);
            }
        }
        if decisive {
            self.raise(pipeline);
        }
        let Some(entry) = self.builds.get_mut(&update.build) else { return Recorded::Void };
        entry.build.events_through = stored.max(update.through);
        Recorded::Stored { build: Box::new(entry.build.clone()), created }
    }

    /// True if decisions depend on what changed.
    fn record_event(
        &mut self,
        id: BuildId,
        event: &BuildEvent,
        at: DateTime<Utc>,
        created: &mut Vec<(ResourceId, VersionId, bool)>,
    ) -> bool {
        if let BuildEvent::Created { step, resource, value } = event {
            let version = self.create(id, step, *resource, value, at);
            created.extend(version);
            return version.is_some_and(|(_, _, new)| new) || self.builds[&id].build.status.passes();
        }
        let Some(entry) = self.builds.get_mut(&id) else { return false };
        match event {
            BuildEvent::Step(record) => entry.put_step(record),
            BuildEvent::Service(record) => entry.put_service(record),
            _ => {
                let passed = entry.build.status.passes();
                entry.build.absorb(event);
                if entry.build.status.passes() && !passed {
                    self.note_passed(id);
                    return true;
                }
            }
        }
        false
    }

    fn create(
        &mut self,
        id: BuildId,
        step: &StepPath,
        resource: ResourceId,
        value: &VersionValue,
        at: DateTime<Utc>,
    ) -> Option<(ResourceId, VersionId, bool)> {
        let pipeline = self.builds.get(&id)?.build.pipeline;
        self.resources.get(&resource).filter(|entry| entry.row.pipeline == pipeline)?;
        let (version, new) = self.record_version(resource, value, at);
        let entry = self.builds.get_mut(&id)?;
        entry.created.insert((step.clone(), resource, version));
        if entry.build.status.passes() {
            self.note_passed(id);
        }
        Some((resource, version, new))
    }

    fn requeue(
        &mut self,
        id: BuildId,
        fence: Fence,
        counts: bool,
        failure: &Failure,
        at: DateTime<Utc>,
    ) -> Requeued {
        let Some(entry) = self.builds.get(&id).filter(|entry| entry.is_under(fence)) else {
            return Requeued::Void;
        };
        let on_loss = self.kept_job(&entry.build).map(|job| job.on_worker_loss).unwrap_or_default();
        let Some(entry) = self.builds.get_mut(&id) else { return Requeued::Void };
        let (lost, worker) = (entry.build.run, entry.build.worker.clone());
        let answer = entry.build.give_back(counts, on_loss, failure, at);
        if counts {
            let services = entry.services.iter_mut().filter(|(of, _)| *of == lost);
            services.for_each(|(_, record)| {
                record.lose(worker.as_deref());
            });
        }
        let (pipeline, run) = (entry.build.pipeline, entry.build.run);
        if answer == Requeued::Queued {
            entry.steps.retain(|(of, _)| *of != run);
            entry.services.retain(|(of, record)| *of != run || record.state.is_pending());
            self.raise(pipeline);
        }
        answer
    }
}

#[async_trait]
impl BuildStore for MemoryStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        Ok(self.tables().claim(request))
    }

    async fn record_events(&self, update: BuildUpdate) -> Result<Recorded, StoreError> {
        Ok(self.tables().record_events(&update))
    }

    async fn request_cancel(
        &self,
        build: BuildId,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<CancelRequest, StoreError> {
        let mut tables = self.tables();
        let entry = tables.builds.get_mut(&build);
        Ok(entry.map_or(CancelRequest::Unknown, |entry| entry.build.cancel(reason, at)))
    }

    async fn requeue(
        &self,
        build: BuildId,
        fence: Fence,
        counts: bool,
        failure: &Failure,
        at: DateTime<Utc>,
    ) -> Result<Requeued, StoreError> {
        Ok(self.tables().requeue(build, fence, counts, failure, at))
    }

    async fn record_stop(&self, worker: &str, report: &StopReport) -> Result<RecordedStop, StoreError> {
        Ok(self.tables().record_stop(worker, report))
    }

    async fn fail_claimed(
        &self,
        build: BuildId,
        fence: Fence,
        failure: &Failure,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let entry = tables.builds.get_mut(&build).filter(|entry| entry.is_under(fence));
        let Some(entry) = entry.filter(|entry| entry.build.phase != Phase::Done) else { return Ok(false) };
        entry.build.end(BuildStatus::Failed, Some(failure.clone()), at);
        Ok(true)
    }

    async fn held_by(&self, node: &NodeId) -> Result<Vec<Build>, StoreError> {
        let tables = self.tables();
        let holds = |build: &&Build| build.claim.as_ref().is_some_and(|claim| claim.node == *node);
        Ok(tables.held().filter(holds).cloned().collect())
    }

    async fn claimed_builds(&self) -> Result<Vec<Build>, StoreError> {
        Ok(self.tables().held().cloned().collect())
    }

    async fn build(&self, id: BuildId) -> Result<Option<Build>, StoreError> {
        Ok(self.tables().builds.get(&id).map(|entry| entry.build.clone()))
    }

    async fn build_by_number(&self, job: JobId, number: BuildNumber) -> Result<Option<Build>, StoreError> {
        let tables = self.tables();
        let mut builds = tables.builds.values().map(|entry| &entry.build);
        Ok(builds.find(|build| build.job == job && build.number == number).cloned())
    }

    async fn builds(
        &self,
        job: JobId,
        page: Page,
        statuses: &[BuildStatus],
    ) -> Result<Vec<Build>, StoreError> {
        let tables = self.tables();
        let builds = tables.builds.values().rev().map(|entry| &entry.build);
        let builds = builds.filter(|build| build.job == job && page.holds(build.id.0));
        let builds = builds.filter(|build| statuses.is_empty() || statuses.contains(&build.status));
        Ok(builds.take(page.limit as usize).cloned().collect())
    }

    async fn steps(&self, build: BuildId, run: u32) -> Result<Vec<StepRecord>, StoreError> {
        let tables = self.tables();
        let steps = tables.builds.get(&build).map(|entry| entry.steps.iter()).unwrap_or_default();
        Ok(steps.filter(|(of, _)| *of == run).map(|(_, record)| record.clone()).collect())
    }

    async fn services(&self, build: BuildId, run: u32) -> Result<Vec<ServiceRecord>, StoreError> {
        let tables = self.tables();
        let services = tables.builds.get(&build).map(|entry| entry.services.iter()).unwrap_or_default();
        Ok(services.filter(|(of, _)| *of == run).map(|(_, record)| record.clone()).collect())
    }

    async fn services_of_runs(&self, build: BuildId) -> Result<Vec<(u32, ServiceRecord)>, StoreError> {
        let tables = self.tables();
        let mut services = tables.builds.get(&build).map(|entry| entry.services.clone()).unwrap_or_default();
        services.sort_by_key(|(run, _)| *run);
        Ok(services)
    }

    async fn pending_stops(&self, page: Page) -> Result<Vec<PendingStop>, StoreError> {
        Ok(self.tables().pending_stops(page))
    }

    async fn build_versions(&self, build: BuildId) -> Result<BTreeMap<String, Version>, StoreError> {
        let tables = self.tables();
        let Some(entry) = tables.builds.get(&build) else { return Ok(BTreeMap::new()) };
        let version = |id: VersionId| tables.versions.get(&id).cloned();
        let versions = entry.build.versions.iter();
        Ok(versions.filter_map(|(get, used)| Some((get.clone(), version(used.version)?))).collect())
    }

    async fn retries(&self, job: JobId, major: i64) -> Result<i64, StoreError> {
        Ok(self.tables().retries(job, major))
    }

    async fn build_counts(&self) -> Result<BTreeMap<BuildStatus, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        self.tables().builds.values().for_each(|entry| *counts.entry(entry.build.status).or_default() += 1);
        Ok(counts)
    }
}

//! What the scheduler and the dispatcher read and write.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{
    MemoryStore,
    tables::{BuildEntry, JobEntry, Tables, missing},
};
use crate::{
    build::{Build, BuildStatus, Cause, Phase},
    id::{BuildId, BuildNumber, JobId, PipelineId, ResourceId, StateRevision, VersionId},
    pipeline::Job,
    port::{StoreError, store::SchedulingStore},
    scheduling::{
        Applied, BuildBrief, GetSource, GetState, HeldPlace, InsertedBuild, JobState, NewBuild, PendingBuild,
        SchedulingState, UpstreamBuild, Write,
    },
    step::{GetStep, VersionMode},
    watermark::Watermark,
};

/// The most versions that are given as fresh.
const FRESH: usize = 1000;
/// The most upstream builds that are given for each job.
const UPSTREAM: usize = 50;

impl Tables {
    /// Versions that passed every upstream job of the get, ascending.
    fn passed_all(&self, pipeline: PipelineId, mark: &Watermark) -> Vec<VersionId> {
        let jobs: Vec<Option<JobId>> =
            mark.passed.iter().map(|name| self.job_named(pipeline, name)).collect();
        let versions = self.versions.values().filter(|version| version.resource == mark.resource);
        let passed = |job: &Option<JobId>, version: VersionId| {
            job.is_some_and(|job| self.passed.contains(&(job, mark.resource, version)))
        };
        versions.map(|v| v.id).filter(|id| jobs.iter().all(|job| passed(job, *id))).collect()
    }

    /// Those of them that count, ascending.
    pub fn candidates(&self, pipeline: PipelineId, mark: &Watermark) -> Vec<VersionId> {
        if mark.is_root() {
            return Vec::new();
        }
        self.passed_all(pipeline, mark).into_iter().filter(|id| *id > mark.floor).collect()
    }

    fn used(&self, job: JobId, get: &str, version: VersionId) -> bool {
        let uses = |entry: &BuildEntry| {
            entry.build.job == job
                && entry.build.versions.get(get).is_some_and(|used| used.version == version)
        };
        self.builds.values().any(uses)
    }

    fn scheduling_state(&self, pipeline: PipelineId) -> Option<SchedulingState> {
        let entry = self.pipelines.get(&pipeline)?;
        let definition = self.definition(entry.row.revision)?;
        let jobs = definition.jobs.iter().filter_map(|job| self.job_state(pipeline, job)).collect();
        let open = self.builds.values().map(|entry| &entry.build);
        let open = open.filter(|build| build.pipeline == pipeline && build.phase != Phase::Done);
        Some(SchedulingState {
            pipeline,
            revision: entry.state,
            definition: entry.row.revision,
            jobs,
            unfinished: open.map(brief).collect(),
        })
    }

    fn job_state(&self, pipeline: PipelineId, job: &Job) -> Option<JobState> {
        let id = self.job_named(pipeline, &job.name)?;
        let marks = &self.jobs[&id].gets;
        let states = job.gets().filter_map(|get| {
            let mark = marks.get(&*get.key)?;
            Some(self.get_state(pipeline, id, &get.key, get.step, mark))
        });
        let states = states.collect();
        Some(JobState {
            id,
            name: job.name.clone(),
            interruptible: job.interruptible,
            gets: states,
            upstream: self.upstream(pipeline, marks),
        })
    }

    fn get_state(
        &self,
        pipeline: PipelineId,
        job: JobId,
        name: &str,
        get: &GetStep,
        mark: &Watermark,
    ) -> GetState {
        let (newest, source) = if mark.is_root() {
            let versions = self.versions.values().filter(|version| version.resource == mark.resource);
            let fresh = versions.map(|version| version.id).filter(|id| get.trigger && *id > mark.floor);
            (self.newest_version(mark.resource), GetSource::Root { fresh: fresh.take(FRESH).collect() })
        } else {
            let candidates = self.candidates(pipeline, mark);
            let highest = candidates.last().map(|id| (*id, self.used(job, name, *id)));
            let unused = |id: &VersionId| *id >= mark.every_from && !self.used(job, name, *id);
            let every = get.mode == VersionMode::Every;
            let lowest_unused = candidates.iter().copied().find(unused).filter(|_| every);
            let newest = self.passed_all(pipeline, mark).last().copied();
            (newest, GetSource::Passed { jobs: get.passed.clone(), highest, lowest_unused })
        };
        GetState {
            name: name.to_owned(),
            resource: mark.resource,
            canonical: get.resource.clone(),
            trigger: get.trigger,
            mode: get.mode,
            newest,
            source,
        }
    }

    /// The newest passing builds of each job that is upstream of gets of two or more resources.
    fn upstream(&self, pipeline: PipelineId, marks: &BTreeMap<String, Watermark>) -> Vec<UpstreamBuild> {
        let mut reach: BTreeMap<&str, BTreeSet<ResourceId>> = BTreeMap::new();
        for mark in marks.values() {
            mark.passed.iter().for_each(|job| {
                reach.entry(job).or_default().insert(mark.resource);
            });
        }
        let shared = reach.iter().filter(|(_, resources)| resources.len() > 1).map(|(job, _)| *job);
        shared.filter_map(|name| Some((name, self.job_named(pipeline, name)?))).fold(
            Vec::new(),
            |mut out, (name, job)| {
                let builds = self.builds.values().rev().map(|entry| &entry.build);
                let passing = builds.filter(|build| build.job == job && build.status.passes());
                out.extend(passing.take(UPSTREAM).map(|build| self.upstream_build(name, build)));
                out.retain(|build: &UpstreamBuild| !build.versions.is_empty());
                out
            },
        )
    }

    fn upstream_build(&self, job: &str, build: &Build) -> UpstreamBuild {
        let mut versions: BTreeMap<ResourceId, VersionId> = BTreeMap::new();
        for (resource, version) in self.touched(build.id) {
            let newest = versions.entry(resource).or_insert(version);
            *newest = version.max(*newest);
        }
        UpstreamBuild { job: job.to_owned(), build: build.id, versions }
    }

    fn apply(&mut self, writes: &[Write], at: DateTime<Utc>) -> Result<Vec<InsertedBuild>, StoreError> {
        writes.iter().try_for_each(|write| self.check_write(write))?;
        let mut inserted = Vec::new();
        for write in writes {
            match write {
                Write::InsertBuild(new) => inserted.extend(self.insert_build(new)),
                Write::Consider { job, get, up_to } => self.consider(*job, get, *up_to),
                Write::Cancel { build, reason } => {
                    self.builds.get_mut(build).map(|entry| entry.build.cancel(reason, at));
                }
                Write::Fail { build, failure } => {
                    if let Some(entry) = self.queued(*build) {
                        entry.build.end(BuildStatus::Failed, Some(failure.clone()), at);
                    }
                }
                Write::FixVersions { build, versions } => {
                    if let Some(entry) = self.queued(*build) {
                        entry.build.versions.clone_from(versions);
                    }
                }
            }
        }
        Ok(inserted)
    }

    /// Whether the rows exist that a write names; found out before anything is written.
    fn check_write(&self, write: &Write) -> Result<(), StoreError> {
        let Write::InsertBuild(new) = write else { return Ok(()) };
        self.jobs.get(&new.job).ok_or_else(|| missing("job", new.job))?;
        self.revisions.get(&new.revision).ok_or_else(|| missing("revision", new.revision))?;
        match &new.cause {
            Cause::Retry { source, .. } if !self.builds.contains_key(source) => Err(missing("build", source)),
            _ => Ok(()),
        }
    }

    fn queued(&mut self, build: BuildId) -> Option<&mut BuildEntry> {
        self.builds.get_mut(&build).filter(|entry| entry.build.phase == Phase::Queued)
    }

    fn consider(&mut self, job: JobId, get: &str, up_to: VersionId) {
        if let Some(mark) = self.jobs.get_mut(&job).and_then(|job| job.gets.get_mut(get)) {
            mark.floor = mark.floor.max(up_to);
        }
    }

    fn insert_build(&mut self, new: &NewBuild) -> Option<InsertedBuild> {
        let key = new.cause.key();
        let known = self.builds.values().map(|entry| &entry.build);
        let known = known.filter(|build| build.job == new.job).find(|build| build.cause.key() == key);
        if let Some(build) = known {
            return Some(InsertedBuild { id: build.id, number: build.number, new: false });
        }
        let number = self.number(new)?;
        let id = BuildId(self.next_id("builds"));
        let job: &JobEntry = self.jobs.get(&new.job)?;
        let build = Build {
            id,
            pipeline: job.pipeline,
            job: new.job,
            job_name: job.name.clone(),
            revision: new.revision,
            number,
            status: BuildStatus::Pending,
            phase: Phase::Queued,
            failure: None,
            cause: new.cause.clone(),
            versions: new.versions.clone(),
            inputs: new.inputs.clone(),
            run: 1,
            claim: None,
            worker: None,
            cancel_requested: None,
            events_through: 0,
            exports: BTreeMap::new(),
            created_at: new.created_at,
            started_at: None,
            ended_at: None,
        };
        if let Some(pipeline) = self.pipelines.get_mut(&build.pipeline) {
            pipeline.row.last_build_at = Some(new.created_at);
        }
        let entry = BuildEntry {
            build,
            claims: 0,
            steps: Vec::new(),
            services: Vec::new(),
            created: BTreeSet::new(),
        };
        self.builds.insert(id, entry);
        Some(InsertedBuild { id, number, new: true })
    }

    fn number(&mut self, new: &NewBuild) -> Option<BuildNumber> {
        if let Cause::Retry { source, .. } = &new.cause {
            let major = self.builds.get(source)?.build.number.major;
            return Some(BuildNumber { major, retry: self.retries(new.job, major) + 1 });
        }
        let job = self.jobs.get_mut(&new.job)?;
        job.last_number += 1;
        Some(BuildNumber::original(job.last_number))
    }

    pub fn retries(&self, job: JobId, major: i64) -> i64 {
        let builds = self.builds.values().map(|entry| &entry.build).filter(|build| build.job == job);
        builds.filter(|build| build.number.major == major).map(|build| build.number.retry).max().unwrap_or(0)
    }

    fn pending(&self, build: &Build) -> Option<PendingBuild> {
        let job = self.kept_job(build)?;
        let awaited = job.gets().find(|get| !build.versions.contains_key(&*get.key));
        let awaits = awaited.map(|get| get.step.resource.clone());
        Some(PendingBuild {
            id: build.id,
            pipeline: build.pipeline,
            team: self.pipelines.get(&build.pipeline)?.row.team_canonical.clone(),
            job: build.job,
            awaits,
            tags: job.tags,
            concurrency: job.concurrency,
            serial_groups: job.serial_groups,
        })
    }

    /// Builds that hold their places.
    pub fn held(&self) -> impl Iterator<Item = &Build> {
        let builds = self.builds.values().map(|entry| &entry.build);
        builds.filter(|build| !matches!(build.phase, Phase::Queued | Phase::Done))
    }
}

fn brief(build: &Build) -> BuildBrief {
    BuildBrief {
        id: build.id,
        job: build.job,
        number: build.number,
        status: build.status,
        phase: build.phase,
        cause: build.cause.clone(),
        versions: build.versions.clone(),
        created_at: build.created_at,
    }
}

#[async_trait]
impl SchedulingStore for MemoryStore {
    async fn scheduling_state(&self, pipeline: PipelineId) -> Result<Option<SchedulingState>, StoreError> {
        Ok(self.tables().scheduling_state(pipeline))
    }

    async fn apply(
        &self,
        pipeline: PipelineId,
        expected: Option<StateRevision>,
        writes: Vec<Write>,
        at: DateTime<Utc>,
    ) -> Result<Option<Applied>, StoreError> {
        let mut tables = self.tables();
        let current = tables.pipelines.get(&pipeline).map(|entry| entry.state);
        let Some(current) = current.filter(|state| expected.is_none_or(|expected| expected == *state)) else {
            return Ok(None);
        };
        if writes.is_empty() {
            return Ok(Some(Applied { revision: current, builds: Vec::new() }));
        }
        let builds = tables.apply(&writes, at)?;
        tables.raise(pipeline);
        Ok(Some(Applied { revision: StateRevision(current.0 + 1), builds }))
    }

    async fn pending_builds(&self, after: BuildId, limit: u32) -> Result<Vec<PendingBuild>, StoreError> {
        let tables = self.tables();
        let builds = tables.builds.values().map(|entry| &entry.build);
        let queued = builds.filter(|build| build.phase == Phase::Queued && build.id > after);
        Ok(queued.take(limit as usize).filter_map(|build| tables.pending(build)).collect())
    }

    async fn held_places(&self) -> Result<Vec<HeldPlace>, StoreError> {
        let tables = self.tables();
        let place = |build: &Build| {
            Some(HeldPlace {
                build: build.id,
                pipeline: build.pipeline,
                job: build.job,
                serial_groups: tables.kept_job(build)?.serial_groups,
                node: build.claim.as_ref()?.node.clone(),
            })
        };
        Ok(tables.held().filter_map(place).collect())
    }
}

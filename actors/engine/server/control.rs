//! What people ask for: checked, stored, and only then answered.
//!
//! Nothing here decides by itself which builds should exist; that is the scheduler's. What a person starts by hand is
//! inserted under a cause of its own, so it needs no expected revision and cannot collide with anything.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use pikoci_model::build::{BuildStatus, Cause};
use pikoci_model::id::{BuildId, JobId, PipelineId, ResourceId, RevisionId, VersionId};
use pikoci_model::port::store::CancelRequest;
use pikoci_model::port::{CheckRequested, Control, Refusal, SavePipeline, Saved, Topic, Trigger};
use pikoci_model::scheduling::{InsertedBuild, NewBuild, SchedulingState, Write};
use pikoci_model::version::{MAX_VERSION_BYTES, VersionValue};

use super::dispatcher::{Queued, Unqueued};
use super::pipelines::{CheckAsked, VersionsCame};
use super::save::save;
use super::scheduler::push_cancel;
use super::world::World;
use crate::decide::retry::{inputs, may_retry};
use crate::decide::schedule::new_build;
use crate::decide::versions::{kept, upstream_of};

/// The engine, as pages and clients see it.
pub(crate) struct Desk {
    world: World,
    plain: Mutex<HashMap<PipelineId, PlainJobs>>,
}

/// Jobs of a definition whose builds need nothing but to be inserted: no versions, no older build to be cancelled.
struct PlainJobs {
    definition: RevisionId,
    jobs: HashSet<JobId>,
}

#[async_trait]
impl Control for Desk {
    async fn save_pipeline(&self, request: SavePipeline) -> Result<Saved, Refusal> {
        self.open()?;
        save(&self.world, request).await
    }

    async fn delete_pipeline(&self, pipeline: PipelineId, by: &str) -> Result<(), Refusal> {
        self.open()?;
        super::delete::delete(self, pipeline, by).await
    }

    async fn trigger(&self, request: Trigger) -> Result<InsertedBuild, Refusal> {
        self.open()?;
        let (pipeline, now) = (request.pipeline, self.world.clock().now());
        if request.inputs.is_empty()
            && let Some(revision) = self.plain_definition(pipeline, request.job).await?
        {
            let build = NewBuild {
                job: request.job,
                revision,
                cause: by_hand(request.by),
                versions: BTreeMap::new(),
                inputs: BTreeMap::new(),
                created_at: now,
            };
            return self.insert(pipeline, vec![build], false).await?.pop().ok_or_else(gone);
        }
        let state = self.state(pipeline).await?;
        let found = state.jobs.iter().find(|job| job.id == request.job);
        let job =
            found.ok_or_else(|| Refusal::NotFound(format!("the pipeline has no job {}", request.job)))?;
        let inputs = inputs(&job.name, &request.inputs).map_err(Refusal::Invalid)?;
        let build = new_build(&state, job, by_hand(request.by), &BTreeMap::new(), now);
        let build = NewBuild { inputs, ..build };
        // Older builds of an interruptible job and missing versions are the scheduler's business.
        let look = job.interruptible || build.versions.len() < job.gets.len();
        self.insert(pipeline, vec![build], look).await?.pop().ok_or_else(gone)
    }

    async fn trigger_version(
        &self,
        resource: ResourceId,
        version: VersionId,
        by: &str,
    ) -> Result<Vec<InsertedBuild>, Refusal> {
        self.open()?;
        let row = self.resource(resource).await?;
        let known = self.world.store().version(version).await?.filter(|found| found.resource == resource);
        if known.is_none() {
            return Err(Refusal::NotFound(format!("{} has no version {version}", row.canonical)));
        }
        let (state, now) = (self.state(row.pipeline).await?, self.world.clock().now());
        let mut builds = Vec::new();
        let mut interrupts = false;
        for job in &state.jobs {
            let roots = job.gets.iter().filter(|get| get.resource == resource && upstream_of(get).is_empty());
            let chosen: BTreeMap<_, _> = roots.map(|get| (get.name.clone(), version)).collect();
            if !chosen.is_empty() {
                builds.push(new_build(&state, job, by_hand(by.to_owned()), &chosen, now));
                interrupts |= job.interruptible || job.gets.len() > chosen.len();
            }
        }
        if builds.is_empty() {
            let text = format!("no job gets {} without `passed`; nothing to start", row.canonical);
            return Err(Refusal::Conflict(text));
        }
        self.insert(row.pipeline, builds, interrupts).await
    }

    async fn cancel(&self, build: BuildId, by: &str) -> Result<(), Refusal> {
        self.cancel_because(build, &format!("cancelled by {by}")).await
    }

    async fn retry(&self, build: BuildId, by: &str) -> Result<InsertedBuild, Refusal> {
        self.open()?;
        let store = self.world.store();
        let source = store.build(build).await?.ok_or_else(|| no_build(build))?;
        let pipeline = store.pipeline_by_id(source.pipeline).await?.ok_or_else(gone)?;
        let revision = store.revision(pipeline.revision).await?.ok_or_else(gone)?;
        may_retry(&source, &revision.compiled).map_err(Refusal::Conflict)?;
        let state = self.state(source.pipeline).await?;
        let job = state.jobs.iter().find(|job| job.id == source.job).ok_or_else(gone)?;
        let number = store.retries(source.job, source.number.major).await? + 1;
        let cause = Cause::Retry { source: build, number, by: by.to_owned() };
        // Gets that are new in the current plan are resolved as for any build.
        let chosen = kept(&source.versions, job);
        let again = new_build(&state, job, cause, &chosen, self.world.clock().now());
        let again = NewBuild { inputs: source.inputs.clone(), ..again };
        let look = job.interruptible || again.versions.len() < job.gets.len();
        self.insert(source.pipeline, vec![again], look).await?.pop().ok_or_else(gone)
    }

    async fn check(&self, resource: ResourceId) -> Result<CheckRequested, Refusal> {
        self.open()?;
        let (store, row) = (self.world.store(), self.resource(resource).await?);
        let pipeline = store.pipeline_by_id(row.pipeline).await?.ok_or_else(gone)?;
        let revision = store.revision(pipeline.revision).await?.ok_or_else(gone)?;
        let definition = &revision.compiled;
        let kind =
            definition.resource(&row.canonical).and_then(|r| definition.resource_types.get(&r.type_name));
        if kind.is_none_or(|kind| kind.check.is_none()) {
            let text = format!("the type of {} has no check; its versions come from puts", row.canonical);
            return Err(Refusal::Conflict(text));
        }
        let follows = store.request_check(resource, self.world.clock().now()).await?;
        self.world.with_doors(|doors| drop(doors.pipelines.tell(CheckAsked(row.pipeline))));
        Ok(if follows { CheckRequested::FollowsRunning } else { CheckRequested::Queued })
    }

    async fn add_version(&self, resource: ResourceId, value: VersionValue) -> Result<VersionId, Refusal> {
        self.open()?;
        let row = self.resource(resource).await?;
        let size = value.canonical().len();
        if value.0.is_empty() || size > MAX_VERSION_BYTES {
            let text = format!(
                "a version is an object with at least one key and at most {MAX_VERSION_BYTES} bytes as JSON; \
                 this one has {} keys and {size} bytes",
                value.0.len()
            );
            return Err(Refusal::Invalid(text));
        }
        let (id, new) = self.world.store().add_version(resource, &value, self.world.clock().now()).await?;
        if new {
            self.world.with_doors(|doors| drop(doors.pipelines.tell(VersionsCame(row.pipeline))));
            self.world.ring_pipeline(row.pipeline);
        }
        Ok(id)
    }
}

impl Desk {
    pub(crate) fn new(world: World) -> Self {
        Self { world, plain: Mutex::default() }
    }

    /// The current definition, if the job is known to be plain in it: then the pipeline's state, which grows with the
    /// queue, need not be read.
    async fn plain_definition(
        &self,
        pipeline: PipelineId,
        job: JobId,
    ) -> Result<Option<RevisionId>, Refusal> {
        let row = self.world.store().pipeline_by_id(pipeline).await?.ok_or_else(gone)?;
        let known = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        let plain = known.get(&pipeline).filter(|plain| plain.definition == row.revision);
        Ok(plain.filter(|plain| plain.jobs.contains(&job)).map(|plain| plain.definition))
    }

    /// Nothing new begins while the server stops.
    fn open(&self) -> Result<(), Refusal> {
        if self.world.stopping() { Err(Refusal::Stopping) } else { Ok(()) }
    }

    async fn state(&self, pipeline: PipelineId) -> Result<SchedulingState, Refusal> {
        let state = self.world.store().scheduling_state(pipeline).await?.ok_or_else(gone)?;
        let jobs = state.jobs.iter().filter(|job| job.gets.is_empty() && !job.interruptible);
        let plain = PlainJobs { definition: state.definition, jobs: jobs.map(|job| job.id).collect() };
        self.plain.lock().unwrap_or_else(PoisonError::into_inner).insert(pipeline, plain);
        Ok(state)
    }

    async fn resource(&self, id: ResourceId) -> Result<pikoci_model::port::store::ResourceRow, Refusal> {
        let row = self.world.store().resource_by_id(id).await?;
        row.ok_or_else(|| Refusal::NotFound(format!("resource {id} does not exist")))
    }

    /// Inserts builds that were started by hand; `look`: the scheduler has something to do about them.
    async fn insert(
        &self,
        pipeline: PipelineId,
        builds: Vec<NewBuild>,
        look: bool,
    ) -> Result<Vec<InsertedBuild>, Refusal> {
        let writes = builds.into_iter().map(Write::InsertBuild).collect();
        let applied = self
            .world
            .store()
            .apply(pipeline, None, writes, self.world.clock().now())
            .await?
            .ok_or_else(gone)?;
        self.world.with_doors(|doors| {
            let _ = doors.dispatcher.tell(Queued);
            if look {
                let _ = doors.pipelines.tell(VersionsCame(pipeline));
            }
        });
        self.world.ring_pipeline(pipeline);
        Ok(applied.builds)
    }

    pub(super) async fn cancel_because(&self, build: BuildId, reason: &str) -> Result<(), Refusal> {
        let asked = self.world.store().request_cancel(build, reason, self.world.clock().now()).await?;
        let pipeline = match asked {
            CancelRequest::Ended(pipeline) => {
                self.world.with_doors(|doors| {
                    let _ = doors.dispatcher.tell(Unqueued(build));
                    // A build of the job that was to follow this one may follow now.
                    let _ = doors.pipelines.tell(VersionsCame(pipeline));
                });
                pipeline
            }
            CancelRequest::Claimed { pipeline, node, fence } => {
                push_cancel(&self.world, build, node, fence, reason);
                pipeline
            }
            CancelRequest::TooLate(BuildStatus::Started | BuildStatus::Pending) => {
                return Err(Refusal::Conflict("the build's hooks run already; it ends by itself".into()));
            }
            CancelRequest::TooLate(status) => {
                return Err(Refusal::Conflict(format!("the build is {status} already")));
            }
            CancelRequest::Unknown => return Err(no_build(build)),
        };
        self.world.ring(Topic::Build(build));
        self.world.ring_pipeline(pipeline);
        Ok(())
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }
}

fn by_hand(by: String) -> Cause {
    Cause::Manual { nonce: uuid::Uuid::new_v4(), by }
}

fn no_build(build: BuildId) -> Refusal {
    Refusal::NotFound(format!("build {build} does not exist"))
}

fn gone() -> Refusal {
    Refusal::NotFound("the pipeline does not exist any more".into())
}

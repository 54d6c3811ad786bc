//! Decides for one pipeline which builds should exist: reads its state, asks the pure decision, applies the answer
//! under the state's revision, and looks again until nothing is due.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use pikoci_model::build::{BuildStatus, Phase};
use pikoci_model::id::{BuildId, Fence, JobId, NodeId, PipelineId, ResourceId};
use pikoci_model::port::StoreError;
use pikoci_model::scheduling::{Applied, GetSource, SchedulingState, Write};
use serde::Serialize;

use super::dispatcher::{Queued, Requeued, Unqueued};
use super::pipelines::CheckAsked;
use super::tracker::CancelAsked;
use super::world::World;
use crate::decide::schedule::{FirstCheck, Schedule, WhyNot, schedule};
use crate::supervise::{Actor, Exit, Flow, Job, Life, Receive};

/// It looks at least this often: whatever it was not told of is found then.
const TICK: Duration = Duration::from_secs(10);
/// After a fault of the store it looks again after this.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// Rounds of one look: a new build may make another necessary. The rest follows at once, but others come between.
const ROUNDS: u32 = 32;

/// See the module.
pub(crate) struct Scheduler {
    world: World,
    pipeline: PipelineId,
    looking: bool,
    again: bool,
    timer: Option<Job>,
    /// What the last look taught; none before the first.
    known: Option<Known>,
}

/// Why a scheduler is woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Something that scheduling depends on has changed.
    Anyway,
    /// A build of this job passed; it matters if another job waits for that.
    Passed(String),
    /// A build of this job has left the queue; it matters if another one was to follow.
    Started(JobId),
    /// A check found nothing; it matters if a build waits for a first version.
    CheckedInVain,
}

/// What decides whether a wake-up matters.
#[derive(Debug, Clone, Default)]
struct Known {
    upstream: HashSet<String>,
    blocked: HashSet<JobId>,
    awaited: BTreeSet<ResourceId>,
}

/// What others see of a scheduler.
#[derive(Debug, Serialize)]
pub(crate) struct SchedulerState {
    pipeline: PipelineId,
    looking: bool,
    awaited: usize,
}

struct Tick;

struct Looked(Result<Outcome, StoreError>);

enum Outcome {
    /// Nothing is due any more.
    Settled(Known),
    /// More is due.
    Unfinished,
    /// The pipeline does not exist any more.
    Gone,
}

impl Scheduler {
    pub(crate) fn new(world: World, pipeline: PipelineId) -> Self {
        Self { world, pipeline, looking: false, again: false, timer: None, known: None }
    }

    fn matters(&self, wake: &Wake) -> bool {
        let Some(known) = self.known.as_ref().filter(|_| !self.looking) else { return true };
        match wake {
            Wake::Anyway => true,
            Wake::Passed(job) => known.upstream.contains(job),
            Wake::Started(job) => known.blocked.contains(job),
            Wake::CheckedInVain => !known.awaited.is_empty(),
        }
    }

    fn look(&mut self, life: &mut Life<'_, Self>) {
        if self.looking {
            self.again = true;
            return;
        }
        self.looking = true;
        let (world, pipeline) = (self.world.clone(), self.pipeline);
        life.spawn(async move { Looked(look(&world, pipeline).await) });
    }

    fn look_after(&mut self, pause: Duration, life: &mut Life<'_, Self>) {
        if let Some(timer) = self.timer.take() {
            life.cancel(timer);
        }
        self.timer = Some(life.later(pause, Tick));
    }
}

impl Actor for Scheduler {
    /// Wake-ups only, of which one is as good as many.
    const MAILBOX: usize = 1024;
    type State = SchedulerState;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        self.look(life);
        Ok(())
    }

    fn stop(&mut self, _: &mut Life<'_, Self>) -> Flow {
        Err(Exit::Stopped)
    }

    fn state(&self) -> SchedulerState {
        let awaited = self.known.as_ref().map_or(0, |known| known.awaited.len());
        SchedulerState { pipeline: self.pipeline, looking: self.looking, awaited }
    }
}

impl Receive<Wake> for Scheduler {
    fn receive(&mut self, wake: Wake, life: &mut Life<'_, Self>) -> Flow {
        if self.matters(&wake) {
            self.look(life);
        }
        Ok(())
    }
}

impl Receive<Tick> for Scheduler {
    fn receive(&mut self, _: Tick, life: &mut Life<'_, Self>) -> Flow {
        self.look(life);
        Ok(())
    }
}

impl Receive<Looked> for Scheduler {
    fn receive(&mut self, Looked(looked): Looked, life: &mut Life<'_, Self>) -> Flow {
        self.looking = false;
        let again = std::mem::take(&mut self.again);
        match looked {
            Ok(Outcome::Settled(known)) => {
                self.known = Some(known);
                self.look_after(TICK, life);
                if again {
                    self.look(life);
                }
            }
            Ok(Outcome::Unfinished) => self.look(life),
            Ok(Outcome::Gone) => self.look_after(TICK, life),
            Err(error) => {
                tracing::warn!(pipeline = %self.pipeline, "cannot be scheduled: {error}");
                self.look_after(AFTER_FAULT, life);
            }
        }
        Ok(())
    }
}

async fn look(world: &World, pipeline: PipelineId) -> Result<Outcome, StoreError> {
    for _ in 0..ROUNDS {
        let Some(state) = world.store().scheduling_state(pipeline).await? else { return Ok(Outcome::Gone) };
        let checks = first_checks(world, pipeline, &state).await?;
        let now = world.clock().now();
        let due = schedule(&state, &checks, now);
        if due.writes.is_empty() {
            ask_for_checks(world, pipeline, &due.awaited).await?;
            return Ok(Outcome::Settled(learn(&state, due)));
        }
        // Another writer was faster: what it wrote is read in the next round.
        let expected = Some(state.revision);
        if let Some(applied) = world.store().apply(pipeline, expected, due.writes.clone(), now).await? {
            follow_up(world, pipeline, &due.writes, &applied).await?;
        }
    }
    Ok(Outcome::Unfinished)
}

fn learn(state: &SchedulingState, due: Schedule) -> Known {
    let sources = state.jobs.iter().flat_map(|job| &job.gets).map(|get| &get.source);
    let upstream = sources.filter_map(|source| match source {
        GetSource::Passed { jobs, .. } => Some(jobs),
        GetSource::Root { .. } => None,
    });
    let blocked = due.why_not.into_iter().filter(|(_, why)| *why == WhyNot::AlreadyPending);
    Known {
        upstream: upstream.flatten().cloned().collect(),
        blocked: blocked.map(|(job, _)| job).collect(),
        awaited: due.awaited,
    }
}

/// How the first checks stand that queued builds wait for; nothing is read if none waits.
async fn first_checks(
    world: &World,
    pipeline: PipelineId,
    state: &SchedulingState,
) -> Result<BTreeMap<ResourceId, FirstCheck>, StoreError> {
    let gets_of = |job: JobId| state.jobs.iter().find(|found| found.id == job).map(|job| &job.gets);
    let incomplete = state.unfinished.iter().any(|build| {
        build.phase == Phase::Queued
            && build.status == BuildStatus::Pending
            && gets_of(build.job)
                .is_some_and(|gets| gets.iter().any(|get| !build.versions.contains_key(&get.name)))
    });
    if !incomplete {
        return Ok(BTreeMap::new());
    }
    let revision = world.store().revision(state.definition).await?;
    let has_check = |canonical: &str| {
        let definition = &revision.as_ref()?.compiled;
        definition.resource_types.get(&definition.resource(canonical)?.type_name)?.check.as_ref()
    };
    let rows = world.store().resources(pipeline).await?;
    let judged = rows.into_iter().map(|row| match has_check(&row.canonical) {
        Some(_) => (row.id, FirstCheck::Ended(row.last_check)),
        None => (row.id, FirstCheck::Impossible),
    });
    Ok(judged.collect())
}

/// Asks for the checks that builds wait for, unless they are due or running anyway.
async fn ask_for_checks(
    world: &World,
    pipeline: PipelineId,
    awaited: &BTreeSet<ResourceId>,
) -> Result<(), StoreError> {
    if awaited.is_empty() {
        return Ok(());
    }
    let now = world.clock().now();
    for row in world.store().resources(pipeline).await? {
        let due = row.next_check.is_some_and(|at| at <= now);
        let running = row.checking.as_ref().is_some_and(|lease| lease.until > now);
        if awaited.contains(&row.id) && !due && !running {
            world.store().request_check(row.id, now).await?;
        }
    }
    world.with_doors(|doors| drop(doors.pipelines.tell(CheckAsked(pipeline))));
    Ok(())
}

/// Tells those whom the changes concern.
async fn follow_up(
    world: &World,
    pipeline: PipelineId,
    writes: &[Write],
    applied: &Applied,
) -> Result<(), StoreError> {
    for write in writes {
        match write {
            Write::Cancel { build, reason } => tell_cancelled(world, *build, reason).await?,
            Write::Fail { build, .. } => {
                world.with_doors(|doors| drop(doors.dispatcher.tell(Unqueued(*build))));
                world.ring_build(pipeline, *build);
            }
            Write::FixVersions { build, .. } => {
                world.with_doors(|doors| drop(doors.dispatcher.tell(Requeued(*build))));
                world.ring_build(pipeline, *build);
            }
            Write::InsertBuild(_) | Write::Consider { .. } => {}
        }
    }
    if applied.builds.iter().any(|build| build.new) {
        world.with_doors(|doors| drop(doors.dispatcher.tell(Queued)));
        world.ring_pipeline(pipeline);
    }
    Ok(())
}

/// A cancelled build leaves the queue, or its worker is told.
async fn tell_cancelled(world: &World, build: BuildId, reason: &str) -> Result<(), StoreError> {
    let Some(row) = world.store().build(build).await? else { return Ok(()) };
    match row.claim.filter(|_| row.phase != Phase::Done) {
        Some(claim) => push_cancel(world, build, claim.node, claim.fence, reason),
        None => world.with_doors(|doors| drop(doors.dispatcher.tell(Unqueued(build)))),
    }
    world.ring_build(row.pipeline, build);
    Ok(())
}

/// Has a worker told to end a build: by its tracker here, which repeats it until it is seen to, or by the server that
/// has it, which hears it ring.
pub(crate) fn push_cancel(world: &World, build: BuildId, node: NodeId, fence: Fence, reason: &str) {
    let asked = CancelAsked { build, fence, node, reason: reason.to_owned() };
    world.with_doors(|doors| drop(doors.trackers.tell(asked)));
}

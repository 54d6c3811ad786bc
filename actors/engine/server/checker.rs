//! The checks of one pipeline's resources: which are due, when to look again, and what a check found.
//!
//! Level-triggered: woken by a timer, a request or a result, it reads the rows and acts on what they say. The
//! dispatcher finds the worker; the lease in the store sees to it that a resource is checked once at a time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use pikoci_model::id::{PipelineId, ResourceId};
use pikoci_model::message::{CheckDone, CheckStored};
use pikoci_model::pipeline::{CheckInterval, Pipeline};
use pikoci_model::port::store::ResourceRow;
use pikoci_model::port::{Address, StoreError};
use serde::Serialize;

use super::check_board::WantedCheck;
use super::dispatcher::CheckEnded;
use super::pipelines::Checked;
use super::world::World;
use crate::decide::due::{Due, due, next_check};
use crate::inbox::Received;
use crate::supervise::{Actor, Exit, Flow, Job, Life, Receive};

/// It looks at least this often: requests may have come through another server.
const LONGEST: Duration = Duration::from_secs(60);
/// After a fault of the store it looks again after this.
const AFTER_FAULT: Duration = Duration::from_secs(5);
/// Time stamps are cut to microseconds, so it wakes a little later rather than too early.
const LATE: Duration = Duration::from_millis(1);

/// See the module.
pub(crate) struct Checker {
    world: World,
    pipeline: PipelineId,
    looking: bool,
    again: bool,
    timer: Option<Job>,
    recording: usize,
}

/// Look at the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look;

/// A worker's result.
pub(crate) struct CheckCame(pub(crate) Received<CheckDone>);

/// What others see of a checker.
#[derive(Debug, Serialize)]
pub(crate) struct CheckerState {
    pipeline: PipelineId,
    looking: bool,
    recording: usize,
}

struct Seen(Result<Picture, StoreError>);

/// What is due now, and when to look again.
#[derive(Default)]
struct Picture {
    wanted: Vec<WantedCheck>,
    look_again: Option<DateTime<Utc>>,
}

struct Recorded(ResourceId, Result<(), StoreError>);

impl Checker {
    pub(crate) fn new(world: World, pipeline: PipelineId) -> Self {
        Self { world, pipeline, looking: false, again: false, timer: None, recording: 0 }
    }

    fn look(&mut self, life: &mut Life<'_, Self>) {
        if self.looking {
            self.again = true;
            return;
        }
        self.looking = true;
        let (world, pipeline) = (self.world.clone(), self.pipeline);
        life.spawn(async move { Seen(picture(&world, pipeline).await) });
    }

    fn look_after(&mut self, pause: Duration, life: &mut Life<'_, Self>) {
        if let Some(timer) = self.timer.take() {
            life.cancel(timer);
        }
        self.timer = Some(life.later(pause.min(LONGEST), Look));
    }
}

impl Actor for Checker {
    /// Results of a pipeline's checks, one a resource at a time; workers repeat what does not fit.
    const MAILBOX: usize = 256;
    type State = CheckerState;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        self.look(life);
        Ok(())
    }

    fn stop(&mut self, _: &mut Life<'_, Self>) -> Flow {
        Err(Exit::Stopped)
    }

    fn state(&self) -> CheckerState {
        CheckerState { pipeline: self.pipeline, looking: self.looking, recording: self.recording }
    }
}

impl Receive<Look> for Checker {
    fn receive(&mut self, _: Look, life: &mut Life<'_, Self>) -> Flow {
        self.look(life);
        Ok(())
    }
}

impl Receive<Seen> for Checker {
    fn receive(&mut self, Seen(seen): Seen, life: &mut Life<'_, Self>) -> Flow {
        self.looking = false;
        let pause = match seen {
            Ok(picture) => {
                self.world.with_doors(|doors| {
                    for wanted in picture.wanted {
                        // What does not fit is wanted again at the next look.
                        let _ = doors.dispatcher.tell(wanted);
                    }
                });
                let now = self.world.clock().now();
                let until = |at: DateTime<Utc>| (at - now).to_std().unwrap_or_default() + LATE;
                picture.look_again.map_or(LONGEST, until)
            }
            Err(error) => {
                tracing::warn!(pipeline = %self.pipeline, "checks cannot be looked at: {error}");
                AFTER_FAULT
            }
        };
        self.look_after(pause, life);
        if std::mem::take(&mut self.again) {
            self.look(life);
        }
        Ok(())
    }
}

impl Receive<CheckCame> for Checker {
    fn receive(&mut self, CheckCame(done): CheckCame, life: &mut Life<'_, Self>) -> Flow {
        self.recording += 1;
        let (world, pipeline, resource) = (self.world.clone(), self.pipeline, done.message.resource);
        life.spawn(async move { Recorded(resource, record(&world, pipeline, done).await) });
        Ok(())
    }
}

impl Receive<Recorded> for Checker {
    fn receive(&mut self, Recorded(resource, result): Recorded, life: &mut Life<'_, Self>) -> Flow {
        self.recording -= 1;
        if let Err(error) = result {
            tracing::warn!(%resource, "a check's result cannot be stored; the worker repeats it: {error}");
        }
        self.look(life);
        Ok(())
    }
}

async fn picture(world: &World, pipeline: PipelineId) -> Result<Picture, StoreError> {
    let (store, now) = (world.store(), world.clock().now());
    let mut picture = Picture::default();
    let Some(row) = store.pipeline_by_id(pipeline).await? else { return Ok(picture) };
    let Some(revision) = store.revision(row.revision).await? else { return Ok(picture) };
    for resource in store.resources(pipeline).await? {
        let lease_until = resource.checking.as_ref().map(|lease| lease.until);
        let judged = due(resource.next_check, lease_until, now);
        if judged == Due::Now {
            match wanted(&revision.compiled, &row.team_canonical, &resource) {
                Some(wanted) => picture.wanted.push(wanted),
                None => store.set_next_check(resource.id, None).await?,
            }
        }
        picture.look_again = [picture.look_again, judged.look_again()].into_iter().flatten().min();
    }
    Ok(picture)
}

/// The check of a resource; none if its type has none, or it is not in the definition.
fn wanted(definition: &Pipeline, team: &str, row: &ResourceRow) -> Option<WantedCheck> {
    let resource = definition.resource(&row.canonical)?;
    definition.resource_types.get(&resource.type_name)?.check.as_ref()?;
    Some(WantedCheck { resource: row.id, tags: resource.tags.clone(), team: team.to_owned() })
}

/// Stores a result, and only then says so to the worker.
async fn record(world: &World, pipeline: PipelineId, done: Received<CheckDone>) -> Result<(), StoreError> {
    let Received { sender, message: CheckDone { resource, lease, outcome } } = done;
    let (store, now) = (world.store(), world.clock().now());
    let next = after(world, pipeline, resource, now).await?;
    let recorded = store.record_check(resource, lease, &outcome, now, next).await?;
    world.post().send(&Address::Node(sender), &CheckStored { resource, lease });
    world.with_doors(|doors| {
        let _ = doors.dispatcher.tell(CheckEnded { resource, lease });
        if let Some(recorded) = &recorded {
            let _ = doors.pipelines.tell(Checked { pipeline, new: !recorded.new.is_empty() });
        }
    });
    if recorded.is_some() {
        world.ring_pipeline(pipeline);
    }
    Ok(())
}

/// When a resource whose check ended at `now` is due again.
pub(crate) async fn after(
    world: &World,
    pipeline: PipelineId,
    resource: ResourceId,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let store = world.store();
    let Some(row) = store.pipeline_by_id(pipeline).await? else { return Ok(None) };
    let Some(revision) = store.revision(row.revision).await? else { return Ok(None) };
    let Some(resource) = store.resource_by_id(resource).await? else { return Ok(None) };
    let interval = match revision.compiled.resource(&resource.canonical) {
        Some(definition) => &definition.check_interval,
        None => &CheckInterval::Never,
    };
    Ok(next_check(interval, now, world.settings().zone).unwrap_or_else(|problem| {
        tracing::warn!(resource = %resource.canonical, "checked on request only: {problem}");
        None
    }))
}

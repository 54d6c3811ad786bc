//! The checks of one pipeline's resources: which are due, and when to look again.
//!
//! Level-triggered: woken by a timer, a request or a result, it reads the rows and acts on what they say. The
//! dispatcher finds the worker; the lease in the store sees to it that a resource is checked once at a time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use pikoci_model::id::PipelineId;
use pikoci_model::pipeline::Pipeline;
use pikoci_model::port::StoreError;
use pikoci_model::port::store::ResourceRow;
use serde::Serialize;

use super::check_board::WantedCheck;
use super::world::World;
use crate::decide::due::{Due, due};
use crate::supervise::{Actor, Exit, Flow, Job, Life, Receive};

/// It looks at least this often: requests may have come through another server.
const LONGEST: Duration = Duration::from_secs(60);
/// A check that waits for a worker is asked for again this often: who was asked may be gone.
const ASK_AGAIN: Duration = Duration::from_secs(5);
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
}

/// Look at the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look;

/// What others see of a checker.
#[derive(Debug, Serialize)]
pub(crate) struct CheckerState {
    pipeline: PipelineId,
    looking: bool,
}

struct Seen(Result<Picture, StoreError>);

/// What is due now, and when to look again.
#[derive(Default)]
struct Picture {
    wanted: Vec<WantedCheck>,
    look_again: Option<DateTime<Utc>>,
}

impl Checker {
    pub(crate) fn new(world: World, pipeline: PipelineId) -> Self {
        Self { world, pipeline, looking: false, again: false, timer: None }
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
    /// Wake-ups only, of which one is as good as many.
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
        CheckerState { pipeline: self.pipeline, looking: self.looking }
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
                let longest = if picture.wanted.is_empty() { LONGEST } else { ASK_AGAIN };
                self.world.with_doors(|doors| {
                    for wanted in picture.wanted {
                        // What does not fit is wanted again at the next look.
                        let _ = doors.dispatcher.tell(wanted);
                    }
                });
                let now = self.world.clock().now();
                let until = |at: DateTime<Utc>| (at - now).to_std().unwrap_or_default() + LATE;
                picture.look_again.map_or(longest, until).min(longest)
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

async fn picture(world: &World, pipeline: PipelineId) -> Result<Picture, StoreError> {
    let (store, now) = (world.store(), world.clock().now());
    let mut picture = Picture::default();
    let Some(row) = store.pipeline_by_id(pipeline).await? else { return Ok(picture) };
    let Some(revision) = store.revision(row.revision).await? else { return Ok(picture) };
    for resource in store.resources(pipeline).await? {
        let judged = due(&resource, now);
        if judged == Due::Now {
            if resource.next_check.is_some_and(|at| at > now) {
                store.set_next_check(resource.id, Some(now)).await?;
            }
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
    Some(WantedCheck {
        resource: row.id,
        tags: resource.tags.clone(),
        team: team.to_owned(),
        from_afar: false,
    })
}

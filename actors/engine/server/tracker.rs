//! One running build: the only writer of its row and its log.
//!
//! Events come numbered; each is stored once, in order, and acknowledged after it is stored. Whatever has come
//! while a batch is being stored makes the next batch. A tracker keeps nothing that is not in the store or at the
//! worker: a new one, here or on another server, goes on where the row says.

mod looking;

use std::sync::Arc;
use std::time::Duration;

use pikoci_model::build::{Build, Phase};
use pikoci_model::id::{BuildId, Fence, NodeId};
use pikoci_model::message::{Acknowledge, Cancel, Events, GoBuild, Void};
use pikoci_model::port::{Address, StoreError, Topic};
use serde::Serialize;

pub(crate) use self::looking::Glance;
use self::looking::IsIdle;
use super::dispatcher::{Freed, Requeued};
use super::pipelines::{Passed, VersionsCame};
use super::record::{Batch, Effect, record};
use super::trackers::Begin;
use super::world::World;
use crate::decide::intake::{Intake, Urgency};
use crate::inbox::Received;
use crate::supervise::{Actor, Exit, Flow, Life, Receive};

/// A go that no event has answered is repeated this often …
const REPEAT_GO: Duration = Duration::from_secs(2);
/// … this many times; then the janitor finds that the worker does not hold the build.
const GOES: u32 = 10;
/// News that can wait for what follows waits this long.
const GATHER: Duration = Duration::from_millis(3);
/// A cancel is repeated this often until the build is seen to end.
const REPEAT_CANCEL: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Tracker {
    world: World,
    build: BuildId,
    fence: Fence,
    node: NodeId,
    intake: Intake,
    row: Option<Build>,
    /// Highest number that may be acknowledged.
    stored: u64,
    storing: bool,
    gathering: Gathering,
    go: Option<Arc<GoBuild>>,
    goes: u32,
    cancel: Option<String>,
    repeating_cancel: bool,
    stopping: bool,
    /// It has heard something since it looked whether it is idle.
    heard: bool,
}

/// Whether news waits for what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gathering {
    No,
    Waiting,
    Enough,
}

/// Somebody asked for the build's end; the worker was told once.
#[derive(Debug, Clone)]
pub(crate) struct CancelAsked {
    pub(crate) build: BuildId,
    pub(crate) fence: Fence,
    pub(crate) node: NodeId,
    pub(crate) reason: String,
}

/// What others see of a tracker.
#[derive(Debug, Serialize)]
pub(crate) struct TrackerState {
    build: BuildId,
    stored: u64,
    waiting: usize,
    storing: bool,
}

struct Loaded(Result<Option<Build>, StoreError>);

struct Recorded {
    through: u64,
    effect: Result<Effect, StoreError>,
}

struct Gathered;

struct RepeatGo;

struct RepeatCancel;

impl Tracker {
    pub(crate) fn new(
        world: World,
        build: BuildId,
        fence: Fence,
        node: NodeId,
        begin: Option<Begin>,
    ) -> Self {
        let (row, go) = begin.map_or((None, None), |begin| (Some(begin.row), Some(begin.go)));
        Self {
            world,
            build,
            fence,
            node,
            intake: Intake::default(),
            row,
            stored: 0,
            storing: false,
            gathering: Gathering::No,
            go,
            goes: 0,
            cancel: None,
            repeating_cancel: false,
            stopping: false,
            heard: true,
        }
    }

    fn load(&self, life: &mut Life<'_, Self>) {
        let (world, build) = (self.world.clone(), self.build);
        life.spawn(async move { Loaded(world.store().build(build).await) });
    }

    /// Stores the next batch, if there is one and none is on its way.
    fn advance(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let Some(row) = self.row.as_ref().filter(|_| !self.storing) else { return Ok(()) };
        if self.stopping {
            return Err(Exit::Stopped);
        }
        let run = row.run;
        match (self.intake.urgency(), self.gathering) {
            (Urgency::Nothing, _) | (Urgency::Soon, Gathering::Waiting) => return Ok(()),
            (Urgency::Soon, Gathering::No) => {
                self.gathering = Gathering::Waiting;
                life.later(GATHER, Gathered);
                return Ok(());
            }
            (Urgency::Now, _) | (Urgency::Soon, Gathering::Enough) => {}
        }
        let events = self.intake.take();
        self.storing = true;
        let (world, build, fence, through) =
            (self.world.clone(), self.build, self.fence, self.intake.taken());
        let batch = Batch { build, fence, run, through, events };
        life.spawn(async move { Recorded { through, effect: record(&world, batch).await } });
        Ok(())
    }

    fn acknowledge(&self) {
        let cancel = self.cancel.clone().filter(|_| !self.is_ending());
        let message = Acknowledge { build: self.build, fence: self.fence, through: self.stored, cancel };
        self.world.post().send(&Address::Node(self.node.clone()), &message);
    }

    fn void(&self) -> Exit {
        let message = Void { build: self.build, fence: self.fence };
        self.world.post().send(&Address::Node(self.node.clone()), &message);
        Exit::Finished
    }

    /// Whether a cancel would change nothing any more: its hooks run.
    fn is_ending(&self) -> bool {
        self.row.as_ref().is_some_and(|row| row.phase >= Phase::Hooks)
    }

    fn press_cancel(&mut self, life: &mut Life<'_, Self>) {
        if !self.repeating_cancel && self.cancel.is_some() {
            self.repeating_cancel = true;
            life.later(REPEAT_CANCEL, RepeatCancel);
        }
    }

    fn send_cancel(&self) {
        if let Some(reason) = self.cancel.clone() {
            let message = Cancel { build: self.build, fence: self.fence, reason };
            self.world.post().send(&Address::Node(self.node.clone()), &message);
        }
    }

    /// The build ended, but the incarnation that stored its end may not have told anybody.
    fn tell_the_end(&self) {
        let Some(row) = &self.row else { return };
        let (build, node) = (self.build, Some(self.node.clone()));
        self.world.with_doors(|doors| {
            let _ = doors.dispatcher.tell(Freed { build, node });
            let _ = doors.pipelines.tell(VersionsCame(row.pipeline));
        });
        self.world.ring_build(row.pipeline, self.build);
    }

    /// Tells those who wait for what was stored.
    fn announce(&mut self, effect: &Effect) {
        let Effect::Stored { row, states, versions, passed, ended, requeued, .. } = effect else { return };
        let Some(row) = row else { return };
        if *states {
            self.world.ring_build(row.pipeline, self.build);
        } else {
            self.world.ring(Topic::Build(self.build));
        }
        let (pipeline, build, node) = (row.pipeline, self.build, Some(self.node.clone()));
        self.world.with_doors(|doors| {
            if *versions {
                let _ = doors.pipelines.tell(VersionsCame(pipeline));
            }
            if *passed {
                let _ = doors.pipelines.tell(Passed { pipeline, job: row.job_name.clone() });
            }
            if *ended || *requeued {
                let _ = doors.dispatcher.tell(Freed { build, node });
            }
            if *requeued {
                let _ = doors.dispatcher.tell(Requeued(build));
            }
        });
    }
}

impl Actor for Tracker {
    /// Messages of one worker's window: 16384 of the smallest events, in messages of many.
    const MAILBOX: usize = 1024;
    type State = TrackerState;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        if self.row.is_none() {
            self.load(life);
        }
        if self.go.is_some() {
            life.later(REPEAT_GO, RepeatGo);
        }
        life.later(self.idle(), IsIdle);
        Ok(())
    }

    fn stop(&mut self, _: &mut Life<'_, Self>) -> Flow {
        self.stopping = true;
        if self.storing { Ok(()) } else { Err(Exit::Stopped) }
    }

    fn state(&self) -> TrackerState {
        let (stored, waiting) = (self.stored, self.intake.waiting());
        TrackerState { build: self.build, stored, waiting, storing: self.storing }
    }
}

impl Receive<Received<Events>> for Tracker {
    fn receive(&mut self, received: Received<Events>, life: &mut Life<'_, Self>) -> Flow {
        let Received { sender, message } = received;
        let claim = self.row.as_ref().and_then(|row| row.claim.as_ref());
        if claim.map_or(sender != self.node, |claim| claim.node != sender) {
            tracing::warn!(build = %self.build, %sender, "events of a worker that does not hold the build, dropped");
            return Ok(());
        }
        self.heard = true;
        self.go = None;
        let old = message.events.last().is_none_or(|last| last.number <= self.stored);
        self.intake.skip_to(message.acknowledged);
        self.stored = self.stored.max(message.acknowledged);
        self.intake.offer(message.events);
        if old && self.row.is_some() {
            self.acknowledge();
        }
        self.advance(life)
    }
}

impl Receive<Loaded> for Tracker {
    fn receive(&mut self, Loaded(loaded): Loaded, life: &mut Life<'_, Self>) -> Flow {
        let row = match loaded {
            Ok(Some(row)) => row,
            Ok(None) => return Err(self.void()),
            Err(error) => return Err(Exit::Failed(format!("the build's row cannot be read: {error}"))),
        };
        let Some(claim) = row.claim.as_ref().filter(|claim| claim.fence == self.fence) else {
            return Err(self.void());
        };
        if claim.node != self.node {
            // Somebody else's word brought this tracker about: it counts for nothing.
            self.node = claim.node.clone();
            self.intake = Intake::default();
            self.stored = 0;
        }
        self.intake.skip_to(row.events_through);
        self.stored = self.stored.max(row.events_through);
        self.cancel = row.cancel_requested.clone();
        let over = row.phase == Phase::Done;
        self.row = Some(row);
        // The worker learns who listens now, and what it need not send again.
        self.acknowledge();
        if over {
            self.tell_the_end();
            return Err(self.void());
        }
        self.press_cancel(life);
        self.advance(life)
    }
}

impl Receive<Recorded> for Tracker {
    fn receive(&mut self, Recorded { through, effect }: Recorded, life: &mut Life<'_, Self>) -> Flow {
        self.storing = false;
        let effect = match effect {
            Ok(Effect::Void) => return Err(self.void()),
            Ok(effect) => effect,
            Err(error) => return Err(Exit::Failed(format!("events cannot be stored: {error}"))),
        };
        self.stored = through;
        if let Effect::Stored { row: Some(row), .. } = &effect {
            if self.cancel.is_none() {
                self.cancel.clone_from(&row.cancel_requested);
            }
            self.row = Some(Build::clone(row));
        }
        self.acknowledge();
        self.announce(&effect);
        match effect {
            Effect::Stored { ended, requeued, .. } if ended || requeued => Err(Exit::Finished),
            _ => {
                self.press_cancel(life);
                self.advance(life)
            }
        }
    }
}

impl Receive<CancelAsked> for Tracker {
    fn receive(&mut self, asked: CancelAsked, life: &mut Life<'_, Self>) -> Flow {
        self.cancel = Some(asked.reason);
        self.send_cancel();
        self.press_cancel(life);
        Ok(())
    }
}

impl Receive<Gathered> for Tracker {
    fn receive(&mut self, _: Gathered, life: &mut Life<'_, Self>) -> Flow {
        self.gathering = Gathering::Enough;
        let flow = self.advance(life);
        self.gathering = Gathering::No;
        flow
    }
}

impl Receive<RepeatGo> for Tracker {
    fn receive(&mut self, _: RepeatGo, life: &mut Life<'_, Self>) -> Flow {
        if let Some(go) = self.go.clone().filter(|_| self.goes < GOES) {
            self.goes += 1;
            self.world.post().send(&Address::Node(self.node.clone()), go.as_ref());
            life.later(REPEAT_GO, RepeatGo);
        }
        Ok(())
    }
}

impl Receive<RepeatCancel> for Tracker {
    fn receive(&mut self, _: RepeatCancel, life: &mut Life<'_, Self>) -> Flow {
        self.repeating_cancel = false;
        if !self.is_ending() {
            self.send_cancel();
            self.press_cancel(life);
        }
        Ok(())
    }
}

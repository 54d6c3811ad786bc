//! The other servers of the installation: who lives, who is told what rang here, and what follows when one is gone.
//!
//! A server that is alone says so every two seconds and does nothing else: nothing of what several servers need is on
//! the path of one. Nothing here decides anything that the store would not decide again.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pikoci_model::id::NodeId;
use pikoci_model::message::{Hail, Rang, ServerBeat};
use pikoci_model::port::{Address, Monotonic, StoreError, Topic};
use pikoci_model::worker::WorkerState;
use serde::Serialize;

use super::dispatcher::Redraw;
use super::pipelines::LeadersChanged;
use super::trackers::RangElsewhere;
use super::world::World;
use crate::decide::leadership::BEAT;
use crate::decide::skew::goes_with;
use crate::inbox::Received;
use crate::supervise::{Actor, Exit, Flow, Life, Receive};

/// Silent servers are noticed this often.
const TICK: Duration = Duration::from_secs(1);
/// A tick that comes this late says that the process itself stood still.
const STOOD_STILL: Duration = Duration::from_secs(4);
/// Rings within this time go together.
const GATHER: Duration = Duration::from_millis(20);
/// Topics of one message.
const TOGETHER: usize = 4096;
/// How long a server that has just come listens for others before it takes homes that it has not heard for lost.
const LISTEN: Duration = Duration::from_millis(500);
/// Homes of workers are compared with who lives after this many ticks.
const TICKS_PER_LOOK: u32 = 10;

/// See the module.
pub(crate) struct Peers {
    world: World,
    started: DateTime<Utc>,
    beaten: Monotonic,
    ticked: Monotonic,
    ticks: u32,
    gathering: bool,
    leaving: bool,
}

/// Something rang that other servers should hear of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gathered;

/// This server stops.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leave;

/// What others see of it.
#[derive(Debug, Serialize)]
pub(crate) struct PeersState {
    others: usize,
    leaving: bool,
}

struct Tick;

struct TellRings;

struct LookForLostHomes;

/// Homes that workers have in the store.
struct Homes(Result<BTreeSet<NodeId>, StoreError>);

impl Peers {
    pub(crate) fn new(world: World) -> Self {
        let (started, now) = (world.clock().now(), world.clock().monotonic());
        Self { world, started, beaten: now, ticked: now, ticks: 0, gathering: false, leaving: false }
    }

    fn beat(&mut self, to: &Address, new: bool) {
        let version = self.world.settings().version.clone();
        let beat = ServerBeat { started: self.started, version, leaving: self.leaving, new };
        self.world.post().send(to, &beat);
    }

    fn tell_rings(&self) {
        let topics = self.world.gathering().take();
        if self.world.has_peers() {
            for topics in topics.chunks(TOGETHER) {
                self.world.post().send(&Address::AllServers, &Rang { topics: topics.to_vec() });
            }
        }
    }

    /// Another one does what it did.
    fn changed(&self) {
        self.world.with_doors(|doors| {
            // Each looks by itself now and then.
            let _ = doors.pipelines.tell(LeadersChanged);
            let _ = doors.dispatcher.tell(Redraw);
        });
    }

    fn gone(&self, gone: Vec<NodeId>) {
        if gone.is_empty() {
            return;
        }
        tracing::warn!(servers = ?gone, "not heard any more; what they looked after is taken over");
        self.world.post().send(&Address::AllWorkers, &Hail { lost: gone });
        self.changed();
    }

    fn look(&self, life: &mut Life<'_, Self>) {
        let world = self.world.clone();
        life.spawn(async move {
            let rows = world.store().workers().await;
            let alive = |rows: Vec<pikoci_model::port::store::WorkerRow>| {
                let rows = rows.into_iter().filter(|row| row.state != WorkerState::Lost);
                rows.map(|row| row.home).collect()
            };
            Homes(rows.map(alive))
        });
    }
}

impl Actor for Peers {
    /// Beats and gathered rings of a few servers; what does not fit costs one of them.
    const MAILBOX: usize = 1024;
    type State = PeersState;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        self.beat(&Address::AllServers, true);
        life.later(LISTEN, LookForLostHomes);
        life.later(TICK, Tick);
        Ok(())
    }

    fn stop(&mut self, _: &mut Life<'_, Self>) -> Flow {
        self.leaving = true;
        self.tell_rings();
        self.beat(&Address::AllServers, false);
        Err(Exit::Stopped)
    }

    fn state(&self) -> PeersState {
        PeersState { others: self.world.members().others(), leaving: self.leaving }
    }
}

impl Receive<Received<ServerBeat>> for Peers {
    fn receive(&mut self, beat: Received<ServerBeat>, _: &mut Life<'_, Self>) -> Flow {
        let Received { sender, message: ServerBeat { version, leaving, new, .. } } = beat;
        if sender == *self.world.post().node() {
            return Ok(());
        }
        let now = self.world.clock().monotonic();
        if leaving {
            if self.world.members().left(&sender) {
                tracing::info!(server = %sender, "leaves");
                self.changed();
            }
            return Ok(());
        }
        if self.world.members().heard(&sender, now) {
            tracing::info!(server = %sender, %version, "another server");
            if let Err(why) = goes_with(&self.world.settings().version, &version) {
                tracing::error!(server = %sender, "servers of one installation should be of one version: {why}");
            }
            self.changed();
        }
        if new {
            self.beat(&Address::Node(sender), false);
        }
        Ok(())
    }
}

impl Receive<Received<Rang>> for Peers {
    fn receive(&mut self, rang: Received<Rang>, _: &mut Life<'_, Self>) -> Flow {
        if rang.sender == *self.world.post().node() {
            return Ok(());
        }
        let mut builds = Vec::new();
        for topic in rang.message.topics {
            self.world.signals().ring(topic);
            if let Topic::Build(build) = topic {
                builds.push(build);
            }
        }
        // A tracker that misses it hears of a cancel with its next look.
        self.world.with_doors(|doors| drop(doors.trackers.tell(RangElsewhere(builds))));
        Ok(())
    }
}

impl Receive<Gathered> for Peers {
    fn receive(&mut self, _: Gathered, life: &mut Life<'_, Self>) -> Flow {
        if !self.gathering {
            self.gathering = true;
            life.later(GATHER, TellRings);
        }
        Ok(())
    }
}

impl Receive<TellRings> for Peers {
    fn receive(&mut self, _: TellRings, _: &mut Life<'_, Self>) -> Flow {
        self.gathering = false;
        self.tell_rings();
        Ok(())
    }
}

impl Receive<Leave> for Peers {
    fn receive(&mut self, _: Leave, _: &mut Life<'_, Self>) -> Flow {
        if std::mem::replace(&mut self.leaving, true) {
            return Ok(());
        }
        self.world.members().leave();
        self.beat(&Address::AllServers, false);
        if self.world.has_peers() {
            let lost = vec![self.world.post().node().clone()];
            self.world.post().send(&Address::AllWorkers, &Hail { lost });
            self.changed();
        }
        Ok(())
    }
}

impl Receive<LookForLostHomes> for Peers {
    fn receive(&mut self, _: LookForLostHomes, life: &mut Life<'_, Self>) -> Flow {
        self.look(life);
        Ok(())
    }
}

/// Workers of servers that nobody heard any more, as after a restart, look for another home.
impl Receive<Homes> for Peers {
    fn receive(&mut self, Homes(homes): Homes, _: &mut Life<'_, Self>) -> Flow {
        match homes {
            Ok(homes) => {
                let lost: Vec<NodeId> = {
                    let members = self.world.members();
                    homes.into_iter().filter(|home| !members.lives(home)).collect()
                };
                if !lost.is_empty() && !self.leaving {
                    self.world.post().send(&Address::AllWorkers, &Hail { lost });
                }
            }
            Err(error) => tracing::warn!("homes of workers cannot be read: {error}"),
        }
        Ok(())
    }
}

impl Receive<Tick> for Peers {
    fn receive(&mut self, _: Tick, life: &mut Life<'_, Self>) -> Flow {
        life.later(TICK, Tick);
        let now = self.world.clock().monotonic();
        if now.saturating_sub(self.ticked) > STOOD_STILL {
            self.world.members().be_patient(now);
        }
        self.ticked = now;
        self.ticks += 1;
        let gone = self.world.members().sweep(now);
        self.gone(gone);
        if now.saturating_sub(self.beaten) + TICK / 2 >= BEAT {
            self.beaten = now;
            self.beat(&Address::AllServers, false);
        }
        self.tell_rings();
        if self.ticks.is_multiple_of(TICKS_PER_LOOK) {
            self.look(life);
        }
        Ok(())
    }
}

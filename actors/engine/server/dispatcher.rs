//! Queued builds and due checks × ready workers: offer, accept, claim, go.
//!
//! Woken by what is new — a queued build, a freed place, a worker, a doorbell — it reads only what it has not seen,
//! and offers. The claim in the store decides; until then nothing has to be undone. Its tick repeats what got lost
//! and, rarely, draws the whole picture anew: a lost message costs an interval, never a build.

mod answers;
mod reading;

use std::time::Duration;

use pikoci_model::build::Waiting;
use pikoci_model::id::{BuildId, NodeId, ResourceId};
use pikoci_model::message::{
    Announce, CheckWanted, Doorbell, Goodbye, Hail, Home, Offer, OfferId, Renew, Renewed, Withdraw,
};
use pikoci_model::port::Address;

use super::board::BoardCounts;
use super::check_board::WantedCheck;
use super::pipelines::BoardIsEmpty;
use super::world::World;
use crate::inbox::Received;
use crate::supervise::{Actor, Exit, Flow, Life, Receive};

/// Offers are swept this often.
const TICK: Duration = Duration::from_secs(1);
/// The picture is drawn anew after this many ticks.
const TICKS_PER_PICTURE: u32 = 10;
/// A lease of a check outlives its limit by this: the result travels.
pub(super) const CHECK_MARGIN: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Dispatcher {
    world: World,
    /// The highest build that was read.
    after: BuildId,
    reading: bool,
    read_again: bool,
    drawing: bool,
    draw_again: bool,
    ticks: u32,
}

/// Builds may have been queued.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queued;

/// This build, seen before, is queued again, or its row has changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requeued(pub(crate) BuildId);

/// This build is not queued any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unqueued(pub(crate) BuildId);

/// A build has given its place back; the worker that had it, if it is still there, has a free slot.
#[derive(Debug, Clone)]
pub(crate) struct Freed {
    pub(crate) build: BuildId,
    pub(crate) node: Option<NodeId>,
}

/// A check has ended, or its lease is void.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CheckEnded {
    pub(crate) resource: ResourceId,
    pub(crate) lease: i64,
}

/// Draw the picture anew: a server came or went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redraw;

/// A worker does not renew.
#[derive(Debug, Clone)]
pub(crate) struct Silent(pub(crate) NodeId);

/// A worker is lost, has left, or has another home now.
#[derive(Debug, Clone)]
pub(crate) struct Gone(pub(crate) NodeId);

struct Tick;

impl Dispatcher {
    pub(crate) fn new(world: World) -> Self {
        // A dead incarnation leaves nothing behind: workers are told to announce themselves again.
        *world.board() = super::board::Board::default();
        Self {
            world,
            after: BuildId(0),
            reading: false,
            read_again: false,
            drawing: false,
            draw_again: false,
            ticks: 0,
        }
    }

    fn now(&self) -> Duration {
        self.world.clock().monotonic()
    }

    /// Offers what can be offered.
    fn offer(&self) {
        if self.world.stopping() {
            return;
        }
        let (offers, for_others) = {
            let mut board = self.world.board();
            (board.offer(self.now()), board.checks_for_others())
        };
        self.send(offers);
        for (home, WantedCheck { resource, tags, team, .. }) in for_others {
            self.world.post().send(&Address::Node(home), &CheckWanted { resource, tags, team });
        }
    }

    fn send(&self, offers: Vec<(NodeId, Offer)>) {
        for (node, offer) in offers {
            self.world.post().send(&Address::Node(node), &offer);
        }
    }

    /// Offers, and rings the other servers if something is left that may be for their workers.
    fn offer_and_ring(&self, redraw: bool) {
        self.offer();
        if self.world.board().has_queue() {
            self.ring(redraw);
        }
    }

    fn ring(&self, redraw: bool) {
        if self.world.has_peers() {
            self.world.post().send(&Address::AllServers, &Doorbell { redraw });
        }
    }

    fn withdraw(&self, offer: OfferId, node: &NodeId) {
        self.world.post().send(&Address::Node(node.clone()), &Withdraw { offer });
    }
}

impl Actor for Dispatcher {
    /// Every worker's acceptance, renewal and finished build passes here; a thousand of them are some milliseconds.
    const MAILBOX: usize = 8192;
    type State = BoardCounts;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        self.redraw(life);
        life.later(TICK, Tick);
        // Whoever is out there announces itself at once, and not only when it misses its home.
        self.world.post().send(&Address::AllWorkers, &Hail::default());
        self.world.with_doors(|doors| drop(doors.pipelines.tell(BoardIsEmpty)));
        Ok(())
    }

    fn stop(&mut self, _: &mut Life<'_, Self>) -> Flow {
        Err(Exit::Stopped)
    }

    fn state(&self) -> BoardCounts {
        self.world.board().counts()
    }
}

impl Receive<Queued> for Dispatcher {
    fn receive(&mut self, _: Queued, life: &mut Life<'_, Self>) -> Flow {
        self.read_new(life);
        Ok(())
    }
}

impl Receive<Requeued> for Dispatcher {
    fn receive(&mut self, Requeued(build): Requeued, life: &mut Life<'_, Self>) -> Flow {
        let world = self.world.clone();
        life.spawn(async move {
            let after = BuildId(build.0 - 1);
            let read = world.store().pending_builds(after, 1).await;
            reading::Read::One(
                read.map(|builds| builds.into_iter().filter(|found| found.id == build).collect()),
            )
        });
        Ok(())
    }
}

impl Receive<Unqueued> for Dispatcher {
    fn receive(&mut self, Unqueued(build): Unqueued, _: &mut Life<'_, Self>) -> Flow {
        self.world.board().unqueue(build);
        self.offer();
        Ok(())
    }
}

impl Receive<Freed> for Dispatcher {
    fn receive(&mut self, Freed { build, node }: Freed, _: &mut Life<'_, Self>) -> Flow {
        self.world.board().free(build, node.as_ref());
        self.offer();
        // The place may be what a build waits for that only another server knows.
        self.ring(false);
        Ok(())
    }
}

impl Receive<WantedCheck> for Dispatcher {
    fn receive(&mut self, check: WantedCheck, _: &mut Life<'_, Self>) -> Flow {
        self.world.board().want_check(check);
        self.offer();
        Ok(())
    }
}

impl Receive<Received<CheckWanted>> for Dispatcher {
    fn receive(&mut self, wanted: Received<CheckWanted>, life: &mut Life<'_, Self>) -> Flow {
        let CheckWanted { resource, tags, team } = wanted.message;
        self.receive(WantedCheck { resource, tags, team, from_afar: true }, life)
    }
}

impl Receive<CheckEnded> for Dispatcher {
    fn receive(&mut self, CheckEnded { resource, lease }: CheckEnded, _: &mut Life<'_, Self>) -> Flow {
        self.world.board().check_ended(resource, lease);
        self.offer();
        Ok(())
    }
}

impl Receive<Silent> for Dispatcher {
    fn receive(&mut self, Silent(node): Silent, _: &mut Life<'_, Self>) -> Flow {
        self.world.board().hush(&node);
        self.ring(true);
        Ok(())
    }
}

impl Receive<Gone> for Dispatcher {
    fn receive(&mut self, Gone(node): Gone, _: &mut Life<'_, Self>) -> Flow {
        if self.world.board().dismiss(&node) {
            self.ring(true);
        }
        self.offer();
        Ok(())
    }
}

impl Receive<Received<Doorbell>> for Dispatcher {
    fn receive(&mut self, bell: Received<Doorbell>, life: &mut Life<'_, Self>) -> Flow {
        if bell.sender != *self.world.post().node() {
            self.world.board().retry_refused();
            match bell.message.redraw {
                true => self.redraw(life),
                false => self.read_new(life),
            }
        }
        Ok(())
    }
}

impl Receive<Redraw> for Dispatcher {
    fn receive(&mut self, _: Redraw, life: &mut Life<'_, Self>) -> Flow {
        self.redraw(life);
        Ok(())
    }
}

impl Receive<Received<Announce>> for Dispatcher {
    fn receive(&mut self, Received { sender, message }: Received<Announce>, _: &mut Life<'_, Self>) -> Flow {
        let Announce { profile, free_slots, free_check_slots, .. } = message;
        let leases = self.world.settings().leases;
        let home = Home {
            server: self.world.post().node().clone(),
            lease: leases.lease,
            renew_every: leases.renew_every,
        };
        self.world.post().send(&Address::Node(sender), &home);
        if self.world.board().announce(profile, free_slots, free_check_slots) {
            // Others may have to leave its team's work to it.
            self.ring(true);
        }
        self.offer();
        Ok(())
    }
}

impl Receive<Received<Renew>> for Dispatcher {
    fn receive(&mut self, Received { sender, message }: Received<Renew>, _: &mut Life<'_, Self>) -> Flow {
        let Renew { counter, free_slots, free_check_slots, draining, .. } = message;
        let known = self.world.board().renew(&sender, free_slots, free_check_slots, draining);
        self.world.post().send(&Address::Node(sender), &Renewed { counter, known });
        self.offer();
        Ok(())
    }
}

impl Receive<Received<Goodbye>> for Dispatcher {
    fn receive(&mut self, Received { sender, .. }: Received<Goodbye>, _: &mut Life<'_, Self>) -> Flow {
        if self.world.board().dismiss(&sender) {
            self.ring(true);
        }
        Ok(())
    }
}

impl Receive<Tick> for Dispatcher {
    fn receive(&mut self, _: Tick, life: &mut Life<'_, Self>) -> Flow {
        life.later(TICK, Tick);
        self.ticks += 1;
        let now = self.now();
        let ((repeated, lapsed), goes) = {
            let mut board = self.world.board();
            board.expire_checks(now, self.world.settings().check_limit + CHECK_MARGIN);
            (board.sweep(now), board.repeat_checks(now))
        };
        self.send(repeated);
        for (node, go) in goes {
            self.world.post().send(&Address::Node(node), go.as_ref());
        }
        if self.ticks.is_multiple_of(TICKS_PER_PICTURE) {
            self.redraw(life);
        }
        self.offer();
        if lapsed && self.world.board().has_queue() {
            self.ring(false);
        }
        Ok(())
    }
}

/// Why a queued build waits, as the dispatcher sees it.
impl pikoci_model::port::Waits for World {
    fn waiting(&self, build: BuildId) -> Option<Waiting> {
        self.board().waiting(build)
    }
}

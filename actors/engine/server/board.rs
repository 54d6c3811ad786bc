//! What the dispatcher knows, as plain state: queued builds, taken places, workers and offers.
//!
//! It is a picture of the store, fed by what is new and drawn afresh now and then; where it is wrong, the claim in the
//! store says so. Nothing in it is the truth and nothing in it survives.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use pikoci_model::build::Waiting;
use pikoci_model::id::{BuildId, NodeId};
use pikoci_model::message::{Offer, OfferId, OfferedWork};
use pikoci_model::port::Monotonic;
use pikoci_model::scheduling::{HeldPlace, PendingBuild};
use pikoci_model::worker::WorkerProfile;

use super::check_board::CheckBoard;
use crate::decide::admit::{Abroad, Ask, Place, Seat, Workforce, admit};

/// An offer that is not accepted lapses after this.
const LAPSE: Duration = Duration::from_secs(10);
/// An offer without an answer is repeated this often: it or its answer may be lost.
const REPEAT: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pending: BTreeMap<BuildId, PendingBuild>,
    held: HashMap<BuildId, Place>,
    refused: HashMap<BuildId, Waiting>,
    pub(super) seats: Vec<Seat>,
    pub(super) abroad: Vec<Abroad>,
    offers: HashMap<OfferId, Offered>,
    pub(super) checks: CheckBoard,
    explained: Option<BTreeMap<BuildId, Waiting>>,
}

impl Seat {
    /// What the worker says is free for builds and for checks, less what is on its way to it. It never has more room
    /// than slots, whatever it says.
    fn has_room(&mut self, (free, free_checks): (u32, u32), (builds, checks): (u32, u32)) {
        self.free = free.min(self.profile.slots).saturating_sub(builds);
        self.free_checks = free_checks.min(self.profile.check_slots).saturating_sub(checks);
    }
}

/// An offer that is out.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    pub(super) work: OfferedWork,
    pub(super) node: NodeId,
    build: Option<PendingBuild>,
    first: Monotonic,
    last: Monotonic,
    accepted: bool,
}

/// What an acceptance means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// The worker may be given the work now.
    Claim {
        /// The worker's name.
        worker: String,
    },
    /// Heard before; the answer is on its way.
    Repeated,
    /// The offer had lapsed, or was answered long ago: whatever slot is held for it is free.
    TooLate,
}

/// Numbers for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct BoardCounts {
    pub(crate) pending: usize,
    pub(crate) held: usize,
    pub(crate) offers: usize,
    pub(crate) checks_waiting: usize,
    pub(crate) checks_running: usize,
}

impl Board {
    /// Queued builds that were read from the store. Those that are being offered or hold a place are known already.
    /// True if any was not known.
    pub(crate) fn queue(&mut self, builds: Vec<PendingBuild>) -> bool {
        self.explained = None;
        let mut news = false;
        for build in builds {
            if !self.held.contains_key(&build.id) {
                news |= self.pending.insert(build.id, build).is_none();
            }
        }
        news
    }

    /// Draws the picture of builds anew. What is being offered or claimed right now is younger than what was read.
    pub(crate) fn redraw(&mut self, held: Vec<HeldPlace>, pending: Vec<PendingBuild>, complete: bool) {
        let offered: HashSet<BuildId> =
            self.offers.values().filter_map(|o| Some(o.build.as_ref()?.id)).collect();
        self.held.retain(|build, _| offered.contains(build));
        for place in held {
            let HeldPlace { build, pipeline, job, serial_groups, .. } = place;
            self.held.insert(build, Place { build, pipeline, job, serial_groups });
        }
        let queued: HashSet<BuildId> = pending.iter().map(|build| build.id).collect();
        if complete {
            self.pending.retain(|build, _| queued.contains(build));
        }
        self.refused.clear();
        self.queue(pending);
    }

    /// Workers whose home is another server, as the store knows them.
    pub(crate) fn set_abroad(&mut self, abroad: Vec<Abroad>) {
        self.explained = None;
        self.abroad = abroad;
    }

    pub(super) fn workforce(&self) -> Workforce<'_> {
        Workforce { seats: &self.seats, abroad: &self.abroad }
    }

    /// A build is not queued any more.
    pub(crate) fn unqueue(&mut self, build: BuildId) {
        self.explained = None;
        self.pending.remove(&build);
        self.refused.remove(&build);
    }

    /// A build gave its place back; `node` had it. Builds that were refused may try again.
    pub(crate) fn free(&mut self, build: BuildId, node: Option<&NodeId>) {
        self.explained = None;
        self.refused.clear();
        let held = self.held.remove(&build).is_some();
        if let Some(seat) = node.filter(|_| held).and_then(|node| self.seat(node)) {
            seat.free = (seat.free + 1).min(seat.profile.slots);
        }
    }

    /// Places elsewhere became free.
    pub(crate) fn retry_refused(&mut self) {
        self.explained = None;
        self.refused.clear();
    }

    /// Whether builds wait that could be for somebody else.
    pub(crate) fn has_queue(&self) -> bool {
        !self.pending.is_empty()
    }

    /// A worker announced itself; true if it was not here. Offers to it from before are void if it is another life.
    pub(crate) fn announce(&mut self, profile: WorkerProfile, free: u32, free_checks: u32) -> bool {
        self.explained = None;
        let node = profile.node.clone();
        let (builds, checks) = self.unanswered(&node);
        let mut seat = Seat { free: 0, free_checks: 0, ready: true, profile };
        seat.has_room((free, free_checks), (builds, checks));
        self.abroad.retain(|worker| worker.profile.node != node);
        match self.seat(&node) {
            Some(known) => *known = seat,
            None => {
                self.seats.push(seat);
                return true;
            }
        }
        false
    }

    /// A worker renewed; false if it is not known here.
    pub(crate) fn renew(&mut self, node: &NodeId, free: u32, free_checks: u32, draining: bool) -> bool {
        let (builds, checks) = self.unanswered(node);
        let Some(seat) = self.seat(node) else { return false };
        seat.has_room((free, free_checks), (builds, checks));
        let changed = seat.ready == draining;
        seat.ready = !draining;
        if changed {
            self.explained = None;
        }
        true
    }

    /// A worker is silent: nothing is offered to it until it renews.
    pub(crate) fn hush(&mut self, node: &NodeId) {
        self.explained = None;
        if let Some(seat) = self.seat(node) {
            seat.ready = false;
        }
    }

    /// A worker is gone; what was offered to it is queued again. True if it was here.
    pub(crate) fn dismiss(&mut self, node: &NodeId) -> bool {
        let before = self.seats.len();
        self.seats.retain(|seat| seat.profile.node != *node);
        let open: Vec<OfferId> = self
            .offers
            .iter()
            .filter(|(_, offered)| offered.node == *node && !offered.accepted)
            .map(|(offer, _)| *offer)
            .collect();
        open.into_iter().for_each(|offer| self.take_back(offer));
        self.explained = None;
        self.seats.len() < before
    }

    /// Whom the worker at `node` said to be.
    pub(crate) fn worker(&self, node: &NodeId) -> Option<&WorkerProfile> {
        self.seats.iter().map(|seat| &seat.profile).find(|profile| profile.node == *node)
    }

    pub(super) fn seat(&mut self, node: &NodeId) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.profile.node == *node)
    }

    /// Decides what to offer to whom, and takes note of it.
    pub(crate) fn offer(&mut self, now: Monotonic) -> Vec<(NodeId, Offer)> {
        let mut out = self.offer_checks(now);
        if self.pending.is_empty() || self.seats.iter().all(|seat| seat.free == 0) {
            return out;
        }
        let admission =
            admit(self.pending.values(), self.held.values(), self.workforce(), &self.refused, Ask::Offers);
        for (build, node) in admission.offers {
            let Some(pending) = self.pending.remove(&build) else { continue };
            self.explained = None;
            self.held.insert(build, Place::of(&pending));
            if let Some(seat) = self.seat(&node) {
                seat.free = seat.free.saturating_sub(1);
            }
            out.push(self.put_out(OfferedWork::Build(build), node, Some(pending), now));
        }
        out
    }

    pub(super) fn put_out(
        &mut self,
        work: OfferedWork,
        node: NodeId,
        build: Option<PendingBuild>,
        now: Monotonic,
    ) -> (NodeId, Offer) {
        let offer = Offer { offer: OfferId(uuid::Uuid::new_v4()), work };
        let offered = Offered { work, node: node.clone(), build, first: now, last: now, accepted: false };
        self.offers.insert(offer.offer, offered);
        (node, offer)
    }

    /// A worker accepted.
    pub(crate) fn accept(&mut self, offer: OfferId, sender: &NodeId) -> Accepted {
        let worker = self.worker(sender).map(|profile| profile.name.clone());
        match (self.offers.get_mut(&offer), worker) {
            (Some(offered), Some(worker)) if offered.node == *sender && !offered.accepted => {
                offered.accepted = true;
                Accepted::Claim { worker }
            }
            (Some(offered), _) if offered.node == *sender && offered.accepted => Accepted::Repeated,
            _ => Accepted::TooLate,
        }
    }

    /// The accepted build is the worker's: it keeps the place that it had been given.
    pub(crate) fn claimed(&mut self, offer: OfferId) {
        self.settle(offer);
    }

    /// The accepted work is not the worker's after all; its slot is free again. A build goes back to the queue when
    /// `again`, with the reason for which it has to wait, if there is one.
    pub(crate) fn withdrawn(&mut self, offer: OfferId, again: bool, waiting: Option<Waiting>) {
        let Some(offered) = self.settle(offer) else { return };
        self.give_slot_back(&offered);
        let Some(build) = offered.build else { return };
        self.held.remove(&build.id);
        if let Some(waiting) = waiting {
            self.refused.insert(build.id, waiting);
        }
        if again {
            self.pending.insert(build.id, build);
        }
        self.explained = None;
    }

    /// A worker declined: it has no slot, whatever we thought. Its next renewal tells.
    pub(crate) fn decline(&mut self, offer: OfferId, sender: &NodeId) {
        if self.offers.get(&offer).is_none_or(|offered| offered.node != *sender || offered.accepted) {
            return;
        }
        let work = self.offers.get(&offer).map(|offered| offered.work);
        self.take_back(offer);
        match (work, self.seat(sender)) {
            (Some(OfferedWork::Build(_)), Some(seat)) => seat.free = 0,
            (Some(OfferedWork::Check(_)), Some(seat)) => seat.free_checks = 0,
            _ => {}
        }
    }

    /// Takes back what lapsed, and says which offers to repeat, and whether any has lapsed.
    pub(crate) fn sweep(&mut self, now: Monotonic) -> (Vec<(NodeId, Offer)>, bool) {
        let lapsed: Vec<OfferId> = self
            .offers
            .iter()
            .filter(|(_, offered)| !offered.accepted && now.saturating_sub(offered.first) >= LAPSE)
            .map(|(offer, _)| *offer)
            .collect();
        let any = !lapsed.is_empty();
        lapsed.into_iter().for_each(|offer| self.take_back(offer));
        let mut repeated = Vec::new();
        for (id, offered) in &mut self.offers {
            if !offered.accepted && now.saturating_sub(offered.last) >= REPEAT {
                offered.last = now;
                repeated.push((offered.node.clone(), Offer { offer: *id, work: offered.work }));
            }
        }
        (repeated, any)
    }

    /// Why a queued build waits.
    pub(crate) fn waiting(&mut self, build: BuildId) -> Option<Waiting> {
        if !self.pending.contains_key(&build) {
            return None;
        }
        let workforce = Workforce { seats: &self.seats, abroad: &self.abroad };
        let (pending, held, refused) = (&self.pending, &self.held, &self.refused);
        let explained = self.explained.get_or_insert_with(|| {
            admit(pending.values(), held.values(), workforce, refused, Ask::Reasons).waiting
        });
        explained.get(&build).cloned()
    }

    pub(crate) fn counts(&self) -> BoardCounts {
        BoardCounts {
            pending: self.pending.len(),
            held: self.held.len(),
            offers: self.offers.len(),
            checks_waiting: self.checks.waiting(),
            checks_running: self.checks.running(),
        }
    }

    /// The offer is answered for good.
    pub(super) fn settle(&mut self, offer: OfferId) -> Option<Offered> {
        self.offers.remove(&offer)
    }

    /// The offer is not to be answered any more; an answer that still comes is too late.
    fn take_back(&mut self, offer: OfferId) {
        let Some(offered) = self.offers.remove(&offer) else { return };
        self.explained = None;
        self.give_slot_back(&offered);
        match offered.build {
            Some(build) => {
                self.held.remove(&build.id);
                self.pending.insert(build.id, build);
            }
            None => self.checks.lapsed(offered.work),
        }
    }

    pub(super) fn give_slot_back(&mut self, offered: &Offered) {
        let Some(seat) = self.seat(&offered.node) else { return };
        match offered.work {
            OfferedWork::Build(_) => seat.free = (seat.free + 1).min(seat.profile.slots),
            OfferedWork::Check(_) => seat.free_checks = (seat.free_checks + 1).min(seat.profile.check_slots),
        }
    }

    /// Offers of builds and checks to a worker that it has not answered.
    fn unanswered(&self, node: &NodeId) -> (u32, u32) {
        let open = self.offers.values().filter(|offered| offered.node == *node && !offered.accepted);
        open.fold((0, 0), |(builds, checks), offered| match offered.work {
            OfferedWork::Build(_) => (builds + 1, checks),
            OfferedWork::Check(_) => (builds, checks + 1),
        })
    }
}

#[cfg(test)]
mod tests;

//! The part of the board that is about checks.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use pikoci_model::id::{NodeId, ResourceId};
use pikoci_model::message::{GoCheck, Offer, OfferId, OfferedWork};
use pikoci_model::port::Monotonic;

use super::board::Board;
use crate::decide::admit::{CheckSeat, seat_for_check};

/// The first repetition of a go that nothing has answered yet; each later one waits twice as long.
const FIRST_REPEAT: Duration = Duration::from_secs(2);

/// A check that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedCheck {
    pub(crate) resource: ResourceId,
    pub(crate) tags: Vec<String>,
    pub(crate) team: String,
    /// Another server asks for it, which has no worker for it itself.
    pub(crate) from_afar: bool,
}

/// Checks that wait, are offered, or run.
#[derive(Debug, Default)]
pub(crate) struct CheckBoard {
    queue: VecDeque<WantedCheck>,
    queued: HashSet<ResourceId>,
    offered: HashMap<ResourceId, WantedCheck>,
    running: HashMap<ResourceId, Running>,
}

#[derive(Debug)]
struct Running {
    node: NodeId,
    go: Arc<GoCheck>,
    since: Monotonic,
    repeat_at: Monotonic,
    pause: Duration,
}

impl CheckBoard {
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    fn want(&mut self, check: WantedCheck) {
        let known = self.offered.contains_key(&check.resource) || self.running.contains_key(&check.resource);
        if !known && self.queued.insert(check.resource) {
            self.queue.push_back(check);
        }
    }

    /// An offer came to nothing: the check waits again, first in line.
    pub(super) fn lapsed(&mut self, work: OfferedWork) {
        let OfferedWork::Check(resource) = work else { return };
        if let Some(check) = self.offered.remove(&resource)
            && self.queued.insert(resource)
        {
            self.queue.push_front(check);
        }
    }
}

impl Board {
    /// A check is due. One that is known already is not queued twice.
    pub(crate) fn want_check(&mut self, check: WantedCheck) {
        self.checks.want(check);
    }

    /// Checks that wait here and that only a worker of another server can take. One that came from afar is forgotten
    /// instead: who asked for it asks again.
    pub(crate) fn checks_for_others(&mut self) -> Vec<(NodeId, WantedCheck)> {
        if self.abroad.is_empty() {
            return Vec::new();
        }
        let mut out = Vec::new();
        let mut left = VecDeque::new();
        for check in std::mem::take(&mut self.checks.queue) {
            match seat_for_check(self.workforce(), &check.tags, &check.team) {
                Ok(CheckSeat::At(home)) => {
                    self.checks.queued.remove(&check.resource);
                    if !check.from_afar {
                        out.push((home, check));
                    }
                }
                _ => left.push_back(check),
            }
        }
        self.checks.queue = left;
        out
    }

    pub(super) fn offer_checks(&mut self, now: Monotonic) -> Vec<(NodeId, Offer)> {
        let mut out = Vec::new();
        let mut left = VecDeque::new();
        while let Some(check) = self.checks.queue.pop_front() {
            if self.seats.iter().all(|seat| seat.free_checks == 0) {
                left.push_back(check);
                break;
            }
            match seat_for_check(self.workforce(), &check.tags, &check.team) {
                Err(_) | Ok(CheckSeat::At(_)) => left.push_back(check),
                Ok(CheckSeat::Here(index)) => {
                    let seat = &mut self.seats[index];
                    seat.free_checks -= 1;
                    let node = seat.profile.node.clone();
                    let resource = check.resource;
                    self.checks.queued.remove(&resource);
                    self.checks.offered.insert(resource, check);
                    out.push(self.put_out(OfferedWork::Check(resource), node, None, now));
                }
            }
        }
        left.append(&mut self.checks.queue);
        self.checks.queue = left;
        out
    }

    /// The accepted check is leased and on its way to the worker.
    pub(crate) fn check_leased(&mut self, offer: OfferId, node: NodeId, go: Arc<GoCheck>, now: Monotonic) {
        self.settle(offer);
        let resource = go.plan.resource_id;
        self.checks.offered.remove(&resource);
        let running = Running { node, go, since: now, repeat_at: now + FIRST_REPEAT, pause: FIRST_REPEAT };
        self.checks.running.insert(resource, running);
    }

    /// The accepted check is not to be run; whoever finds it due again says so.
    pub(crate) fn check_withdrawn(&mut self, offer: OfferId) {
        let Some(offered) = self.settle(offer) else { return };
        self.give_slot_back(&offered);
        if let OfferedWork::Check(resource) = offered.work {
            self.checks.offered.remove(&resource);
        }
    }

    /// A check has ended, or its lease is void.
    pub(crate) fn check_ended(&mut self, resource: ResourceId, lease: i64) {
        if self.checks.running.get(&resource).is_none_or(|running| running.go.plan.lease != lease) {
            return;
        }
        let Some(running) = self.checks.running.remove(&resource) else { return };
        if let Some(seat) = self.seat(&running.node) {
            seat.free_checks = (seat.free_checks + 1).min(seat.profile.check_slots);
        }
    }

    /// Goes to repeat: nothing but the result says that one arrived.
    pub(crate) fn repeat_checks(&mut self, now: Monotonic) -> Vec<(NodeId, Arc<GoCheck>)> {
        let mut out = Vec::new();
        for running in self.checks.running.values_mut() {
            if running.repeat_at <= now {
                running.pause *= 2;
                running.repeat_at = now + running.pause;
                out.push((running.node.clone(), Arc::clone(&running.go)));
            }
        }
        out
    }

    /// Forgets checks whose lease has ended without a result.
    pub(crate) fn expire_checks(&mut self, now: Monotonic, lease: Duration) {
        let over: Vec<(ResourceId, i64)> = self
            .checks
            .running
            .iter()
            .filter(|(_, running)| now.saturating_sub(running.since) > lease)
            .map(|(resource, running)| (*resource, running.go.plan.lease))
            .collect();
        over.into_iter().for_each(|(resource, lease)| self.check_ended(resource, lease));
    }
}

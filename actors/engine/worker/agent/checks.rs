//! The checks of an agent: from go until the home has stored the one result.

use std::collections::BTreeMap;
use std::sync::Arc;

use pikoci_model::check::CheckOutcome;
use pikoci_model::id::{NodeId, ResourceId};
use pikoci_model::message::{CheckDone, CheckStored, GoCheck};
use pikoci_model::outcome::Failure;
use pikoci_model::port::Address;

use super::{Agent, Mode};
use crate::inbox::Received;
use crate::post::Post;
use crate::supervise::{Child, Flow, Life, Obituary, Receive};
use crate::worker::check::{CheckActor, CheckAsk, CheckOver};
use crate::worker::conduct::Interrupt;

/// A result that nobody stores is repeated this often; then its lease is over anyway.
const REPEATS: u32 = 60;
/// After this many repeats any server is asked.
const REPEATS_AT_HOME: u32 = 3;

/// See the module.
#[derive(Default)]
pub(super) struct Checks {
    held: BTreeMap<(ResourceId, i64), Held>,
}

struct Held {
    actor: Arc<str>,
    home: NodeId,
    child: Option<Child<CheckActor>>,
    outcome: Option<CheckOutcome>,
    repeats: u32,
}

impl Checks {
    /// Checks that use a slot.
    pub(super) fn running(&self) -> usize {
        self.held.values().filter(|held| held.child.is_some()).count()
    }

    pub(super) fn none_runs(&self) -> bool {
        self.running() == 0
    }

    pub(super) fn end_all(&self) {
        for child in self.held.values().filter_map(|held| held.child.as_ref()) {
            if let Err(undelivered) = child.tell(Interrupt::Abandon) {
                tracing::warn!(check = %child.name(), "order to end not delivered: {undelivered}");
            }
        }
    }

    /// Sends again what is not stored yet.
    pub(super) fn repeat(&mut self, post: &Post) {
        for ((resource, lease), held) in &mut self.held {
            if held.outcome.is_some() {
                held.repeats += 1;
                held.tell(*resource, *lease, post);
            }
        }
        self.held.retain(|_, held| held.repeats <= REPEATS);
    }

    /// The home is another server now: what is not stored yet is told there at once.
    pub(super) fn redirect(&mut self, to: &NodeId, post: &Post) {
        for ((resource, lease), held) in &mut self.held {
            (held.home, held.repeats) = (to.clone(), 0);
            held.tell(*resource, *lease, post);
        }
    }

    /// Whether it was a check that died; then its result is that.
    pub(super) fn lost(&mut self, obituary: &Obituary, post: &Post) -> bool {
        let found = self.held.iter_mut().find(|(_, held)| *held.actor == *obituary.name);
        let Some(((resource, lease), held)) = found else { return false };
        let result = Err(Failure::plain(format!("`{}` {}", obituary.name, obituary.exit)));
        held.child = None;
        held.outcome = Some(CheckOutcome { result, log: String::new() });
        held.tell(*resource, *lease, post);
        true
    }
}

impl Held {
    fn tell(&self, resource: ResourceId, lease: i64, post: &Post) {
        let Some(outcome) = self.outcome.clone() else { return };
        let to = match self.repeats {
            0..=REPEATS_AT_HOME => Address::Node(self.home.clone()),
            _ => Address::AnyServer,
        };
        post.send(&to, &CheckDone { resource, lease, outcome });
    }
}

impl Receive<Received<GoCheck>> for Agent {
    fn receive(&mut self, received: Received<GoCheck>, life: &mut Life<'_, Self>) -> Flow {
        let (home, GoCheck { offer, incarnation, plan }) = (received.sender, received.message);
        let key = (plan.resource_id, plan.lease);
        if incarnation != self.profile.incarnation || self.checks.held.contains_key(&key) {
            return Ok(());
        }
        let held = self.holds.release(offer);
        if self.mode == Mode::Stopping || (!held && self.free_check_slots() == 0) {
            // Its lease ends by itself and the check is asked for again.
            return Ok(());
        }
        let actor: Arc<str> = format!("check/{}.{}", plan.resource_id, plan.lease).into();
        let (ports, settings) = (self.ports.clone(), Arc::clone(&self.settings));
        let ask = CheckAsk { plan: Arc::new(plan), ports, settings };
        let parent = life.door();
        let child = life.start(Arc::clone(&actor), move || CheckActor::new(ask, parent));
        let held = Held { actor, home, child: Some(child), outcome: None, repeats: 0 };
        self.checks.held.insert(key, held);
        Ok(())
    }
}

impl Receive<CheckOver> for Agent {
    fn receive(&mut self, message: CheckOver, life: &mut Life<'_, Self>) -> Flow {
        let CheckOver { resource, lease, outcome } = message;
        if self.mode == Mode::Stopping {
            // It was ended by us, not by itself: it is run again elsewhere.
            self.checks.held.remove(&(resource, lease));
        } else if let Some(held) = self.checks.held.get_mut(&(resource, lease)) {
            held.child = None;
            held.outcome = Some(outcome);
            held.tell(resource, lease, &self.post);
        }
        self.leave_if_empty(life)
    }
}

impl Receive<Received<CheckStored>> for Agent {
    fn receive(&mut self, received: Received<CheckStored>, _: &mut Life<'_, Self>) -> Flow {
        let CheckStored { resource, lease } = received.message;
        self.checks.held.remove(&(resource, lease));
        Ok(())
    }
}

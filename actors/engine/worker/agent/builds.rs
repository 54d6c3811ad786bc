//! The builds of an agent: from go to the acknowledgement of the last event.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use pikoci_model::build::BuildEvent;
use pikoci_model::id::{BuildId, Fence, NodeId};
use pikoci_model::message::{Acknowledge, Cancel, GoBuild, Holding, Void};

use super::recovery::Alive;
use super::{Agent, Mode, end_build};
use crate::decide::walk::Cut;
use crate::inbox::Received;
use crate::supervise::{Child, Flow, Life, Receive};
use crate::worker::build::{BuildActor, BuildAsk, BuildOver, Last, Lifeline};
use crate::worker::outbox::{Memory, Outbox};

/// Claims that are remembered after their build is gone, so that a repeated go starts nothing.
const REMEMBERED: usize = 1024;

pub(super) type Key = (BuildId, i64);

/// See the module.
#[derive(Default)]
pub(super) struct Builds {
    pub(super) held: BTreeMap<Key, Held>,
    past: VecDeque<Key>,
    /// For what they have to say.
    memory: Memory,
}

pub(super) struct Held {
    pub(super) actor: Arc<str>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) lifeline: Arc<Lifeline>,
    /// `None` when nothing of the build is alive; only its outbox is left.
    child: Option<Child<BuildActor>>,
    /// Its outbox has nothing more to send: all is acknowledged, or the claim is void.
    told: bool,
}

/// The last event of an outbox is acknowledged, or nobody wants it.
struct OutboxDone(Key);

fn key(build: BuildId, fence: Fence) -> Key {
    (build, fence.0)
}

impl Builds {
    /// Builds that use a slot.
    pub(super) fn running(&self) -> usize {
        self.held.values().filter(|held| held.child.is_some()).count()
    }

    pub(super) fn none_runs(&self) -> bool {
        self.running() == 0
    }

    /// No build runs and every event is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// What renewals name: also builds whose last events are still on their way.
    pub(super) fn holding(&self) -> Vec<Holding> {
        self.held.keys().map(|(build, fence)| Holding { build: *build, fence: Fence(*fence) }).collect()
    }

    pub(super) fn end_all(&self, cut: &Cut) {
        self.held.values().for_each(|held| held.end(cut));
    }

    /// Each build is ended, and nothing more is said of it. One that had ended in time is still told: the servers know
    /// whether its claim holds.
    pub(super) fn fence_all(&self) {
        for held in self.held.values().filter(|held| held.child.is_some()) {
            held.end(&Cut::Fenced);
            held.outbox.void();
        }
    }

    /// The home is another server now: events for the old one go to the new one.
    pub(super) fn redirect(&self, from: &NodeId, to: &NodeId) {
        self.held.values().for_each(|held| held.outbox.redirect(from, to));
    }

    fn is_known(&self, key: Key) -> bool {
        self.held.contains_key(&key) || self.past.contains(&key)
    }

    pub(super) fn forget(&mut self, key: Key) {
        if self.held.remove(&key).is_some() {
            self.past.push_back(key);
            if self.past.len() > REMEMBERED {
                self.past.pop_front();
            }
        }
    }
}

impl Held {
    fn end(&self, cut: &Cut) {
        if let Some(child) = &self.child
            && let Err(undelivered) = child.tell(end_build(cut))
        {
            tracing::warn!(build = %self.outbox.build(), "order to end not delivered: {undelivered}");
        }
    }
}

impl Receive<Received<GoBuild>> for Agent {
    fn receive(&mut self, received: Received<GoBuild>, life: &mut Life<'_, Self>) -> Flow {
        let GoBuild { offer, incarnation, tracker, plan } = received.message;
        let key = key(plan.build, plan.fence);
        if incarnation != self.profile.incarnation || self.builds.is_known(key) {
            return Ok(());
        }
        let held = self.holds.release(offer);
        let outbox = Outbox::new(plan.build, plan.fence, tracker, &self.builds.memory);
        let (sending, post) = (Arc::clone(&outbox), self.post.clone());
        let workplace = Arc::clone(&self.ports.workplace);
        life.spawn(async move {
            sending.run(post, workplace).await;
            OutboxDone(key)
        });
        let actor: Arc<str> = format!("build/{}.{}", plan.build, plan.fence.claim()).into();
        let lifeline = Arc::new(Lifeline::default());
        let lives = self.mode != Mode::Stopping && self.lease.is_fresh(self.ports.clock.monotonic());
        let may_run = lives && (held || self.free_slots() > 0);
        let child = if may_run {
            let (ports, settings) = (self.ports.clone(), Arc::clone(&self.settings));
            let (outbox, lifeline) = (Arc::clone(&outbox), Arc::clone(&lifeline));
            let (plan, worker) = (Arc::new(plan), self.profile.name.as_str().into());
            let ask = BuildAsk { plan, ports, settings, worker, outbox, lifeline };
            let parent = life.door();
            Some(life.start(Arc::clone(&actor), move || BuildActor::new(ask, parent)))
        } else {
            // Its slot is gone, or the lease is: the claim goes back unused.
            outbox.push(BuildEvent::HandedBack { at: self.ports.clock.now() });
            None
        };
        self.recovery.alive(Alive { outbox: Arc::clone(&outbox), lifeline: Arc::clone(&lifeline) });
        self.builds.held.insert(key, Held { actor, outbox, lifeline, child, told: false });
        Ok(())
    }
}

impl Receive<Received<Acknowledge>> for Agent {
    fn receive(&mut self, received: Received<Acknowledge>, _: &mut Life<'_, Self>) -> Flow {
        let Acknowledge { build, fence, through, cancel } = received.message;
        if let Some(held) = self.builds.held.get(&key(build, fence)) {
            held.outbox.acknowledge(through, &received.sender);
            if let Some(reason) = cancel {
                held.end(&Cut::Cancelled(reason));
            }
        }
        Ok(())
    }
}

impl Receive<Received<Cancel>> for Agent {
    fn receive(&mut self, received: Received<Cancel>, _: &mut Life<'_, Self>) -> Flow {
        let Cancel { build, fence, reason } = received.message;
        if let Some(held) = self.builds.held.get(&key(build, fence)) {
            held.end(&Cut::Cancelled(reason));
        }
        Ok(())
    }
}

impl Receive<Received<Void>> for Agent {
    fn receive(&mut self, received: Received<Void>, _: &mut Life<'_, Self>) -> Flow {
        let Void { build, fence } = received.message;
        if let Some(held) = self.builds.held.get(&key(build, fence)) {
            held.end(&Cut::Fenced);
            held.outbox.void();
        }
        Ok(())
    }
}

/// The slot is free before the last event leaves, so that the next offer finds it.
impl Receive<BuildOver> for Agent {
    fn receive(&mut self, message: BuildOver, life: &mut Life<'_, Self>) -> Flow {
        let BuildOver { build, fence, last } = message;
        let Some(held) = self.builds.held.get_mut(&key(build, fence)) else { return Ok(()) };
        held.child = None;
        let at = self.ports.clock.now();
        match last {
            Last::Finished => held.outbox.push(BuildEvent::Finished { at }),
            Last::Lost => held.outbox.push(BuildEvent::Lost { at }),
            Last::HandedBack => held.outbox.push(BuildEvent::HandedBack { at }),
            Last::Void => held.outbox.void(),
        }
        if held.told {
            self.let_go(key(build, fence), life);
        }
        self.leave_if_empty(life)
    }
}

impl Receive<OutboxDone> for Agent {
    fn receive(&mut self, message: OutboxDone, life: &mut Life<'_, Self>) -> Flow {
        let key = message.0;
        match self.builds.held.get_mut(&key) {
            // The claim is void while the build is still being ended: it keeps its slot until then.
            Some(held) if held.child.is_some() => {
                held.told = true;
                if held.outbox.is_broken() {
                    held.end(&Cut::Fenced);
                }
            }
            _ => self.let_go(key, life),
        }
        self.leave_if_empty(life)
    }
}

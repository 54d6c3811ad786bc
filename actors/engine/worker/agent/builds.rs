//! The builds of an agent: from go to the acknowledgement of the last event.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use pikoci_model::build::{BuildEvent, BuildStatus};
use pikoci_model::id::{BuildId, Fence, NodeId};
use pikoci_model::message::{Acknowledge, Cancel, GoBuild, Holding, Void};
use pikoci_model::outcome::Failure;

use super::recovery::Alive;
use super::{Agent, Mode, end_build};
use crate::decide::walk::Cut;
use crate::inbox::Received;
use crate::supervise::{Child, Flow, Life, Obituary, Receive, shielded};
use crate::worker::build::{
    BuildActor, BuildAsk, BuildOver, Last, Lifeline, close_site, remove, stop_instance,
};
use crate::worker::outbox::Outbox;
use crate::worker::site::{Ports, StartedService};

/// Claims that are remembered after their build is gone, so that a repeated go starts nothing.
const REMEMBERED: usize = 1024;

type Key = (BuildId, i64);

/// See the module.
#[derive(Default)]
pub(super) struct Builds {
    held: BTreeMap<Key, Held>,
    past: VecDeque<Key>,
}

struct Held {
    actor: Arc<str>,
    outbox: Arc<Outbox>,
    lifeline: Arc<Lifeline>,
    /// `None` when nothing of the build is alive; only its outbox is left.
    child: Option<Child<BuildActor>>,
    /// Its outbox has nothing more to send: all is acknowledged, or the claim is void.
    told: bool,
}

/// The last event of an outbox is acknowledged, or nobody wants it.
struct OutboxDone(Key);

/// What a dead build's actor left behind is ended.
struct Salvaged(BuildOver);

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

    /// Nothing more is said of any build, and each is ended.
    pub(super) fn fence_all(&self) {
        for held in self.held.values() {
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

    fn forget(&mut self, key: Key) {
        if let Some(held) = self.held.remove(&key) {
            if let Some(site) = held.lifeline.site.get() {
                site.ground.item.settle();
            }
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
        let outbox = Outbox::new(plan.build, plan.fence, tracker);
        let (sending, post) = (Arc::clone(&outbox), self.post.clone());
        life.spawn(async move {
            sending.run(post).await;
            OutboxDone(key)
        });
        let actor: Arc<str> = format!("build/{}.{}", plan.build, plan.fence.claim()).into();
        let lifeline = Arc::new(Lifeline::default());
        let may_run = self.mode != Mode::Stopping && (held || self.free_slots() > 0);
        let child = if may_run {
            let (ports, settings) = (self.ports.clone(), Arc::clone(&self.settings));
            let (outbox, lifeline) = (Arc::clone(&outbox), Arc::clone(&lifeline));
            let (plan, worker) = (Arc::new(plan), self.profile.name.as_str().into());
            let ask = BuildAsk { plan, ports, settings, worker, outbox, lifeline };
            let parent = life.door();
            Some(life.start(Arc::clone(&actor), move || BuildActor::new(ask, parent)))
        } else {
            // Its slot is gone; the claim goes back unused.
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
            self.let_go(key(build, fence));
        }
        self.leave_if_empty(life)
    }
}

impl Agent {
    /// Nothing of it is alive and nothing more is said under its claim. What became of its services is told all the
    /// same: if the claim is void, the servers believe that their stops are owed.
    fn let_go(&mut self, key: Key) {
        if let Some(held) = self.builds.held.get(&key) {
            let alive = Alive { outbox: Arc::clone(&held.outbox), lifeline: Arc::clone(&held.lifeline) };
            self.recovery.no_more_alive(&alive);
            if alive.outbox.is_void() {
                self.tell_untold(&alive);
            }
        }
        self.builds.forget(key);
    }

    fn tell_untold(&self, Alive { outbox, lifeline }: &Alive) {
        if let Some(site) = lifeline.site.get() {
            self.recovery.untold(outbox, site.plan.run, self.ports.clock.now());
            self.report_stops();
        }
    }
}

impl Receive<OutboxDone> for Agent {
    fn receive(&mut self, message: OutboxDone, life: &mut Life<'_, Self>) -> Flow {
        let key = message.0;
        match self.builds.held.get_mut(&key) {
            // The claim is void while the build is still being ended: it keeps its slot until then.
            Some(held) if held.child.is_some() => held.told = true,
            _ => self.let_go(key),
        }
        self.leave_if_empty(life)
    }
}

/// A build's or check's actor is gone. After an orderly end it has said so before; after a fault its work is ended
/// here: services stopped, nothing left alive, the build failed with the reason.
impl Receive<Obituary> for Agent {
    fn receive(&mut self, message: Obituary, life: &mut Life<'_, Self>) -> Flow {
        if !message.exit.is_fault() || self.checks.lost(&message, &self.post) {
            return self.leave_if_empty(life);
        }
        let found = self.builds.held.values().find(|held| *held.actor == *message.name);
        let Some(held) = found else { return Ok(()) };
        let (outbox, lifeline) = (Arc::clone(&held.outbox), Arc::clone(&held.lifeline));
        let ports = self.ports.clone();
        let failure = Failure::plain(format!("`{}` {}", message.name, message.exit));
        life.spawn(async move {
            salvage(&ports, &outbox, &lifeline).await;
            if !lifeline.concluded.load(Ordering::Relaxed) {
                let (status, failure) = (BuildStatus::Failed, Some(failure));
                outbox.push(BuildEvent::Concluded { status, failure, at: ports.clock.now() });
            }
            Salvaged(BuildOver { build: outbox.build(), fence: outbox.fence(), last: Last::Finished })
        });
        Ok(())
    }
}

/// Ends what a build whose actor is gone left: its services are stopped, nothing stays alive or on disk. Whatever breaks
/// on the way is told and does not spread.
async fn salvage(ports: &Ports, outbox: &Arc<Outbox>, lifeline: &Arc<Lifeline>) {
    let name: Arc<str> = format!("salvage/{}", outbox.build()).into();
    let (workplace, lifeline) = (Arc::clone(&ports.workplace), Arc::clone(lifeline));
    let work = async move {
        let Some(site) = lifeline.site.get() else {
            if let Some(workdir) = lifeline.workdir.get() {
                remove(workplace.as_ref(), workdir).await;
            }
            return;
        };
        let started = site.instances.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for StartedService { instance, name, service_type } in started.into_iter().rev() {
            stop_instance(site, instance, name, service_type).await;
        }
        close_site(site).await;
    };
    if let Err(panic) = shielded(name, work).await {
        tracing::error!(build = %outbox.build(), "what a build left could not be ended in order: {panic}");
    }
}

impl Agent {
    /// An earlier incarnation of this agent died: its builds are ended here, and may run again as soon as they are.
    pub(super) fn end_earlier(&self, life: &mut Life<'_, Self>) {
        for Alive { outbox, lifeline } in self.recovery.take_alive() {
            let ports = self.ports.clone();
            outbox.void();
            life.spawn(async move {
                salvage(&ports, &outbox, &lifeline).await;
                EarlierEnded(Alive { outbox, lifeline })
            });
        }
    }
}

/// Nothing is alive of a build of an earlier incarnation.
struct EarlierEnded(Alive);

impl Receive<EarlierEnded> for Agent {
    fn receive(&mut self, EarlierEnded(alive): EarlierEnded, life: &mut Life<'_, Self>) -> Flow {
        self.tell_untold(&alive);
        if let Some(site) = alive.lifeline.site.get() {
            site.ground.item.settle();
        }
        self.recovery.ended_as_well(Holding { build: alive.outbox.build(), fence: alive.outbox.fence() });
        self.announce();
        self.leave_if_empty(life)
    }
}

impl Receive<Salvaged> for Agent {
    fn receive(&mut self, message: Salvaged, life: &mut Life<'_, Self>) -> Flow {
        self.receive(message.0, life)
    }
}

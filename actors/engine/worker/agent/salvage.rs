//! Builds that cannot tell their end themselves: their actor died, their claim is void, or this agent is another
//! incarnation than the one that had them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures::future::join_all;
use pikoci_model::build::{BuildEvent, BuildStatus};
use pikoci_model::message::Holding;
use pikoci_model::outcome::Failure;
use pikoci_model::port::WorkItem;

use super::Agent;
use super::builds::Key;
use super::recovery::Alive;
use crate::supervise::{Flow, Life, Obituary, Receive, shielded};
use crate::worker::build::{BuildOver, Last, Lifeline, close_site, remove, stop_instance};
use crate::worker::outbox::Outbox;
use crate::worker::site::{Ports, StartedService};

/// What a dead build's actor left behind is ended.
struct Salvaged(BuildOver);

impl Agent {
    /// Nothing of it is alive and nothing more is said under its claim. What became of its services is told all the
    /// same: if the claim is void, the servers believe that their stops are owed.
    pub(super) fn let_go(&mut self, key: Key, life: &mut Life<'_, Self>) {
        if let Some(held) = self.builds.held.get(&key) {
            let alive = Alive { outbox: Arc::clone(&held.outbox), lifeline: Arc::clone(&held.lifeline) };
            self.recovery.no_more_alive(&alive);
            self.settle(&alive, life);
        }
        self.builds.forget(key);
    }

    /// The host may forget the item once the servers know all of it.
    fn settle(&mut self, Alive { outbox, lifeline }: &Alive, life: &mut Life<'_, Self>) {
        let Some(site) = lifeline.site.get() else { return };
        let mut item = Some(Arc::clone(&site.ground.item));
        if outbox.is_void() {
            let (run, now) = (site.plan.run, self.ports.clock.now());
            item = item.and_then(|item| self.recovery.untold(outbox, item, run, now));
            self.report_stops();
        }
        if let Some(item) = item {
            self.forget_item(item, life);
        }
    }

    /// Has the host forget an item; the agent does not leave before.
    pub(super) fn forget_item(&mut self, item: Arc<dyn WorkItem>, life: &mut Life<'_, Self>) {
        self.forgetting += 1;
        life.spawn(async move {
            item.settle().await;
            Forgotten
        });
    }
}

/// The host has forgotten an item.
struct Forgotten;

impl Receive<Forgotten> for Agent {
    fn receive(&mut self, _: Forgotten, life: &mut Life<'_, Self>) -> Flow {
        self.forgetting = self.forgetting.saturating_sub(1);
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
        for group in in_reverse(started) {
            let stops = group.into_iter();
            let stops = stops.map(|one| stop_instance(site, one.instance, one.name, one.service_type));
            join_all(stops).await;
        }
        close_site(site).await;
    };
    if let Err(panic) = shielded(name, work).await {
        tracing::error!(build = %outbox.build(), "what a build left could not be ended in order: {panic}");
    }
}

/// The youngest group first, the services of one together.
fn in_reverse(started: Vec<StartedService>) -> impl Iterator<Item = Vec<StartedService>> {
    let mut groups: BTreeMap<u32, Vec<StartedService>> = BTreeMap::new();
    started.into_iter().for_each(|service| groups.entry(service.group).or_default().push(service));
    groups.into_values().rev()
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
        self.settle(&alive, life);
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

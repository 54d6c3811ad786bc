//! What earlier lives of this worker left behind: no work is taken before it is looked after, and the servers are told
//! until they have stored it.
//!
//! Shared by all incarnations of the agent: what the journal said once is not said again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use pikoci_model::build::{ServiceRecord, ServiceState, StopReport};
use pikoci_model::id::InstanceId;
use pikoci_model::message::{Holding, StopReports, StopsStored};
use pikoci_model::port::{Address, Journal, LeftBehind, WorkItem};

use super::Agent;
use crate::inbox::Received;
use crate::supervise::{Flow, Life, Receive};
use crate::worker::build::Lifeline;
use crate::worker::outbox::Outbox;

/// Reports in one message.
const TOGETHER: usize = 200;
/// Claims that are named again with each announcement.
const NAMED: usize = 1000;

/// See the module.
#[derive(Clone)]
pub(crate) struct Recovery {
    journal: Arc<dyn Journal>,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    ready: bool,
    ended: Vec<Holding>,
    /// Items of which only reports of these services can tell.
    unsettled: Vec<(Arc<dyn WorkItem>, BTreeSet<InstanceId>)>,
    /// Builds of this agent, for the incarnation after it.
    alive: Vec<Alive>,
    /// The newest report of each instance, until it is stored.
    reports: BTreeMap<InstanceId, StopReport>,
}

/// A build that runs, or whose end is not told.
pub(super) struct Alive {
    pub outbox: Arc<Outbox>,
    pub lifeline: Arc<Lifeline>,
}

/// The journal has said something, or will say nothing more.
pub(super) struct Left(Option<LeftBehind>);

impl Recovery {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Recovery { journal, known: Arc::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether work may be taken.
    pub(super) fn is_ready(&self) -> bool {
        self.known().ready
    }

    /// Claims of earlier lives of which nothing is alive.
    pub(super) fn ended(&self) -> Vec<Holding> {
        self.known().ended.clone()
    }

    pub(super) fn alive(&self, build: Alive) {
        self.known().alive.push(build);
    }

    pub(super) fn no_more_alive(&self, build: &Alive) {
        self.known().alive.retain(|known| !Arc::ptr_eq(&known.outbox, &build.outbox));
    }

    /// What the incarnation before this one has left.
    pub(super) fn take_alive(&self) -> Vec<Alive> {
        std::mem::take(&mut self.known().alive)
    }

    pub(super) fn ended_as_well(&self, holding: Holding) {
        let mut known = self.known();
        if !known.ended.contains(&holding) {
            known.ended.push(holding);
            let more = known.ended.len().saturating_sub(NAMED);
            known.ended.drain(..more);
        }
    }

    /// Whether nothing is left that only this process can tell.
    pub(super) fn is_settled(&self) -> bool {
        self.known().unsettled.is_empty()
    }

    /// Services of a build whose claim is void: what was pushed last is reported instead. The item is to be settled when
    /// that is stored; it is given back if nothing has to be told of it.
    #[must_use]
    pub(super) fn untold(
        &self,
        outbox: &Outbox,
        item: Arc<dyn WorkItem>,
        run: u32,
        at: DateTime<Utc>,
    ) -> Option<Arc<dyn WorkItem>> {
        let mut instances = BTreeSet::new();
        let over =
            |record: &ServiceRecord| record.state == ServiceState::Stopped || record.state.is_pending();
        for record in outbox.services().into_iter().filter(over) {
            let report = StopReport {
                build: outbox.build(),
                fence: outbox.fence(),
                run,
                instance: record.instance,
                name: record.name,
                service_type: record.service_type,
                state: record.state,
                by: record.stopped_by.unwrap_or_default(),
                starting_at: record.starting_at,
                at: record.stopped_at.unwrap_or(at),
                tries: record.tries,
                detail: record.failure.map(|failure| failure.text).unwrap_or_default(),
            };
            instances.insert(report.instance);
            // The journal knows better, if it has said something.
            self.known().reports.entry(report.instance).or_insert(report);
        }
        if instances.is_empty() {
            return Some(item);
        }
        self.known().unsettled.push((item, instances));
        None
    }

    fn reports(&self) -> Vec<StopReport> {
        self.known().reports.values().cloned().collect()
    }

    /// Forgets what is stored; a newer report of the same instance is still to be told. Gives the items of which nothing
    /// is to be told any more.
    #[must_use]
    fn stored(&self, stored: &[(InstanceId, DateTime<Utc>)]) -> Vec<Arc<dyn WorkItem>> {
        let mut known = self.known();
        let mut forgotten = Vec::new();
        for (instance, at) in stored {
            if known.reports.get(instance).is_some_and(|report| report.at == *at) {
                known.reports.remove(instance);
                forgotten.push(*instance);
            }
        }
        let all = std::mem::take(&mut known.unsettled).into_iter().map(|(item, mut instances)| {
            instances.retain(|instance| !forgotten.contains(instance));
            (item, instances)
        });
        let (settled, unsettled): (Vec<_>, Vec<_>) = all.partition(|(_, instances)| instances.is_empty());
        known.unsettled = unsettled;
        drop(known);
        self.journal.stored(&forgotten);
        settled.into_iter().map(|(item, _)| item).collect()
    }
}

impl Agent {
    pub(super) fn listen_to_journal(&self, life: &mut Life<'_, Self>) {
        let journal = Arc::clone(&self.recovery.journal);
        life.spawn(async move { Left(journal.next().await) });
    }

    /// Tells the servers what they have not confirmed yet.
    pub(super) fn report_stops(&self) {
        for reports in self.recovery.reports().chunks(TOGETHER) {
            let (worker, reports) = (self.profile.name.clone(), reports.to_vec());
            self.post.send(&Address::AnyServer, &StopReports { worker, team: None, reports });
        }
    }
}

impl Receive<Left> for Agent {
    fn receive(&mut self, message: Left, life: &mut Life<'_, Self>) -> Flow {
        let Some(left) = message.0 else { return Ok(()) };
        self.listen_to_journal(life);
        match left {
            LeftBehind::Ready => {
                self.recovery.known().ready = true;
                self.renew();
            }
            LeftBehind::Ended(holding) => {
                self.recovery.ended_as_well(holding);
                self.announce();
            }
            LeftBehind::Stop(report) => {
                self.recovery.known().reports.insert(report.instance, report);
                self.report_stops();
            }
        }
        Ok(())
    }
}

impl Receive<Received<StopsStored>> for Agent {
    fn receive(&mut self, received: Received<StopsStored>, life: &mut Life<'_, Self>) -> Flow {
        for item in self.recovery.stored(&received.message.stored) {
            self.forget_item(item, life);
        }
        self.leave_if_empty(life)
    }
}

//! The numbers of a server, for metrics and the health page.

use std::collections::BTreeMap;

use pikoci_model::worker::WorkerState;
use serde::Serialize;
use tokio::sync::watch;

use super::board::BoardCounts;
use super::service_meter::ServiceCounts;
use super::world::World;
use crate::inbox::{InboxCounts, InboxMeter};
use crate::supervise::{Counts, Roster};

/// Reads the numbers of a server that runs. Clones read the same.
#[derive(Clone)]
pub struct ServerMeter {
    world: World,
    roster: Roster,
    meter: watch::Receiver<InboxMeter>,
}

impl ServerMeter {
    pub(super) fn new(world: World, roster: Roster, meter: watch::Receiver<InboxMeter>) -> Self {
        Self { world, roster, meter }
    }

    /// Envelopes delivered, and dropped by kind.
    #[must_use]
    pub fn envelopes(&self) -> InboxCounts {
        self.meter.borrow().counts()
    }

    /// The numbers now. Workers are counted from the store; if it is down, none are shown.
    pub async fn read(&self) -> ServerMetrics {
        let mut workers: BTreeMap<String, u64> = BTreeMap::new();
        for row in self.world.store().workers().await.unwrap_or_default() {
            *workers.entry(word(row.state).to_owned()).or_default() += 1;
        }
        let BoardCounts { pending, held, offers, checks_waiting, checks_running } =
            self.world.board().counts();
        ServerMetrics {
            workers,
            pending: pending as u64,
            running: held.saturating_sub(offers) as u64,
            offers: offers as u64,
            checks_waiting: checks_waiting as u64,
            checks_running: checks_running as u64,
            servers: self.world.members().others() as u64 + 1,
            pipelines_led: self.world.led(),
            adopted: self.world.adopted(),
            services: self.world.services().read(),
            envelopes: self.envelopes(),
            actors: self.roster.counts(),
        }
    }
}

/// Numbers for metrics and the health page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerMetrics {
    /// Workers by state, as the store knows them.
    pub workers: BTreeMap<String, u64>,
    /// Builds that wait.
    pub pending: u64,
    /// Builds that hold a place.
    pub running: u64,
    /// Offers that are out.
    pub offers: u64,
    /// Checks that wait for a worker.
    pub checks_waiting: u64,
    /// Checks that run.
    pub checks_running: u64,
    /// Servers that live, this one included.
    pub servers: u64,
    /// Pipelines that this server checks and schedules.
    pub pipelines_led: u64,
    /// Builds that it went on tracking after another server, or an earlier life of this one.
    pub adopted: u64,
    /// Services started and stopped, as far as this server recorded it.
    pub services: ServiceCounts,
    /// Envelopes delivered, and dropped by kind.
    pub envelopes: InboxCounts,
    /// Actors started, and ended by kind; restarts.
    pub actors: Counts,
}

fn word(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Online => "online",
        WorkerState::Silent => "silent",
        WorkerState::Lost => "lost",
        WorkerState::Draining => "draining",
    }
}

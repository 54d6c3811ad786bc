//! Counts of services: started, stopped and by whom, how long that took, what could not be stopped.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pikoci_model::build::{BuildEvent, ServiceRecord, ServiceState};
use serde::Serialize;

/// Upper bounds of the time that a stop takes, in milliseconds.
pub const STOP_BOUNDS: [u64; 9] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/// What was counted since the server started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServiceCounts {
    /// Starts that were tried.
    pub started: u64,
    /// Stops that have completed, by who ran them: `build`, `shim`, `journal`.
    pub stopped: BTreeMap<String, u64>,
    /// Stops that have failed for good, as far as their build is concerned.
    pub failed: u64,
    /// Reports of stops that were not taken: their worker has the token of another team than their build.
    pub refused: u64,
    /// Stops that took at most as long as the bound of the same index; not cumulative. The last is beyond all bounds.
    pub stop_times: [u64; STOP_BOUNDS.len() + 1],
    /// What these took together.
    pub stop_time: Duration,
}

/// What a batch of events says of services.
#[derive(Debug, Default)]
pub(crate) struct ServiceNews(Vec<ServiceRecord>);

impl ServiceNews {
    pub(crate) fn of(events: &[BuildEvent]) -> Self {
        let record = |event: &BuildEvent| match event {
            BuildEvent::Service(record) => Some(record.clone()),
            _ => None,
        };
        Self(events.iter().filter_map(record).collect())
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ServiceMeter(Mutex<ServiceCounts>);

impl ServiceMeter {
    fn counts(&self) -> MutexGuard<'_, ServiceCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self) -> ServiceCounts {
        self.counts().clone()
    }

    /// Events that were stored.
    pub(crate) fn count(&self, news: &ServiceNews) {
        for record in &news.0 {
            match record.state {
                ServiceState::Starting if record.failure.is_none() => self.counts().started += 1,
                ServiceState::Stopped if record.stopped_by.is_some() => self.stopped(record),
                ServiceState::StopFailed => self.counts().failed += 1,
                _ => {}
            }
        }
    }

    /// A report that changed what was known.
    pub(crate) fn count_report(&self, state: ServiceState, by: &str) {
        match state {
            ServiceState::Stopped => *self.counts().stopped.entry(by.to_owned()).or_default() += 1,
            ServiceState::StopFailed => self.counts().failed += 1,
            _ => {}
        }
    }

    /// Reports that were not taken.
    pub(crate) fn count_refused(&self, reports: u64) {
        self.counts().refused += reports;
    }

    fn stopped(&self, record: &ServiceRecord) {
        let mut counts = self.counts();
        *counts.stopped.entry(record.stopped_by.clone().unwrap_or_default()).or_default() += 1;
        let took = record.stopping_at.zip(record.stopped_at).and_then(|(from, to)| (to - from).to_std().ok());
        if let Some(took) = took {
            let place = STOP_BOUNDS.iter().position(|bound| took <= Duration::from_millis(*bound));
            counts.stop_times[place.unwrap_or(STOP_BOUNDS.len())] += 1;
            counts.stop_time += took;
        }
    }
}

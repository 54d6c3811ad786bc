//! Who is alive in this process, in which state, and what has gone wrong so far.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::{Addr, Recipient};
use serde::Serialize;
use tokio::sync::Notify;

use super::exit::Exit;
use super::ward::{Actor, Observe, Ward};

/// An actor that does not show its state within this time is listed as not answering.
const PATIENCE: Duration = Duration::from_secs(1);

/// The register of all actors of a process. Cloning shares it.
#[derive(Clone, Default)]
pub struct Roster {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    living: Mutex<BTreeMap<u64, Living>>,
    /// Rung when the last of them is gone.
    emptied: Notify,
    counts: Tallies,
}

struct Living {
    name: Arc<str>,
    since: Instant,
    observe: Recipient<Observe>,
}

#[derive(Default)]
struct Tallies {
    started: AtomicU64,
    panics: AtomicU64,
    errors: AtomicU64,
    kills: AtomicU64,
    dropped: AtomicU64,
    restarts: AtomicU64,
    escalations: AtomicU64,
}

/// What a keeper reports beside births and deaths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// A kept actor was rebuilt.
    Restart,
    /// A restart budget was used up.
    Escalation,
}

/// Totals since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Incarnations started.
    pub started: u64,
    /// Ended by a panic.
    pub panics: u64,
    /// Ended by an error they returned.
    pub errors: u64,
    /// Given up because they hung.
    pub kills: u64,
    /// Dropped without a word.
    pub dropped: u64,
    /// Rebuilt by a keeper.
    pub restarts: u64,
    /// Restart budgets used up.
    pub escalations: u64,
}

/// One living actor.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its incarnation.
    pub generation: u64,
    /// Milliseconds since this incarnation began.
    pub age_ms: u64,
    /// Its visible state; absent when it did not answer in time.
    pub state: Option<serde_json::Value>,
}

impl Roster {
    /// The totals.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        let tallies = &self.shared.counts;
        Counts {
            started: read(&tallies.started),
            panics: read(&tallies.panics),
            errors: read(&tallies.errors),
            kills: read(&tallies.kills),
            dropped: read(&tallies.dropped),
            restarts: read(&tallies.restarts),
            escalations: read(&tallies.escalations),
        }
    }

    /// Names and generations of the living, in order of birth.
    #[must_use]
    pub fn living(&self) -> Vec<(String, u64)> {
        self.lock().iter().map(|(generation, living)| (living.name.to_string(), *generation)).collect()
    }

    /// Waits until nobody is alive.
    pub async fn emptied(&self) {
        loop {
            // Registered before the look, so that an end in between is not missed.
            let emptied = self.shared.emptied.notified();
            if self.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Every living actor with its state. Costs one message an actor; nothing is kept up to date on the hot path.
    pub async fn observe(&self) -> Vec<Entry> {
        let asked: Vec<_> = self
            .lock()
            .iter()
            .map(|(generation, living)| {
                (*generation, Arc::clone(&living.name), living.since, living.observe.clone())
            })
            .collect();
        let answers = asked.into_iter().map(async |(generation, name, since, observe)| {
            let answer = tokio::time::timeout(PATIENCE, observe.send(Observe)).await;
            let state = answer.ok().and_then(Result::ok).flatten();
            let age_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            Entry { name: name.to_string(), generation, age_ms, state }
        });
        futures::future::join_all(answers).await
    }

    pub(super) fn born<A: Actor>(&self, name: &Arc<str>, generation: u64, addr: Addr<Ward<A>>) {
        self.shared.counts.started.fetch_add(1, Ordering::Relaxed);
        let living = Living { name: Arc::clone(name), since: Instant::now(), observe: addr.recipient() };
        self.lock().insert(generation, living);
    }

    pub(super) fn died(&self, generation: u64, exit: &Exit) {
        let (gone, is_empty) = {
            let mut living = self.lock();
            (living.remove(&generation), living.is_empty())
        };
        if is_empty {
            self.shared.emptied.notify_waiters();
        }
        let tallies = &self.shared.counts;
        let tally = match exit {
            _ if gone.is_none() => return,
            Exit::Finished | Exit::Stopped => return,
            Exit::Failed(_) => &tallies.errors,
            Exit::Panicked(_) => &tallies.panics,
            Exit::Hung => &tallies.kills,
            Exit::Dropped => &tallies.dropped,
        };
        tally.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self, count: Count) {
        let tallies = &self.shared.counts;
        let tally = match count {
            Count::Restart => &tallies.restarts,
            Count::Escalation => &tallies.escalations,
        };
        tally.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Living>> {
        self.shared.living.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roster").field("living", &self.lock().len()).field("counts", &self.counts()).finish()
    }
}

//! Envelopes that were not taken: counted by kind, and named in the log now and then.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use pikoci_seal::mail::Reason;
use tokio::time::Instant;

use crate::settings::MOST_CARRIED;

/// How often one kind is named in the log.
const NAMED_EVERY: Duration = Duration::from_secs(60);
/// More names than this are not remembered.
const NAMES: usize = 1024;

/// Why an envelope was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dropped {
    /// Not in the form of an envelope.
    Garbled,
    /// Larger than anything that is sent.
    Oversized,
    /// Changed on the way, or sealed with the token of another installation.
    Forged,
    /// It came before.
    Repeated,
    /// It was for somebody else.
    Misdirected,
    /// Of a form that this release does not know.
    Version,
    /// The worker's token has ended.
    Expired,
    /// The worker's token was replaced.
    Revoked,
    /// The database could not be asked about the token.
    Unverified,
}

impl Dropped {
    const ALL: [Self; 9] = [
        Self::Garbled,
        Self::Oversized,
        Self::Forged,
        Self::Repeated,
        Self::Misdirected,
        Self::Version,
        Self::Expired,
        Self::Revoked,
        Self::Unverified,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Garbled => "garbled",
            Self::Oversized => "oversized",
            Self::Forged => "forged",
            Self::Repeated => "repeated",
            Self::Misdirected => "misdirected",
            Self::Version => "version",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Unverified => "unverified",
        }
    }
}

impl From<&Reason> for Dropped {
    fn from(reason: &Reason) -> Self {
        match reason {
            Reason::Garbled => Self::Garbled,
            Reason::Forged => Self::Forged,
            Reason::Repeated => Self::Repeated,
            Reason::Misdirected => Self::Misdirected,
            Reason::Version(_) => Self::Version,
        }
    }
}

/// Counts. Clones share them.
#[derive(Clone, Default, Debug)]
pub struct Drops(Arc<Tallies>);

#[derive(Default, Debug)]
struct Tallies {
    counts: [AtomicU64; Dropped::ALL.len()],
    named: Mutex<Throttle>,
}

impl Drops {
    /// Counts one; the first of its kind in a minute is named.
    pub(crate) fn count(&self, kind: Dropped, what: impl fmt::Display) {
        self.0.counts[kind as usize].fetch_add(1, Ordering::Relaxed);
        let mut named = self.0.named.lock().unwrap_or_else(PoisonError::into_inner);
        if !named.allows(kind.name(), NAMED_EVERY) {
            return;
        }
        match kind {
            // Brokers repeat, and so might somebody who listens: it does no harm.
            Dropped::Repeated => tracing::info!(kind = kind.name(), "an envelope came again and was dropped"),
            _ => tracing::warn!(kind = kind.name(), "an envelope was dropped: {what}"),
        }
    }

    /// Whether an envelope is too large to be looked into; counted if so.
    pub(crate) fn is_too_large(&self, envelope: &[u8]) -> bool {
        let too_large = envelope.len() > MOST_CARRIED;
        if too_large {
            let size = envelope.len();
            self.count(Dropped::Oversized, format_args!("{size} bytes, where {MOST_CARRIED} are the most"));
        }
        too_large
    }

    /// How many of each kind so far.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let tallies = Arc::clone(&self.0);
        Dropped::ALL
            .into_iter()
            .map(move |kind| (kind.name(), tallies.counts[kind as usize].load(Ordering::Relaxed)))
    }
}

/// Lets each name pass once in a while.
#[derive(Default, Debug)]
pub(crate) struct Throttle(HashMap<String, Instant>);

impl Throttle {
    pub fn allows(&mut self, name: &str, every: Duration) -> bool {
        let now = Instant::now();
        if self.0.get(name).is_some_and(|last| now.duration_since(*last) < every) {
            return false;
        }
        if self.0.len() >= NAMES {
            self.0.retain(|_, last| now.duration_since(*last) < every);
        }
        // A crowd of names that are all young waits: nobody may fill the memory.
        let room = self.0.len() < NAMES;
        if room {
            self.0.insert(name.to_owned(), now);
        }
        room
    }
}

//! From the bus to the actors: the one place that knows both.
//!
//! Bytes become an envelope, the envelope's wire name chooses the door, the message goes into the mailbox behind it.
//! A garbled, unknown or unwanted envelope is counted and dropped, never fatal: everything above is made safe against
//! loss, and repeats.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt as _;
use pikoci_model::id::NodeId;
use pikoci_model::message::{Envelope, EnvelopeError, Message};
use pikoci_model::port::{Arrival, Bus, Peer};
use serde::Serialize;

use crate::supervise::{Door, Panic, Undelivered, shielded};
use crate::throttle::Throttle;

/// A message as it came in.
#[derive(Debug, Clone)]
pub struct Received<M> {
    /// Who sent it; between machines derived from the seal.
    pub sender: NodeId,
    /// What was said.
    pub message: M,
}

/// What became of the envelopes so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct InboxCounts {
    /// Given to an actor.
    pub delivered: u64,
    /// Not an envelope of ours, or a body that does not fit its name.
    pub garbled: u64,
    /// Of a version this program does not know.
    pub version: u64,
    /// A name that nobody here listens to.
    pub unwanted: u64,
    /// Said by who may not say it: a worker in a server's words, the reverse, or in another's name.
    pub misspoken: u64,
    /// The receiver's mailbox was full.
    pub overflowed: u64,
    /// The receiver was down.
    pub down: u64,
}

impl InboxCounts {
    /// What was not taken although its seal was good, by kind.
    #[must_use]
    pub fn refused(&self) -> [(&'static str, u64); 4] {
        let Self { garbled, version, misspoken, overflowed, .. } = *self;
        [("garbled", garbled), ("version", version), ("misspoken", misspoken), ("overflowed", overflowed)]
    }
}

#[derive(Debug, Default)]
struct Tallies {
    delivered: AtomicU64,
    garbled: AtomicU64,
    version: AtomicU64,
    unwanted: AtomicU64,
    misspoken: AtomicU64,
    overflowed: AtomicU64,
    down: AtomicU64,
}

/// Which message goes through which door.
#[derive(Default)]
pub struct Inbox {
    routes: HashMap<&'static str, Route>,
    tallies: Arc<Tallies>,
    named: Throttle,
}

type Route = Box<dyn Fn(&Envelope, &Peer) -> Fate + Send>;

/// Reads the counts of an inbox that is running.
#[derive(Debug, Clone)]
pub struct InboxMeter(Arc<Tallies>);

enum Fate {
    Delivered,
    Overflowed,
    Down,
    Misspoken,
    Unreadable(EnvelopeError),
}

impl Inbox {
    /// Nobody listens yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Messages of the kind `M` go through `door`. The last door of a kind counts.
    #[must_use]
    pub fn route<M: Message>(mut self, door: Door<Received<M>>) -> Self {
        let route = move |envelope: &Envelope, from: &Peer| match envelope.message::<M>() {
            _ if !M::BY.is(from, &envelope.sender) => Fate::Misspoken,
            None => Fate::Unreadable(EnvelopeError::Garbled("name")),
            Some(Err(error)) => Fate::Unreadable(error),
            Some(Ok(mut message)) => {
                message.vouched(from);
                match door.tell(Received { sender: envelope.sender.clone(), message }) {
                    Ok(()) => Fate::Delivered,
                    Err(Undelivered::Full(_)) => Fate::Overflowed,
                    Err(Undelivered::Down(_)) => Fate::Down,
                }
            }
        };
        self.routes.insert(M::NAME, Box::new(route));
        self
    }

    /// Reads the counts from outside.
    #[must_use]
    pub fn meter(&self) -> InboxMeter {
        InboxMeter(Arc::clone(&self.tallies))
    }

    /// Delivers until the bus is closed.
    ///
    /// # Errors
    /// A panic while decoding; the caller decides whether to go on with a new inbox.
    pub async fn run(self, bus: Arc<dyn Bus>) -> Result<(), Panic> {
        let mut arriving = bus.receive();
        let deliver = async move {
            while let Some(arrival) = arriving.next().await {
                self.deliver(arrival);
            }
        };
        shielded("inbox".into(), deliver).await
    }

    /// Gives one envelope to its door.
    pub fn deliver(&self, Arrival { envelope, from }: Arrival) {
        let tally = match Envelope::open(envelope) {
            Err(error) => self.refuse(&error),
            Ok(envelope) => {
                match self.routes.get(envelope.name.as_str()).map(|route| route(&envelope, &from)) {
                    None => &self.tallies.unwanted,
                    Some(Fate::Delivered) => &self.tallies.delivered,
                    Some(Fate::Overflowed) => {
                        if self.named.allows("overflowed") {
                            tracing::warn!(message = %envelope.name, "mailbox full, message dropped");
                        }
                        &self.tallies.overflowed
                    }
                    Some(Fate::Down) => &self.tallies.down,
                    Some(Fate::Misspoken) => {
                        if self.named.allows("misspoken") {
                            tracing::warn!(message = %envelope.name, ?from, "a message of somebody who may not say it, dropped");
                        }
                        &self.tallies.misspoken
                    }
                    Some(Fate::Unreadable(error)) => self.refuse(&error),
                }
            }
        };
        tally.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts are complete; the log names the first of a kind in a minute.
    fn refuse(&self, error: &EnvelopeError) -> &AtomicU64 {
        let (kind, tally) = match error {
            EnvelopeError::Version { .. } => ("version", &self.tallies.version),
            EnvelopeError::Garbled(_) | EnvelopeError::Body { .. } => ("garbled", &self.tallies.garbled),
        };
        if self.named.allows(kind) {
            tracing::warn!("envelope dropped: {error}");
        }
        tally
    }
}

impl InboxMeter {
    /// The counts now.
    #[must_use]
    pub fn counts(&self) -> InboxCounts {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        InboxCounts {
            delivered: read(&self.0.delivered),
            garbled: read(&self.0.garbled),
            version: read(&self.0.version),
            unwanted: read(&self.0.unwanted),
            misspoken: read(&self.0.misspoken),
            overflowed: read(&self.0.overflowed),
            down: read(&self.0.down),
        }
    }
}

//! A worker's seals.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use pikoci_model::{
    id::NodeId,
    message::MAX_ENVELOPE_BYTES,
    port::{Address, Arrival, Bus, BusError, Peer},
};
use pikoci_seal::mail::{Content, Opened, Sender, WorkerEnd};
use tokio::task::JoinSet;

use super::receiver;
use crate::{
    drops::{Dropped, Drops, Throttle},
    mailbox::Mailbox,
};

/// How often the log repeats that nobody understands this worker.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// A bus between machines, for a worker.
pub struct SealedWorker {
    inner: Arc<dyn Bus>,
    end: Arc<WorkerEnd>,
    mailbox: Mailbox,
    _reading: JoinSet<()>,
}

impl SealedWorker {
    /// Reads `inner` from now on, which this worker joined under the name of `end`, and makes it known to the servers.
    pub fn new(inner: Arc<dyn Bus>, end: Arc<WorkerEnd>, drops: Drops) -> Self {
        let mailbox = Mailbox::new();
        let mut reading = JoinSet::new();
        reading.spawn(read(Arc::clone(&inner), Arc::clone(&end), mailbox.clone(), drops));
        Self { inner, end, mailbox, _reading: reading }
    }
}

#[async_trait]
impl Bus for SealedWorker {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        if envelope.len() > MAX_ENVELOPE_BYTES {
            return Err(BusError::TooLarge { size: envelope.len(), limit: MAX_ENVELOPE_BYTES });
        }
        match self.end.seal(receiver(to), &envelope) {
            Some(sealed) => self.inner.send(to, Bytes::from(sealed)).await,
            // Workers have nothing to say to each other, and no key for it.
            None => Ok(()),
        }
    }

    /// A second call gives a stream that has ended: each envelope is received once.
    fn receive(&self) -> BoxStream<'static, Arrival> {
        self.mailbox.arrivals()
    }
}

async fn read(inner: Arc<dyn Bus>, end: Arc<WorkerEnd>, mailbox: Mailbox, drops: Drops) {
    let mut arriving = inner.receive();
    let mut said = Throttle::default();
    greet(inner.as_ref(), &end).await;
    while let Some(Arrival { envelope, .. }) = arriving.next().await {
        if drops.is_too_large(&envelope) {
            continue;
        }
        let Opened { from, content, .. } = match end.open(&envelope) {
            Ok(opened) => opened,
            Err(reason) => {
                drops.count(Dropped::from(&reason), &reason);
                continue;
            }
        };
        let from = match from {
            Sender::Server(name) => Peer::Server(NodeId(name)),
            Sender::Hailer => {
                greet(inner.as_ref(), &end).await;
                Peer::Hailer
            }
            Sender::Worker { .. } | Sender::Nobody => Peer::Stranger,
        };
        match content {
            Content::Message(message) => mailbox.push(Arrival { envelope: Bytes::from(message), from }),
            Content::Refused(why) if said.allows("", SAID_EVERY) => {
                tracing::error!(
                    "a server at this broker does not take this worker: {why}; it is tried again"
                );
            }
            Content::Refused(_) | Content::Hello => {}
        }
    }
}

/// Servers know this worker from now on, before it has anything to say to them.
async fn greet(bus: &dyn Bus, end: &WorkerEnd) {
    if let Some(hello) = end.hello() {
        // Who does not hear it learns of this worker from its first message.
        bus.send(&Address::AllServers, Bytes::from(hello)).await.ok();
    }
}

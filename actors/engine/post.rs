//! Sending: messages become envelopes and go to the bus without waiting where the bus does not wait.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use pikoci_model::id::NodeId;
use pikoci_model::message::{Envelope, Message};
use pikoci_model::port::{Address, Bus, BusError};

use crate::supervise::shielded;

/// Where an actor drops its messages. Nothing is promised: whoever sends repeats as its own protocol says.
#[derive(Clone)]
pub struct Post {
    bus: Arc<dyn Bus>,
    node: NodeId,
}

impl Post {
    /// Sends in the name of `node` through `bus`.
    pub fn new(bus: Arc<dyn Bus>, node: NodeId) -> Self {
        Post { bus, node }
    }

    /// Who sends.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// Sends without waiting. A bus that takes the envelope at once (the local one does) costs no task and no hop;
    /// otherwise the rest of the sending goes on beside the caller, inside a panic boundary. Must run inside an
    /// actix arbiter.
    pub fn send<M: Message>(&self, to: &Address, message: &M) {
        let Some(envelope) = self.envelope(message) else { return };
        let (bus, to) = (Arc::clone(&self.bus), to.clone());
        let mut sending = async move { bus.send(&to, envelope).await }.boxed_local();
        match (&mut sending).now_or_never() {
            Some(result) => note(M::NAME, result),
            None => {
                actix_rt::spawn(async move {
                    match shielded("post".into(), sending).await {
                        Ok(result) => note(M::NAME, result),
                        Err(panic) => tracing::error!(message = M::NAME, "sending panicked: {panic}"),
                    }
                });
            }
        }
    }

    /// Sends and waits until the bus has it.
    ///
    /// # Errors
    /// What the bus says; the caller repeats.
    pub async fn deliver<M: Message>(&self, to: &Address, message: &M) -> Result<(), BusError> {
        match self.envelope(message) {
            Some(envelope) => self.bus.send(to, envelope).await,
            None => Ok(()),
        }
    }

    /// A message that cannot be encoded would not be better the next time, so it is dropped with a word.
    fn envelope<M: Message>(&self, message: &M) -> Option<Bytes> {
        Envelope::encode(&self.node, message)
            .inspect_err(|error| tracing::error!(message = M::NAME, "not sent: {error}"))
            .ok()
    }
}

fn note(name: &'static str, result: Result<(), BusError>) {
    if let Err(error) = result {
        tracing::debug!(message = name, "not sent: {error}");
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("node", &self.node).finish()
    }
}

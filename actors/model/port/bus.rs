//! Between processes: four addresses, and nothing promised.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::id::NodeId;

/// Where an envelope goes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// Exactly one server, whichever.
    AnyServer,
    /// Every server.
    AllServers,
    /// This process.
    Node(NodeId),
    /// Every worker.
    AllWorkers,
}

/// Who an envelope comes from, as the transport itself knows it, whatever the envelope says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Peer {
    /// Somebody in this process: it may say what it likes.
    Here,
    /// A server, which holds the key of all servers.
    Server(NodeId),
    /// Who holds a worker token.
    Worker {
        /// Its node, which follows from its key.
        node: NodeId,
        /// The canonical name of the team whose token it holds; none = a token for all teams.
        team: Option<String>,
    },
    /// Somebody of this installation who speaks to all workers: a server, or a worker that pretends to be one.
    Hailer,
    /// Nobody vouches for it: a transport between machines without seals.
    Stranger,
}

/// An envelope that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// What was sent.
    pub envelope: Bytes,
    /// By whom.
    pub from: Peer,
}

impl Arrival {
    /// From somebody in this process.
    pub fn here(envelope: Bytes) -> Self {
        Self { envelope, from: Peer::Here }
    }

    /// From nobody knows whom.
    pub fn unvouched(envelope: Bytes) -> Self {
        Self { envelope, from: Peer::Stranger }
    }
}

/// Carries envelopes. It may lose, repeat, delay and reorder them; delivery is made safe above it.
///
/// Order of calls: `receive` once, then `send` as often as wanted, from anywhere, concurrently. Nothing is sent twice
/// by the bus on purpose; nothing waits for a receiver. Clean-up: dropping the bus and its stream.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Hands an envelope over. Returns when the transport has it, not when anybody received it.
    ///
    /// # Errors
    /// The transport is down or refuses the envelope; the caller goes on and repeats as its own protocol says.
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError>;

    /// What arrives for this process, from now on. Ends when the bus is closed.
    fn receive(&self) -> BoxStream<'static, Arrival>;
}

/// Why an envelope could not be handed over.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum BusError {
    /// The transport is down.
    #[error("the transport is down: {0}")]
    Down(String),
    /// The receiver's bounded queue is full; as good as lost.
    #[error("the receiver's queue is full")]
    Full,
    /// The envelope is too large for the transport.
    #[error("envelope of {size} bytes, at most {limit} are carried")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

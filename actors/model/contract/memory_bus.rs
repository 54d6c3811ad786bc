//! A bus in one process: nodes that joined one hub reach each other through bounded queues.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    StreamExt,
    channel::mpsc::{Receiver, Sender, channel},
    stream::{self, BoxStream},
};

use crate::{
    id::NodeId,
    message::MAX_ENVELOPE_BYTES,
    port::{Address, Arrival, Bus, BusError},
};

/// Envelopes that wait for one node. More than any test sends at once; a full queue is as good as a loss.
const QUEUE: usize = 1024;

/// What a node is; it may be both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Roles {
    /// It hears `AnyServer` and `AllServers`.
    pub server: bool,
    /// It hears `AllWorkers`.
    pub worker: bool,
}

impl Roles {
    /// A server only.
    pub const SERVER: Self = Self { server: true, worker: false };
    /// A worker only.
    pub const WORKER: Self = Self { server: false, worker: true };
    /// A server with its embedded worker.
    pub const BOTH: Self = Self { server: true, worker: true };
}

/// Where nodes meet.
#[derive(Clone, Default)]
pub struct Hub(Arc<Mutex<Board>>);

#[derive(Default)]
struct Board {
    members: BTreeMap<NodeId, Member>,
    turn: usize,
}

struct Member {
    roles: Roles,
    queue: Sender<Bytes>,
    inbox: Option<Receiver<Bytes>>,
}

/// One node's end of the hub.
pub struct MemoryBus {
    hub: Hub,
    node: NodeId,
}

impl Hub {
    /// Takes a node in; it leaves when its bus is dropped.
    pub fn join(&self, node: NodeId, roles: Roles) -> MemoryBus {
        let (queue, inbox) = channel(QUEUE);
        self.board().members.insert(node.clone(), Member { roles, queue, inbox: Some(inbox) });
        MemoryBus { hub: self.clone(), node }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MemoryBus {
    fn drop(&mut self) {
        self.hub.board().members.remove(&self.node);
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        if envelope.len() > MAX_ENVELOPE_BYTES {
            return Err(BusError::TooLarge { size: envelope.len(), limit: MAX_ENVELOPE_BYTES });
        }
        self.hub.board().deliver(to, &envelope)
    }

    fn receive(&self) -> BoxStream<'static, Arrival> {
        let inbox = self.hub.board().members.get_mut(&self.node).and_then(|member| member.inbox.take());
        inbox.map_or_else(|| stream::empty().boxed(), |inbox| inbox.map(Arrival::here).boxed())
    }
}

impl Board {
    fn deliver(&mut self, to: &Address, envelope: &Bytes) -> Result<(), BusError> {
        let any = matches!(to, Address::AnyServer);
        let mut hearers: Vec<&mut Member> =
            self.members.iter_mut().filter(|(node, member)| member.hears(node, to)).map(|(_, m)| m).collect();
        if any && !hearers.is_empty() {
            self.turn = self.turn.wrapping_add(1);
            let chosen = hearers.swap_remove(self.turn % hearers.len());
            return chosen.push(envelope);
        }
        let refused = hearers.into_iter().filter_map(|member| member.push(envelope).err()).last();
        refused.map_or(Ok(()), Err)
    }
}

impl Member {
    fn hears(&self, node: &NodeId, to: &Address) -> bool {
        match to {
            Address::AnyServer | Address::AllServers => self.roles.server,
            Address::AllWorkers => self.roles.worker,
            Address::Node(wanted) => wanted == node,
        }
    }

    /// A receiver that is gone is a loss nobody is told of, as with any transport.
    fn push(&mut self, envelope: &Bytes) -> Result<(), BusError> {
        match self.queue.try_send(envelope.clone()) {
            Err(error) if error.is_full() => Err(BusError::Full),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;
    use crate::contract::bus::{BusWorld, Promise, bus_suite};

    struct World(Hub);

    #[async_trait]
    impl BusWorld for World {
        fn promise(&self) -> Promise {
            Promise::Exact
        }

        async fn join(&self, node: NodeId, roles: Roles) -> Arc<dyn Bus> {
            Arc::new(self.0.join(node, roles))
        }

        /// Everything that was sent is there already.
        async fn next(&self, inbox: &mut BoxStream<'static, Arrival>, _limit: Duration) -> Option<Arrival> {
            inbox.next().now_or_never().flatten()
        }
    }

    #[test]
    fn passes_the_suite() {
        futures::executor::block_on(bus_suite(|| Box::new(World(Hub::default()))));
    }
}

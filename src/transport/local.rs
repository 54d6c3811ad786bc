//! One process: its nodes reach each other through queues; nothing leaves it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use pikoci_model::{
    id::NodeId,
    port::{Address, Arrival, Bus, BusError},
};

use crate::{
    queue::{Inlet, Outlet, queue},
    settings::MOST_CARRIED,
};

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
    /// A server and a worker under one node id.
    pub const BOTH: Self = Self { server: true, worker: true };
}

/// Where the nodes of a process meet. Clones share it.
#[derive(Clone, Default)]
pub struct LocalHub(Arc<Mutex<Members>>);

#[derive(Default)]
struct Members {
    by_node: BTreeMap<NodeId, Member>,
    /// Whose turn it is among the servers.
    turn: usize,
}

struct Member {
    roles: Roles,
    outlet: Outlet,
    inlet: Option<Inlet>,
}

/// One node's bus. The node leaves when it is dropped.
pub struct LocalBus {
    hub: LocalHub,
    node: NodeId,
}

impl LocalHub {
    /// Takes a node in. Envelopes for it are kept from now on. A node that joins again replaces its earlier self.
    pub fn join(&self, node: NodeId, roles: Roles) -> LocalBus {
        let (outlet, inlet) = queue();
        self.members().by_node.insert(node.clone(), Member { roles, outlet, inlet: Some(inlet) });
        LocalBus { hub: self.clone(), node }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LocalBus {
    fn drop(&mut self) {
        self.hub.members().by_node.remove(&self.node);
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        if envelope.len() > MOST_CARRIED {
            return Err(BusError::TooLarge { size: envelope.len(), limit: MOST_CARRIED });
        }
        self.hub.members().deliver(to, Arrival::here(envelope))
    }

    /// A second call gives a stream that has ended: each envelope is received once.
    fn receive(&self) -> BoxStream<'static, Arrival> {
        let inlet = self.hub.members().by_node.get_mut(&self.node).and_then(|member| member.inlet.take());
        inlet.map_or_else(|| stream::empty().boxed(), StreamExt::boxed)
    }
}

impl Members {
    fn deliver(&mut self, to: &Address, arrival: Arrival) -> Result<(), BusError> {
        match to {
            Address::Node(node) => {
                self.by_node.get(node).map_or(Ok(()), |member| member.outlet.push(arrival))
            }
            Address::AnyServer => self.one_server().map_or(Ok(()), |outlet| outlet.push(arrival)),
            Address::AllServers => self.all(|roles| roles.server, &arrival),
            Address::AllWorkers => self.all(|roles| roles.worker, &arrival),
        }
    }

    fn one_server(&mut self) -> Option<&Outlet> {
        let servers: Vec<&Outlet> =
            self.by_node.values().filter(|member| member.roles.server).map(|member| &member.outlet).collect();
        self.turn = self.turn.wrapping_add(1);
        let chosen = self.turn.checked_rem(servers.len())?;
        servers.into_iter().nth(chosen)
    }

    /// Each gets it for whom there is room; the sender learns that one had none.
    fn all(&self, hears: impl Fn(Roles) -> bool, arrival: &Arrival) -> Result<(), BusError> {
        let hearers = self.by_node.values().filter(|member| hears(member.roles));
        let answers: Vec<_> = hearers.map(|member| member.outlet.push(arrival.clone())).collect();
        answers.into_iter().collect()
    }
}

//! The contract suite through seals.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use pikoci_model::{
    contract::{
        Roles,
        bus::{BusWorld, Promise, bus_suite},
    },
    id::NodeId,
    port::{Address, Arrival, Bus, BusError, Clock, Monotonic, Peer},
};
use pikoci_seal::mail::{Claims, Installation, Release, ServerEnd, WorkerEnd, WorkerToken};
use pikoci_transport::{Chaos, ChaosSettings, Drops, LocalHub, Salts, SealedServer, SealedWorker};

use crate::{Kind, World};

pub const RELEASE: Release = Release { major: 0, minor: 1 };

/// A clock that says what it is told.
pub struct Noon;

impl Clock for Noon {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn monotonic(&self) -> Monotonic {
        unreachable!("seals ask for the date only")
    }
}

/// The salts of two teams, which a test may change.
#[derive(Clone, Default)]
pub struct Book(pub Arc<Mutex<BTreeMap<Option<String>, String>>>);

#[async_trait]
impl Salts for Book {
    async fn salt(&self, team: Option<&str>) -> Result<Option<String>, String> {
        Ok(self.0.lock().unwrap().get(&team.map(str::to_owned)).cloned())
    }
}

/// Nodes are named by their keys: the suite's names stand for those.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<BTreeMap<NodeId, NodeId>>>);

struct Named {
    bus: Arc<dyn Bus>,
    names: Names,
}

#[async_trait]
impl Bus for Named {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        let to = match to {
            Address::Node(node) => {
                let name = self.names.0.lock().unwrap().get(node).cloned();
                Address::Node(name.unwrap_or_else(|| node.clone()))
            }
            other => other.clone(),
        };
        self.bus.send(&to, envelope).await
    }

    fn receive(&self) -> BoxStream<'static, Arrival> {
        self.bus.receive()
    }
}

struct Sealed {
    world: World,
    installation: Installation,
    names: Names,
    servers: Mutex<Vec<Arc<ServerEnd>>>,
    chaos: Option<u64>,
}

fn sealed(kind: Kind, chaos: Option<u64>) -> Box<dyn BusWorld> {
    Box::new(Sealed {
        world: World { kind, prefix: format!("test-{}", uuid::Uuid::new_v4().simple()), chaos: None },
        installation: Installation::new("the secret of the servers"),
        names: Names::default(),
        servers: Mutex::default(),
        chaos,
    })
}

impl Sealed {
    async fn server(&self, name: NodeId, roles: pikoci_transport::Roles) -> Arc<dyn Bus> {
        let end = Arc::new(ServerEnd::new(self.installation.clone(), RELEASE).unwrap());
        let node = NodeId(end.name().to_owned());
        self.names.0.lock().unwrap().insert(name, node.clone());
        let inner = self.world.plain(node, roles).await;
        self.servers.lock().unwrap().push(end.clone());
        let (salts, clock) = (Arc::new(Book::default()), Arc::new(Noon));
        Arc::new(SealedServer::new(inner, end, salts, clock, Drops::default()))
    }

    async fn worker(&self, name: NodeId, roles: pikoci_transport::Roles) -> Arc<dyn Bus> {
        let token = WorkerToken::read(&self.installation.token(&Claims::default())).unwrap();
        let end = Arc::new(WorkerEnd::new(&token, RELEASE).unwrap());
        let node = NodeId(end.name().to_owned());
        self.names.0.lock().unwrap().insert(name, node.clone());
        let inner = self.world.plain(node.clone(), roles).await;
        let bus = Arc::new(SealedWorker::new(inner, end, Drops::default()));
        let known = async {
            while !self.servers.lock().unwrap().iter().all(|server| server.knows(&node.0)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), known).await.expect("the worker's hello is heard");
        bus
    }
}

#[async_trait]
impl BusWorld for Sealed {
    fn promise(&self) -> Promise {
        if self.chaos.is_some() { Promise::Nothing } else { Promise::Exact }
    }

    async fn join(&self, node: NodeId, roles: Roles) -> Arc<dyn Bus> {
        let both = pikoci_transport::Roles { server: roles.server, worker: roles.worker };
        let bus = if roles.server { self.server(node, both).await } else { self.worker(node, both).await };
        let bus = Arc::new(Named { bus, names: self.names.clone() });
        match self.chaos {
            Some(seed) => Arc::new(Chaos::new(bus, ChaosSettings::seeded(seed))),
            None => bus,
        }
    }

    async fn next(&self, inbox: &mut BoxStream<'static, Arrival>, limit: Duration) -> Option<Arrival> {
        let arrival = tokio::time::timeout(limit, inbox.next()).await.ok().flatten()?;
        assert!(!matches!(arrival.from, Peer::Here | Peer::Stranger), "{:?}", arrival.from);
        Some(arrival)
    }
}

#[tokio::test]
async fn local_with_seals_passes_the_suite() {
    bus_suite(|| sealed(Kind::Local(LocalHub::default()), None)).await;
    bus_suite(|| sealed(Kind::Local(LocalHub::default()), Some(5))).await;
}

#[tokio::test]
async fn nats_with_seals_passes_the_suite() {
    bus_suite(|| sealed(Kind::Nats, None)).await;
}

#[tokio::test]
async fn rabbitmq_with_seals_passes_the_suite() {
    bus_suite(|| sealed(Kind::Rabbit, None)).await;
}

#[tokio::test]
async fn kafka_with_seals_passes_the_suite() {
    bus_suite(|| sealed(Kind::Kafka, None)).await;
}

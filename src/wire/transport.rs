//! The ways between server and workers, in this process and through a broker, plain or with faults injected on purpose;
//! and the signals inside this process.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use pikoci_engine::supervise;
use pikoci_model::{
    id::{BuildId, NodeId},
    port::{Bus, Clock, Signals, Store, Topic},
};
use pikoci_seal::mail::{Installation, Release, ServerEnd, WorkerEnd, WorkerToken};
use pikoci_transport::{
    BrokerSettings, BrokerSystem, Chaos, ChaosSettings, Cut, Drops, Joined, LinkState, LocalHub, Roles,
    Salts, SealedServer, SealedWorker, Switch,
};
use tokio::sync::watch;

use super::node::fresh_node;
use crate::config::ServerConfig;

/// How a server reaches its own worker and others.
pub struct Ways {
    pub server: (NodeId, Arc<dyn Bus>),
    /// The worker inside.
    pub worker: Option<(NodeId, Arc<dyn Bus>)>,
    /// What is known of the broker.
    pub outside: Option<Outside>,
}

/// The way out of this process, as it is shown.
#[derive(Clone)]
pub struct Outside {
    pub system: BrokerSystem,
    pub link: watch::Receiver<LinkState>,
    pub drops: Drops,
    /// How many workers of elsewhere were heard; none at a worker.
    pub servers_end: Option<Arc<ServerEnd>>,
}

/// Joins all of them.
///
/// # Errors
/// Settings of the broker that can never work.
pub async fn join(
    config: &ServerConfig,
    secret: &str,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    chaos: Option<u64>,
    cut: Option<PathBuf>,
) -> Result<Ways, String> {
    let hub = LocalHub::default();
    let worker = config.run_worker.then(|| fresh_node("worker"));
    let worker_bus = worker.clone().map(|node| {
        let bus = faulty(Arc::new(hub.join(node, Roles::WORKER)), chaos.map(|seed| seed + 1));
        match cut {
            None => bus,
            Some(file) => Arc::new(Cut::new(bus, file)),
        }
    });
    let broker = config.broker.broker().map_err(|error| error.to_string())?;
    let (server, outside) = match broker {
        None => {
            let node = fresh_node("server");
            ((node.clone(), faulty(Arc::new(hub.join(node, Roles::SERVER)), chaos)), None)
        }
        Some((system, settings)) => {
            let end =
                ServerEnd::new(Installation::new(secret), release()).map_err(|error| error.to_string())?;
            let end = Arc::new(end);
            let node = NodeId(end.name().to_owned());
            let joined = reach(system, &settings, &node, Roles::SERVER).await?;
            let drops = Drops::default();
            let salts = Arc::new(StoredSalts(store));
            let broker = faulty(joined.bus, chaos);
            let sealed = SealedServer::new(broker, Arc::clone(&end), salts, clock, drops.clone());
            let inside = hub.join(node.clone(), Roles::SERVER);
            let switch = Switch::new(Arc::new(inside), Arc::new(sealed), node.clone(), worker.clone());
            let outside = Outside { system, link: joined.link, drops, servers_end: Some(end) };
            ((node, Arc::new(switch) as Arc<dyn Bus>), Some(outside))
        }
    };
    Ok(Ways { server, worker: worker.zip(worker_bus), outside })
}

/// Joins the broker as a worker that holds this token.
///
/// # Errors
/// Settings of the broker that can never work, or a system without random bytes.
pub async fn join_as_worker(
    system: BrokerSystem,
    settings: &BrokerSettings,
    token: &WorkerToken,
    chaos: Option<u64>,
) -> Result<(NodeId, Arc<dyn Bus>, Outside), String> {
    let end = WorkerEnd::new(token, release()).map_err(|error| error.to_string())?;
    let node = NodeId(end.name().to_owned());
    let joined = reach(system, settings, &node, Roles::WORKER).await?;
    let drops = Drops::default();
    let bus = SealedWorker::new(faulty(joined.bus, chaos), Arc::new(end), drops.clone());
    Ok((node, Arc::new(bus), Outside { system, link: joined.link, drops, servers_end: None }))
}

async fn reach(
    system: BrokerSystem,
    settings: &BrokerSettings,
    node: &NodeId,
    roles: Roles,
) -> Result<Joined, String> {
    let joined = system.join(settings, node.clone(), roles).await;
    joined.map_err(|error| format!("{}: {error}", system.name()))
}

fn faulty(bus: Arc<dyn Bus>, chaos: Option<u64>) -> Arc<dyn Bus> {
    match chaos {
        None => bus,
        Some(seed) => Arc::new(Chaos::new(bus, ChaosSettings::seeded(seed))),
    }
}

/// This program's.
fn release() -> Release {
    crate::VERSION.parse().unwrap_or(Release { major: 0, minor: 0 })
}

/// The generations of the tokens, from the store.
struct StoredSalts(Arc<dyn Store>);

#[async_trait]
impl Salts for StoredSalts {
    async fn salt(&self, team: Option<&str>) -> Result<Option<String>, String> {
        self.0.worker_salt(team).await.map_err(|error| error.to_string())
    }
}

/// Signals; with faults, each build's tracker is killed once, in the middle of its work.
pub fn signals(signals: Arc<dyn Signals>, chaos: Option<u64>) -> Arc<dyn Signals> {
    match chaos {
        None => signals,
        Some(_) => Arc::new(PanickingSignals { signals, rings: Mutex::default() }),
    }
}

/// The ring of a build, counted over its trackers, at which the tracker is killed.
const FATAL_RING: u32 = 2;

struct PanickingSignals {
    signals: Arc<dyn Signals>,
    rings: Mutex<BTreeMap<BuildId, u32>>,
}

impl Signals for PanickingSignals {
    fn ring(&self, topic: Topic) {
        self.signals.ring(topic);
        let Topic::Build(build) = topic else { return };
        // Others ring too: who asks for a cancel, who creates or claims the build.
        if !supervise::running().is_some_and(|actor| actor.starts_with("tracker ")) {
            return;
        }
        let fatal = {
            let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
            let count = rings.entry(build).or_default();
            *count += 1;
            *count == FATAL_RING
        };
        assert!(!fatal, "a fault injected on purpose: ring {FATAL_RING} of build {build}");
    }

    fn subscribe(&self, topic: Topic) -> BoxStream<'static, ()> {
        self.signals.subscribe(topic)
    }
}

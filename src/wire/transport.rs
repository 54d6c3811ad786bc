//! The bus and the signals inside this process, plain or with faults injected on purpose.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::stream::BoxStream;
use pikoci_model::{
    id::{BuildId, NodeId},
    port::{Bus, Signals, Topic},
};
use pikoci_transport::{Chaos, ChaosSettings, LocalHub, Roles};

/// Both ends: the server's and the worker's.
pub fn join(server: &NodeId, worker: &NodeId, chaos: Option<u64>) -> (Arc<dyn Bus>, Arc<dyn Bus>) {
    let hub = LocalHub::default();
    let server: Arc<dyn Bus> = Arc::new(hub.join(server.clone(), Roles::SERVER));
    let worker: Arc<dyn Bus> = Arc::new(hub.join(worker.clone(), Roles::WORKER));
    match chaos {
        None => (server, worker),
        Some(seed) => {
            tracing::warn!(seed, "faults are injected into the transport");
            let faulty = |bus, seed| Arc::new(Chaos::new(bus, ChaosSettings::seeded(seed)));
            (faulty(server, seed), faulty(worker, seed.wrapping_add(1)))
        }
    }
}

/// Signals; with faults, whoever rings a build's bell the third time panics: that is its tracker, once per build.
pub fn signals(signals: Arc<dyn Signals>, chaos: Option<u64>) -> Arc<dyn Signals> {
    match chaos {
        None => signals,
        Some(_) => Arc::new(PanickingSignals { signals, rings: Mutex::default() }),
    }
}

/// The ring of a build at which its tracker is killed: the first ones may be of those who create and claim it.
const FATAL_RING: u32 = 3;

struct PanickingSignals {
    signals: Arc<dyn Signals>,
    rings: Mutex<BTreeMap<BuildId, u32>>,
}

impl Signals for PanickingSignals {
    fn ring(&self, topic: Topic) {
        self.signals.ring(topic);
        let Topic::Build(build) = topic else { return };
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

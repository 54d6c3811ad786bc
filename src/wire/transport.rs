//! The bus and the signals inside this process, plain or with faults injected on purpose.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::stream::BoxStream;
use pikoci_engine::supervise;
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

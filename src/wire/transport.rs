//! The bus inside this process, plain or with faults injected on purpose.

use std::sync::Arc;

use pikoci_model::{
    contract::{Hub, Roles},
    id::NodeId,
    port::{Bus, Signals},
};

/// Both ends: the server's and the worker's.
pub fn join(server: &NodeId, worker: &NodeId, _chaos: Option<u64>) -> (Arc<dyn Bus>, Arc<dyn Bus>) {
    let hub = Hub::default();
    let (a, b) = (hub.join(server.clone(), Roles::SERVER), hub.join(worker.clone(), Roles::WORKER));
    (Arc::new(a), Arc::new(b))
}

/// Signals.
pub fn signals(signals: Arc<dyn Signals>, _chaos: Option<u64>) -> Arc<dyn Signals> {
    signals
}

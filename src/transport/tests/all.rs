//! The contract suite on every transport.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use pikoci_model::{
    contract::{
        Roles,
        bus::{BusWorld, Promise, bus_suite},
    },
    id::NodeId,
    port::Bus,
};
use pikoci_transport::{Chaos, ChaosSettings, LocalHub};

struct World {
    hub: LocalHub,
    chaos: Option<ChaosSettings>,
}

#[async_trait]
impl BusWorld for World {
    fn promise(&self) -> Promise {
        if self.chaos.is_some() { Promise::Nothing } else { Promise::Exact }
    }

    fn join(&self, node: NodeId, roles: Roles) -> Arc<dyn Bus> {
        let roles = pikoci_transport::Roles { server: roles.server, worker: roles.worker };
        let local = Arc::new(self.hub.join(node, roles));
        match self.chaos {
            Some(settings) => Arc::new(Chaos::new(local, settings)),
            None => local,
        }
    }

    async fn next(&self, inbox: &mut BoxStream<'static, Bytes>, limit: Duration) -> Option<Bytes> {
        tokio::time::timeout(limit, inbox.next()).await.ok().flatten()
    }
}

#[tokio::test]
async fn local_passes_the_suite() {
    bus_suite(|| Box::new(World { hub: LocalHub::default(), chaos: None })).await;
}

#[tokio::test]
async fn chaos_passes_the_suite() {
    for seed in 1..=3 {
        let chaos = Some(ChaosSettings::seeded(seed));
        bus_suite(|| Box::new(World { hub: LocalHub::default(), chaos })).await;
    }
}

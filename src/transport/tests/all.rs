//! The contract suite on every transport, bare and sealed. The brokers are real: `integration/backends up nats rabbitmq kafka`.

#[cfg(test)]
mod refused;
#[cfg(test)]
mod sealed;
#[cfg(all(test, feature = "kafka-tls"))]
mod tls;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt, stream::BoxStream};
use pikoci_model::{
    contract::{
        Roles,
        bus::{BusWorld, Promise, bus_suite},
    },
    id::NodeId,
    port::{Arrival, Bus},
};
use pikoci_transport::{
    BrokerSettings, Chaos, ChaosSettings, KafkaBus, LocalHub, MOST_CARRIED, NatsBus, RabbitBus,
};

enum Kind {
    Local(LocalHub),
    Nats,
    Rabbit,
    Kafka,
}

struct World {
    kind: Kind,
    /// Each world is an installation of its own.
    prefix: String,
    chaos: Option<ChaosSettings>,
}

impl World {
    fn boxed(kind: Kind, chaos: Option<u64>) -> Box<dyn BusWorld> {
        let prefix = format!("test-{}", uuid::Uuid::new_v4().simple());
        Box::new(Self { kind, prefix, chaos: chaos.map(ChaosSettings::seeded) })
    }

    fn broker(&self, variable: &str) -> BrokerSettings {
        let address = std::env::var(variable).unwrap_or_else(|_| {
            panic!("{variable} is not set: `integration/backends up`, then `eval \"$(integration/backends env)\"`")
        });
        BrokerSettings::plain(address, self.prefix.clone())
    }

    #[expect(clippy::unwrap_used, reason = "a broker that is not there fails the test")]
    async fn plain(&self, node: NodeId, roles: pikoci_transport::Roles) -> Arc<dyn Bus> {
        match &self.kind {
            Kind::Local(hub) => Arc::new(hub.join(node, roles)),
            Kind::Nats => {
                Arc::new(NatsBus::join(&self.broker("PIKOCI_TEST_NATS"), node, roles).await.unwrap())
            }
            Kind::Rabbit => {
                Arc::new(RabbitBus::join(&self.broker("PIKOCI_TEST_RABBITMQ"), node, roles).await.unwrap())
            }
            Kind::Kafka => {
                Arc::new(KafkaBus::join(&self.broker("PIKOCI_TEST_KAFKA"), node, roles).await.unwrap())
            }
        }
    }
}

#[async_trait]
impl BusWorld for World {
    fn promise(&self) -> Promise {
        if self.chaos.is_some() { Promise::Nothing } else { Promise::Exact }
    }

    fn limit(&self) -> usize {
        MOST_CARRIED
    }

    async fn join(&self, node: NodeId, roles: Roles) -> Arc<dyn Bus> {
        let roles = pikoci_transport::Roles { server: roles.server, worker: roles.worker };
        let plain = self.plain(node, roles).await;
        match self.chaos {
            Some(settings) => Arc::new(Chaos::new(plain, settings)),
            None => plain,
        }
    }

    async fn next(&self, inbox: &mut BoxStream<'static, Arrival>, limit: Duration) -> Option<Arrival> {
        tokio::time::timeout(limit, inbox.next()).await.ok().flatten()
    }
}

#[tokio::test]
async fn local_passes_the_suite() {
    bus_suite(|| World::boxed(Kind::Local(LocalHub::default()), None)).await;
}

#[tokio::test]
async fn chaos_passes_the_suite() {
    for seed in 1..=3 {
        bus_suite(|| World::boxed(Kind::Local(LocalHub::default()), Some(seed))).await;
    }
}

#[tokio::test]
async fn nats_passes_the_suite() {
    bus_suite(|| World::boxed(Kind::Nats, None)).await;
}

#[tokio::test]
async fn rabbitmq_passes_the_suite() {
    bus_suite(|| World::boxed(Kind::Rabbit, None)).await;
}

#[tokio::test]
async fn kafka_passes_the_suite() {
    bus_suite(|| World::boxed(Kind::Kafka, None)).await;
}

#[tokio::test]
async fn brokers_with_chaos_pass_the_suite() {
    bus_suite(|| World::boxed(Kind::Nats, Some(1))).await;
    bus_suite(|| World::boxed(Kind::Rabbit, Some(2))).await;
    bus_suite(|| World::boxed(Kind::Kafka, Some(3))).await;
}

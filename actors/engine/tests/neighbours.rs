//! Servers of a town, the first and more of them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pikoci_engine::server::{Bells, Server, ServerDeps, ServerHandle, Settings};
use pikoci_model::contract::{Hub, MemoryStore, Roles};
use pikoci_model::id::NodeId;
use pikoci_model::port::{Control, Signals, Topic};

use crate::town::{JsonCompiler, Mines, TownClock};
use crate::wire::{Weather, Wire};

/// The bells of one of several servers; a test that watches the town hears them too.
pub struct Heard {
    pub own: Arc<Bells>,
    pub town: Arc<Mines>,
}

impl Signals for Heard {
    fn ring(&self, topic: Topic) {
        self.own.ring(topic);
        self.town.bells.ring(topic);
    }

    fn subscribe(&self, topic: Topic) -> futures::stream::BoxStream<'static, ()> {
        self.own.subscribe(topic)
    }
}

/// What servers share.
pub struct Ground {
    pub hub: Hub,
    pub weather: Weather,
    pub store: MemoryStore,
    pub settings: Settings,
}

impl Ground {
    /// A server, and the switch that cuts it off.
    pub fn serve(
        &self,
        signals: Arc<dyn Signals>,
        clock: &Arc<TownClock>,
        name: &str,
    ) -> (ServerHandle, Arc<AtomicBool>) {
        let node = NodeId(name.into());
        let wire = Wire::new(Arc::new(self.hub.join(node.clone(), Roles::SERVER)), self.weather, 3);
        let switch = wire.switch();
        let deps = ServerDeps {
            store: Arc::new(self.store.clone()),
            bus: Arc::new(wire),
            compiler: Arc::new(JsonCompiler),
            clock: clock.clone(),
            signals,
            node,
            settings: self.settings.clone(),
        };
        (Server::start(deps), switch)
    }
}

/// One of several servers.
pub struct Neighbour {
    pub server: ServerHandle,
    pub control: Arc<dyn Control>,
    pub bells: Arc<Bells>,
}

impl Neighbour {
    /// How many servers it knows, itself included.
    pub async fn servers(&self) -> u64 {
        self.server.meter().read().await.servers
    }
}

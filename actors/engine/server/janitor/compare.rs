//! What a worker says it holds beside what the store says: claims whose build never arrived, builds whose claim is over.

use std::collections::HashMap;
use std::time::Duration;

use pikoci_model::build::{Build, Phase};
use pikoci_model::id::{BuildId, NodeId};
use pikoci_model::message::{Holding, Void};
use pikoci_model::port::{Address, Monotonic, StoreError};

use super::{Janitor, Noted, untold};
use crate::server::reclaim::{give_back, void_claims, worker_lost};
use crate::server::world::World;
use crate::supervise::{Flow, Life, Receive};

/// A build that its worker does not hold this long after the claim has been missed: the go never arrived.
const MISSED_AFTER: Duration = Duration::from_secs(25);
/// Claims that the store has for a worker, beside what it said it holds.
pub(super) struct Compared {
    node: NodeId,
    holding: Vec<Holding>,
    claimed: Result<Vec<Build>, StoreError>,
}

impl Compared {
    /// Reads the other half.
    pub(super) async fn with_the_store(world: &World, node: NodeId, holding: Vec<Holding>) -> Self {
        let claimed = world.store().held_by(&node).await;
        Self { node, holding, claimed }
    }
}

impl Receive<Compared> for Janitor {
    fn receive(&mut self, Compared { node, holding, claimed }: Compared, life: &mut Life<'_, Self>) -> Flow {
        let (now, world) = (self.now(), self.world.clone());
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                untold(&error, || format!("claims of {node} cannot be read"));
                self.be_patient();
                return Ok(());
            }
        };
        let Some(watched) = self.workers.get_mut(&node) else { return Ok(()) };
        let claims: Vec<Holding> = claimed
            .iter()
            .filter_map(|build| Some(Holding { build: build.id, fence: build.claim.as_ref()?.fence }))
            .collect();
        let missing: HashMap<BuildId, Monotonic> = claims
            .iter()
            .filter(|claim| !holding.contains(claim))
            .map(|claim| (claim.build, watched.missed.get(&claim.build).copied().unwrap_or(now)))
            .collect();
        watched.missed = missing;
        let overdue = |build: &BuildId| {
            watched.missed.get(build).is_some_and(|since| now.saturating_sub(*since) >= MISSED_AFTER)
        };
        let failure = worker_lost(&watched.name);
        // One that had begun was lost with a life of the worker's; of another the go never arrived.
        let begun = |build: BuildId| claimed.iter().any(|row| row.id == build && row.phase > Phase::Claimed);
        let missed: Vec<(Holding, bool)> =
            claims.iter().filter(|c| overdue(&c.build)).map(|c| (*c, begun(c.build))).collect();
        let stale: Vec<Holding> = holding.into_iter().filter(|held| !claims.contains(held)).collect();
        if missed.is_empty() && stale.is_empty() {
            return Ok(());
        }
        life.spawn(async move {
            for (Holding { build, fence }, begun) in missed {
                tracing::warn!(%build, %node, "its worker does not hold it; it is queued again");
                world.post().send(&Address::Node(node.clone()), &Void { build, fence });
                give_back(&world, build, fence, Some(&node), begun, &failure).await;
            }
            void_claims(&world, &node, &stale).await;
            Noted
        });
        Ok(())
    }
}

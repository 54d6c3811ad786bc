//! Which workers there are, as the store knows them: those whose home is another server, or was.

use std::collections::HashSet;

use chrono::TimeDelta;
use pikoci_model::build::Build;
use pikoci_model::id::NodeId;
use pikoci_model::port::StoreError;
use pikoci_model::worker::{WorkerProfile, WorkerState};

use super::Janitor;
use crate::server::world::World;
use crate::supervise::{Flow, Life, Receive};

/// Rows of lost workers are shown for this long.
const ROWS_KEPT: TimeDelta = TimeDelta::days(1);

/// The workers as the store knows them.
pub(super) struct Looked(pub Result<Vec<(WorkerProfile, u64)>, StoreError>);

/// Every worker that is not lost, with its renewal counter, and whoever else holds a claim. Rows of workers that were
/// lost long ago are removed.
pub(super) async fn rows(world: &World) -> Result<Vec<(WorkerProfile, u64)>, StoreError> {
    let mut known: Vec<(WorkerProfile, u64)> = Vec::new();
    let old = world.clock().now() - ROWS_KEPT;
    for row in world.store().workers().await? {
        match row.state {
            WorkerState::Lost if row.last_seen_at < old => {
                world.store().worker_gone(&row.profile.node).await?;
            }
            WorkerState::Lost => {}
            _ => known.push((row.profile, row.renewal)),
        }
    }
    let claimed = world.store().claimed_builds().await?;
    let seen: HashSet<NodeId> = known.iter().map(|(profile, _)| profile.node.clone()).collect();
    known.extend(claimed.into_iter().filter_map(|build| unknown_holder(build, &seen)));
    Ok(known)
}

/// A claim of a worker that has no row is watched all the same.
fn unknown_holder(build: Build, seen: &HashSet<NodeId>) -> Option<(WorkerProfile, u64)> {
    let claim = build.claim.filter(|claim| !seen.contains(&claim.node))?;
    let profile = WorkerProfile {
        name: build.worker.unwrap_or_default(),
        node: claim.node,
        incarnation: claim.incarnation,
        hostname: String::new(),
        os: String::new(),
        arch: String::new(),
        version: String::new(),
        slots: 0,
        check_slots: 0,
        tags: Vec::new(),
        exclusive_tags: false,
        takes_builds: false,
        takes_checks: false,
        team: None,
        started_at: build.created_at,
        warnings: Vec::new(),
    };
    Some((profile, 0))
}

impl Receive<Looked> for Janitor {
    fn receive(&mut self, Looked(looked): Looked, _: &mut Life<'_, Self>) -> Flow {
        self.looking = false;
        match looked {
            Ok(rows) => {
                let now = self.now();
                for (profile, renewal) in rows {
                    let draining = self.workers.get(&profile.node).is_some_and(|w| w.pulse.draining);
                    let watched = self.watch(&profile.node, &profile.name, renewal, draining);
                    watched.name = profile.name;
                    watched.pulse.beat(renewal, now);
                }
            }
            Err(error) => {
                tracing::warn!("workers cannot be read: {error}");
                self.be_patient();
            }
        }
        Ok(())
    }
}

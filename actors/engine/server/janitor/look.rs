//! Which workers there are, as the store knows them: those whose home is another server, or was.

use std::collections::HashSet;

use chrono::TimeDelta;
use pikoci_model::build::Build;
use pikoci_model::id::NodeId;
use pikoci_model::port::StoreError;
use pikoci_model::worker::{WorkerProfile, WorkerState};

use super::{Janitor, Noted};
use crate::server::dispatcher::Gone;
use crate::server::world::World;
use crate::supervise::{Flow, Life, Receive};

/// Rows of lost workers are shown for this long.
const ROWS_KEPT: TimeDelta = TimeDelta::days(1);

/// The workers as the store knows them.
pub(super) struct Looked(pub Result<Vec<Known>, StoreError>);

/// One of them.
pub(super) struct Known {
    profile: WorkerProfile,
    /// None if it has no row.
    home: Option<NodeId>,
    renewal: u64,
}

/// Every worker that is not lost, and whoever else holds a claim. Rows of workers that were lost long ago are removed.
pub(super) async fn rows(world: &World) -> Result<Vec<Known>, StoreError> {
    let mut known: Vec<Known> = Vec::new();
    let old = world.clock().now() - ROWS_KEPT;
    for row in world.store().workers().await? {
        match row.state {
            WorkerState::Lost if row.last_seen_at < old => {
                world.store().worker_gone(&row.profile.node).await?;
            }
            WorkerState::Lost => {}
            _ => known.push(Known { profile: row.profile, home: Some(row.home), renewal: row.renewal }),
        }
    }
    let claimed = world.store().claimed_builds().await?;
    let seen: HashSet<NodeId> = known.iter().map(|known| known.profile.node.clone()).collect();
    known.extend(claimed.into_iter().filter_map(|build| unknown_holder(build, &seen)));
    Ok(known)
}

/// A claim of a worker that has no row is watched all the same.
fn unknown_holder(build: Build, seen: &HashSet<NodeId>) -> Option<Known> {
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
    Some(Known { profile, home: None, renewal: 0 })
}

impl Receive<Looked> for Janitor {
    fn receive(&mut self, Looked(looked): Looked, life: &mut Life<'_, Self>) -> Flow {
        self.looking = false;
        match looked {
            Ok(rows) => {
                self.forget_others(&rows);
                for known in rows {
                    self.take_note(known, life);
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

impl Janitor {
    /// Workers of other servers that these have taken leave of.
    fn forget_others(&mut self, rows: &[Known]) {
        let found: HashSet<&NodeId> = rows.iter().map(|known| &known.profile.node).collect();
        self.workers.retain(|node, watched| watched.mine || watched.sweeping || found.contains(node));
    }

    fn take_note(&mut self, known: Known, life: &mut Life<'_, Self>) {
        let Known { profile, home, renewal } = known;
        let (now, me) = (self.now(), self.world.post().node().clone());
        let renew_every = self.world.settings().leases.renew_every;
        let draining = self.workers.get(&profile.node).is_some_and(|w| w.pulse.draining);
        let watched = self.watch(&profile.node, &profile.name, renewal, draining);
        watched.name.clone_from(&profile.name);
        watched.pulse.beat(renewal, now);
        let home = home.unwrap_or_else(|| NodeId(String::new()));
        let just_heard = watched.heard.is_some_and(|heard| now.saturating_sub(heard) <= 2 * renew_every);
        if home == watched.home {
            return;
        }
        if watched.home == me && just_heard {
            // It renews here, whatever another server wrote that had also taken it in.
            let world = self.world.clone();
            life.spawn(async move {
                let at = world.clock().now();
                if let Err(error) = world.store().worker_announced(&profile, world.post().node(), at).await {
                    tracing::warn!(node = %profile.node, "worker cannot be stored: {error}");
                }
                Noted
            });
            return;
        }
        watched.home = home;
        if watched.heard.take().is_some() {
            // It has gone to another server; what it is offered comes from there.
            self.world.with_doors(|doors| drop(doors.dispatcher.tell(Gone(profile.node))));
        }
    }
}

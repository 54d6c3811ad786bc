//! What becomes of the work of a worker that is gone, and of claims that are not a worker's any more.

use pikoci_model::build::{Build, Phase};
use pikoci_model::check::CheckOutcome;
use pikoci_model::id::{BuildId, Fence, Incarnation, NodeId};
use pikoci_model::message::{Holding, Void};
use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::port::store::Requeued as RequeueAnswer;
use pikoci_model::port::{Address, StoreError};
use pikoci_model::worker::WorkerState;

use super::claim::{check_again, go_again};
use super::dispatcher::{CheckEnded, Freed, Requeued};
use super::pipelines::CheckAsked;
use super::trackers::Adopt;
use super::world::World;

/// Why a build ends that may not run again elsewhere.
pub(super) fn worker_lost(name: &str) -> Failure {
    Failure::coded(RunCode::R130, format!("worker \"{name}\" was lost"))
}

/// Takes everything back that a worker has.
pub(super) async fn sweep(
    world: &World,
    node: &NodeId,
    lost: bool,
    failure: &Failure,
) -> Result<(), StoreError> {
    for build in world.store().held_by(node).await? {
        let Some(claim) = &build.claim else { continue };
        world.post().send(&Address::Node(node.clone()), &Void { build: build.id, fence: claim.fence });
        requeue(world, build.id, claim.fence, Some(node), lost, failure).await?;
    }
    for (resource, lease) in world.store().checks_held_by(node).await? {
        let now = world.clock().now();
        let outcome = CheckOutcome { result: Err(failure.clone()), log: String::new() };
        let recorded = world.store().record_check(resource, lease, &outcome, now, Some(now)).await?;
        world.with_doors(|doors| {
            let _ = doors.dispatcher.tell(CheckEnded { resource, lease });
            if let Some(recorded) = &recorded {
                let _ = doors.pipelines.tell(CheckAsked(recorded.pipeline));
            }
        });
    }
    if lost {
        world.store().worker_state(node, WorkerState::Lost).await
    } else {
        world.store().worker_gone(node).await
    }
}

/// As [`requeue`]; a fault of the store is for the log, the next renewal shows the same picture again.
pub(super) async fn give_back(
    world: &World,
    build: BuildId,
    fence: Fence,
    node: Option<&NodeId>,
    counts: bool,
    failure: &Failure,
) {
    if let Err(error) = requeue(world, build, fence, node, counts, failure).await {
        tracing::warn!(%build, "cannot be queued again: {error}");
    }
}

async fn requeue(
    world: &World,
    build: BuildId,
    fence: Fence,
    node: Option<&NodeId>,
    counts: bool,
    failure: &Failure,
) -> Result<(), StoreError> {
    let at = world.clock().now();
    let ended = if world.stopping() && world.settings().fail_builds_at_stop {
        world.store().fail_claimed(build, fence, failure, at).await?;
        RequeueAnswer::Failed
    } else {
        world.store().requeue(build, fence, counts, failure, at).await?
    };
    if ended == RequeueAnswer::Void {
        return Ok(());
    }
    world.with_doors(|doors| {
        let _ = doors.dispatcher.tell(Freed { build, node: node.cloned() });
        if ended == RequeueAnswer::Queued {
            let _ = doors.dispatcher.tell(Requeued(build));
        }
    });
    if let Some(row) = world.store().build(build).await? {
        world.ring_build(row.pipeline, build);
    }
    Ok(())
}

/// Tells a worker that has just come which of the builds it holds are not its own any more, adopts the others, and says
/// go again for what it should have and does not: the server that was its home may be gone with the first one.
pub(super) async fn take_over(world: &World, node: &NodeId, incarnation: Incarnation, holding: &[Holding]) {
    let claimed = match world.store().held_by(node).await {
        Ok(claimed) => claimed,
        Err(error) => return tracing::warn!(%node, "claims cannot be read: {error}"),
    };
    let claimed: Vec<(Holding, Build)> = claimed
        .into_iter()
        .filter_map(|row| {
            let claim = row.claim.as_ref().filter(|claim| claim.incarnation == incarnation)?;
            Some((Holding { build: row.id, fence: claim.fence }, row))
        })
        .collect();
    let (own, stale): (Vec<Holding>, Vec<Holding>) =
        holding.iter().partition(|held| claimed.iter().any(|(claim, _)| claim == *held));
    world.with_doors(|doors| {
        for Holding { build, fence } in own {
            let _ = doors.trackers.tell(Adopt { build, fence, node: node.clone() });
        }
    });
    void_claims(world, node, &stale).await;
    for (claim, row) in &claimed {
        if row.phase == Phase::Claimed && !holding.contains(claim) {
            go_again(world, row).await;
        }
    }
    if let Err(error) = check_again(world, node, incarnation).await {
        tracing::warn!(%node, "checks cannot be read: {error}");
    }
}

/// A claim that the store does not know as this worker's is void, unless the build is done under it: then only its
/// last events are on their way.
pub(super) async fn void_claims(world: &World, node: &NodeId, stale: &[Holding]) {
    for Holding { build, fence } in stale.iter().copied() {
        match world.store().build(build).await {
            Ok(Some(row)) if row.claim.as_ref().is_some_and(|claim| claim.fence == fence) => {}
            Ok(_) => world.post().send(&Address::Node(node.clone()), &Void { build, fence }),
            Err(error) => tracing::warn!(%build, "cannot be read: {error}"),
        }
    }
}

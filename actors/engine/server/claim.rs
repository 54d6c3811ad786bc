//! From acceptance to go: the one conditional write that makes work a worker's, and the plan that goes out.

use std::sync::Arc;

use chrono::TimeDelta;
use pikoci_model::build::{Build, Waiting};
use pikoci_model::id::{BuildId, Incarnation, NodeId, ResourceId};
use pikoci_model::message::{GoBuild, GoCheck, OfferId};
use pikoci_model::outcome::Failure;
use pikoci_model::plan::CheckPlan;
use pikoci_model::port::store::{ClaimAnswer, ClaimRequest, ClaimedBuild, ResourceRow};
use pikoci_model::port::{Address, StoreError};

use super::dispatcher::CHECK_MARGIN;
use super::trackers::Begin;
use super::world::World;
use crate::decide::due::{Due, due};
use crate::decide::plan::{CheckParts, build_plan, check_plan};

/// An offer that a worker accepted.
#[derive(Debug, Clone)]
pub(crate) struct ClaimedOffer {
    pub(crate) offer: OfferId,
    pub(crate) node: NodeId,
    pub(crate) incarnation: Incarnation,
    pub(crate) worker: String,
}

/// What came of it.
pub(crate) enum Outcome {
    /// The build is the worker's and the go was sent.
    Going { offer: OfferId, begin: Box<Begin> },
    /// The check is the worker's and the go was sent.
    Checking { offer: OfferId, node: NodeId, go: Arc<GoCheck> },
    /// The build is not the worker's; `again`: it is still queued.
    NoBuild { offer: OfferId, node: NodeId, again: bool, waiting: Option<Waiting> },
    /// The check is not the worker's.
    NoCheck { offer: OfferId, node: NodeId },
}

/// Claims a build and sends the go.
pub(crate) async fn claim_build(world: World, taken: ClaimedOffer, build: BuildId) -> Outcome {
    let ClaimedOffer { offer, node, incarnation, worker } = taken;
    let random = uuid::Uuid::new_v4().as_fields().0;
    let request = ClaimRequest { build, node: node.clone(), incarnation, worker, random };
    let (again, waiting) = match world.store().claim(&request).await {
        Ok(ClaimAnswer::Claimed(claimed)) => match go(&world, offer, incarnation, &claimed) {
            Ok(go) => {
                world.post().send(&Address::Node(node.clone()), &go);
                let begin = Begin { row: claimed.build, go: Arc::new(go), node };
                return Outcome::Going { offer, begin: Box::new(begin) };
            }
            Err(failure) => {
                give_up(&world, &claimed, &failure).await;
                (false, None)
            }
        },
        Ok(ClaimAnswer::Gone) => (false, None),
        Ok(ClaimAnswer::MustWait(waiting)) => (true, Some(waiting)),
        Err(error) => {
            tracing::warn!(%build, "cannot be claimed: {error}");
            (true, None)
        }
    };
    Outcome::NoBuild { offer, node, again, waiting }
}

fn go(
    world: &World,
    offer: OfferId,
    incarnation: Incarnation,
    claimed: &ClaimedBuild,
) -> Result<GoBuild, Failure> {
    let (build, parts) = (&claimed.build, &claimed.parts);
    let claim = build.claim.as_ref().ok_or_else(|| Failure::plain("the claimed build has no claim"))?;
    let url = world.build_url(&parts.team, &parts.pipeline, build);
    let plan = build_plan(claimed, claim.fence, url)?;
    Ok(GoBuild { offer, incarnation, tracker: world.post().node().clone(), plan })
}

/// Says go once more for a claim whose go may never have arrived, as when the server that claimed it is gone. A worker
/// that has it ignores it.
pub(super) async fn go_again(world: &World, row: &Build) {
    let Some(claim) = &row.claim else { return };
    let request = ClaimRequest {
        build: row.id,
        node: claim.node.clone(),
        incarnation: claim.incarnation,
        worker: row.worker.clone().unwrap_or_default(),
        random: claim.fence.random(),
    };
    match world.store().claim(&request).await {
        Ok(ClaimAnswer::Claimed(claimed)) => match go(world, unasked(), claim.incarnation, &claimed) {
            Ok(go) => {
                tracing::info!(build = %row.id, node = %claim.node, "go once more");
                world.post().send(&Address::Node(claim.node.clone()), &go);
                let begin = Begin { row: claimed.build, go: Arc::new(go), node: request.node };
                world.with_doors(|doors| drop(doors.trackers.tell(begin)));
            }
            Err(failure) => give_up(world, &claimed, &failure).await,
        },
        Ok(ClaimAnswer::Gone | ClaimAnswer::MustWait(_)) => {}
        Err(error) => tracing::warn!(build = %row.id, "cannot be read: {error}"),
    }
}

/// Work that was offered by somebody else.
fn unasked() -> OfferId {
    OfferId(uuid::Uuid::new_v4())
}

/// The same for the checks that a worker runs or should run.
pub(super) async fn check_again(
    world: &World,
    node: &NodeId,
    incarnation: Incarnation,
) -> Result<(), StoreError> {
    for (resource, number) in world.store().checks_held_by(node).await? {
        let Some(row) = world.store().resource_by_id(resource).await? else { continue };
        if let Some(Ok(plan)) = plan_of(world, &row, number).await? {
            let go = GoCheck { offer: unasked(), incarnation, plan };
            world.post().send(&Address::Node(node.clone()), &go);
        }
    }
    Ok(())
}

/// A build whose plan cannot be made ends as failed.
async fn give_up(world: &World, claimed: &ClaimedBuild, failure: &Failure) {
    let build = &claimed.build;
    tracing::error!(build = %build.id, "cannot be planned: {failure}");
    if let Some(claim) = &build.claim {
        let ended = world.store().fail_claimed(build.id, claim.fence, failure, world.clock().now()).await;
        if let Err(error) = ended {
            tracing::error!(build = %build.id, "cannot be ended: {error}");
        }
    }
    world.ring_build(build.pipeline, build.id);
}

/// Leases a check and sends the go.
pub(crate) async fn lease_check(world: World, taken: ClaimedOffer, resource: ResourceId) -> Outcome {
    let offer = taken.offer;
    match leased(&world, &taken, resource).await {
        Ok(Some(go)) => {
            world.post().send(&Address::Node(taken.node.clone()), &go);
            Outcome::Checking { offer, node: taken.node, go: Arc::new(go) }
        }
        Ok(None) => Outcome::NoCheck { offer, node: taken.node },
        Err(error) => {
            tracing::warn!(%resource, "check cannot be leased: {error}");
            Outcome::NoCheck { offer, node: taken.node }
        }
    }
}

async fn leased(
    world: &World,
    taken: &ClaimedOffer,
    resource: ResourceId,
) -> Result<Option<GoCheck>, StoreError> {
    let (store, now) = (world.store(), world.clock().now());
    let Some(row) = store.resource_by_id(resource).await? else { return Ok(None) };
    if due(&row, now) != Due::Now {
        return Ok(None);
    }
    let limit = world.settings().check_limit + CHECK_MARGIN;
    let until = now + TimeDelta::from_std(limit).unwrap_or(TimeDelta::MAX);
    let Some(lease) = store.lease_check(resource, &taken.node, now, until).await? else { return Ok(None) };
    match plan_of(world, &row, lease.number).await? {
        None => Ok(None),
        Some(Ok(plan)) => Ok(Some(GoCheck { offer: taken.offer, incarnation: taken.incarnation, plan })),
        Some(Err(failure)) => {
            let outcome = pikoci_model::check::CheckOutcome { result: Err(failure), log: String::new() };
            store.record_check(resource, lease.number, &outcome, now, None).await?;
            Ok(None)
        }
    }
}

/// What to run for a check under this lease; none if its pipeline is gone.
async fn plan_of(
    world: &World,
    row: &ResourceRow,
    lease: i64,
) -> Result<Option<Result<CheckPlan, Failure>>, StoreError> {
    let store = world.store();
    let Some(pipeline) = store.pipeline_by_id(row.pipeline).await? else { return Ok(None) };
    let Some(revision) = store.revision(pipeline.revision).await? else { return Ok(None) };
    let (_, given_secrets) = store.given_values(row.pipeline).await?;
    Ok(Some(check_plan(CheckParts {
        definition: &revision.compiled,
        canonical: &row.canonical,
        id: row.id,
        lease,
        team: &pipeline.team_canonical,
        pipeline: &pipeline.canonical,
        latest: row.latest.clone().map(|version| version.value),
        given_secrets: &given_secrets,
    })))
}

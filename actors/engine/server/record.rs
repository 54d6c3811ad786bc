//! Stores a batch of events: log first, then the effects with the last number.

use std::time::Duration;

use pikoci_model::build::{Build, BuildEvent};
use pikoci_model::id::{BuildId, Fence};
use pikoci_model::log::Chunk;
use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::pipeline::OnWorkerLoss;
use pikoci_model::port::store::{BuildUpdate, Recorded, Requeued};
use pikoci_model::port::{StoreError, Topic};

use super::service_meter::ServiceNews;
use super::world::World;

/// Pauses while the store is down: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Contiguous events of one claim.
pub(crate) struct Batch {
    pub(crate) build: BuildId,
    pub(crate) fence: Fence,
    pub(crate) run: u32,
    /// Number of the last one.
    pub(crate) through: u64,
    pub(crate) events: Vec<(u64, BuildEvent)>,
}

/// What storing a batch did.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// All of it is stored.
    Stored {
        /// The row afterwards, if the batch held more than log.
        row: Option<Box<Build>>,
        /// Something changed that lists show.
        states: bool,
        /// A put created a new version.
        versions: bool,
        /// The status was fixed as one that passes.
        passed: bool,
        /// The build is done.
        ended: bool,
        /// The build was handed back and left its claim.
        requeued: bool,
    },
    /// The claim is void.
    Void,
}

impl Effect {
    /// Nothing but log was stored.
    const NOTHING_BUT_LOG: Self = Self::Stored {
        row: None,
        states: false,
        versions: false,
        passed: false,
        ended: false,
        requeued: false,
    };

    /// What both did.
    fn and(self, later: Self) -> Self {
        match (self, later) {
            (
                Self::Stored { row: before, states: a, versions: b, passed: c, ended: d, requeued: e },
                Self::Stored { row, states, versions, passed, ended, requeued },
            ) => Self::Stored {
                row: row.or(before),
                states: states || a,
                versions: versions || b,
                passed: passed || c,
                ended: ended || d,
                requeued: requeued || e,
            },
            _ => Self::Void,
        }
    }
}

/// Stores the batch; while the store is down it tries again.
///
/// Log is stored before the number of any event behind it. What lies before the first log is stored beside it: who
/// follows the log waits for both, and sees no line of a step that is not there yet.
///
/// # Errors
/// What trying again does not help.
pub(crate) async fn record(world: &World, batch: Batch) -> Result<Effect, StoreError> {
    let Batch { build, fence, run, through, events: mut before } = batch;
    let is_log = |(_, event): &(u64, BuildEvent)| matches!(event, BuildEvent::Log(_));
    let behind = before.split_off(before.iter().position(is_log).unwrap_or(before.len()));
    let between = behind.first().map_or(through, |(number, _)| number - 1);
    let (mut log, mut after) = (Vec::new(), Vec::new());
    for (number, event) in behind {
        match event {
            BuildEvent::Log(chunk) => log.push((number, chunk)),
            event => after.push(event),
        }
    }
    let before = before.into_iter().map(|(_, event)| event).collect();
    let claim = (build, fence);
    let (stored, logged) =
        tokio::join!(record_states(world, claim, between, before), append(world, claim, run, &log));
    logged?;
    let stored = stored?;
    if !log.is_empty() {
        // Who follows the log need not wait for the rest.
        world.ring(Topic::Build(build));
    }
    Ok(if after.is_empty() { stored } else { stored.and(record_states(world, claim, through, after).await?) })
}

/// Stores everything but log.
async fn record_states(
    world: &World,
    (build, fence): (BuildId, Fence),
    through: u64,
    states: Vec<BuildEvent>,
) -> Result<Effect, StoreError> {
    if states.is_empty() {
        return Ok(Effect::NOTHING_BUT_LOG);
    }
    let fixed = states.iter().any(|event| matches!(event, BuildEvent::Concluded { .. }));
    let ended = states.iter().any(|event| matches!(event, BuildEvent::Finished { .. }));
    let given_back =
        states.iter().any(|event| matches!(event, BuildEvent::HandedBack { .. } | BuildEvent::Lost { .. }));
    let lost = states.iter().any(|event| matches!(event, BuildEvent::Lost { .. }));
    let shown = fixed || ended || given_back || states.iter().any(is_shown);
    let services = ServiceNews::of(&states);
    let update = BuildUpdate { build, fence, through, events: states, at: world.clock().now() };
    let (row, created) = match insist(async || world.store().record_events(update.clone()).await).await? {
        Recorded::Void => return Ok(Effect::Void),
        Recorded::Stored { build, created } => (build, created),
    };
    world.services().count(&services);
    if lost {
        run_again(world, &row, fence).await?;
    } else if given_back {
        hand_back(world, &row, fence).await?;
    }
    Ok(Effect::Stored {
        passed: fixed && row.status.passes(),
        row: Some(row),
        states: shown,
        versions: created.iter().any(|(_, _, new)| *new),
        ended,
        requeued: given_back,
    })
}

/// Steps and services are shown on the build's page only; a phase or a start in lists as well.
fn is_shown(event: &BuildEvent) -> bool {
    matches!(
        event,
        BuildEvent::Started { .. }
            | BuildEvent::Phase(_)
            | BuildEvent::Created { .. }
            | BuildEvent::Stuck { .. }
    )
}

async fn append(
    world: &World,
    (build, fence): (BuildId, Fence),
    run: u32,
    log: &[(u64, Chunk)],
) -> Result<(), StoreError> {
    if log.is_empty() {
        return Ok(());
    }
    insist(async || world.store().append_log(build, run, fence, log).await).await.map(drop)
}

/// A build whose worker stopped goes back to the queue, without using up a run; where the store does not outlive the
/// server, and the server stops too, it has failed.
async fn hand_back(world: &World, row: &Build, fence: Fence) -> Result<(), StoreError> {
    let (build, failure, at) = (row.id, worker_stopped(), world.clock().now());
    let no_later = world.stopping() && world.settings().fail_builds_at_stop;
    if no_later || fails_on_loss(world, row).await? {
        return insist(async || world.store().fail_claimed(build, fence, &failure, at).await).await.map(drop);
    }
    let requeued = insist(async || world.store().requeue(build, fence, false, &failure, at).await).await?;
    if requeued == Requeued::Void {
        tracing::debug!(%build, "handed back under a void claim");
    }
    Ok(())
}

/// A build whose shim was lost runs again, as after the loss of its worker, or has failed.
async fn run_again(world: &World, row: &Build, fence: Fence) -> Result<(), StoreError> {
    let failure = Failure::coded(RunCode::R132, "the build's shim was lost");
    let (build, at) = (row.id, world.clock().now());
    if world.stopping() && world.settings().fail_builds_at_stop {
        return insist(async || world.store().fail_claimed(build, fence, &failure, at).await).await.map(drop);
    }
    let again = insist(async || world.store().requeue(build, fence, true, &failure, at).await).await?;
    tracing::warn!(%build, ?again, "{failure}");
    Ok(())
}

/// Whether the job says that a build whose worker goes away has failed.
async fn fails_on_loss(world: &World, row: &Build) -> Result<bool, StoreError> {
    let revision = insist(async || world.store().revision(row.revision).await).await?;
    let job = revision.as_ref().and_then(|revision| revision.compiled.job(&row.job_name));
    Ok(job.is_some_and(|job| job.on_worker_loss == OnWorkerLoss::Fail))
}

/// Why a build ends when its worker stops and it may not run again.
pub(crate) fn worker_stopped() -> Failure {
    Failure::coded(RunCode::R131, "the worker was stopped while the build ran")
}

/// Tries until the store answers, with growing pauses.
async fn insist<T>(mut act: impl AsyncFnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let mut pause = PAUSES.0;
    loop {
        match act().await {
            Err(error) if error.is_passing() => {
                tracing::warn!("{error}; trying again in {pause:?}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
            answer => return answer,
        }
    }
}

//! Ends that a worker does not report: cancel, loss, failure.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pikoci_model::{
    build::{BuildStatus, Phase},
    id::{BuildId, Fence},
    outcome::Failure,
    port::store::{CancelRequest, Requeued},
};

use super::{
    read,
    row::{Stored, update},
    stops,
};
use crate::{
    error::Fault,
    pipelines::raise,
    writer::{Command, Tx},
};

pub(crate) struct RequestCancel {
    pub build: BuildId,
    pub reason: String,
    pub at: DateTime<Utc>,
}

#[async_trait]
impl Command for RequestCancel {
    type Answer = CancelRequest;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<CancelRequest, Fault> {
        cancel(tx, self.build, &self.reason, self.at).await
    }
}

/// Asks for a build's end.
pub(crate) async fn cancel(
    tx: &mut Tx<'_>,
    build: BuildId,
    reason: &str,
    at: DateTime<Utc>,
) -> Result<CancelRequest, Fault> {
    let Some(mut stored) = read::for_change(tx, build).await? else { return Ok(CancelRequest::Unknown) };
    let answer = stored.build.cancel(reason, at);
    if !matches!(answer, CancelRequest::TooLate(_)) {
        update(tx, &stored)?;
    }
    Ok(answer)
}

pub(crate) struct Requeue {
    pub build: BuildId,
    pub fence: Fence,
    pub counts: bool,
    pub failure: Failure,
    pub at: DateTime<Utc>,
}

#[async_trait]
impl Command for Requeue {
    type Answer = Requeued;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Requeued, Fault> {
        tx.lock_pipeline_of(self.build).await?;
        let Some(mut stored) = held_under(tx, self.build, self.fence).await? else {
            return Ok(Requeued::Void);
        };
        let definition = tx.definition(stored.build.revision).await?;
        let on_loss = definition.job(&stored.build.job_name)?.on_worker_loss;
        if self.counts {
            stops::lose(tx, &stored).await?;
        }
        let answer = stored.build.give_back(self.counts, on_loss, &self.failure, self.at);
        update(tx, &stored)?;
        if answer == Requeued::Queued {
            forget_run(tx, &stored);
            raise(tx, stored.build.pipeline);
        }
        Ok(answer)
    }
}

/// What an earlier worker reported of the run that begins (again); what is owed stays.
fn forget_run(tx: &mut Tx<'_>, stored: &Stored) {
    let (build, run) = (stored.build.id.0, stored.build.run);
    for statement in [
        "DELETE FROM steps WHERE build_id = ? AND run = ?",
        "DELETE FROM services WHERE build_id = ? AND run = ? AND state NOT IN ('stop_failed', 'stop_pending')",
    ] {
        tx.add(statement).bind(build).bind(run);
    }
}

pub(crate) struct FailClaimed {
    pub build: BuildId,
    pub fence: Fence,
    pub failure: Failure,
    pub at: DateTime<Utc>,
}

#[async_trait]
impl Command for FailClaimed {
    type Answer = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Fault> {
        let stored = held_under(tx, self.build, self.fence).await?;
        let Some(mut stored) = stored.filter(|stored| stored.build.phase != Phase::Done) else {
            return Ok(false);
        };
        stored.build.end(BuildStatus::Failed, Some(self.failure.clone()), self.at);
        update(tx, &stored)?;
        Ok(true)
    }
}

async fn held_under(tx: &mut Tx<'_>, build: BuildId, fence: Fence) -> Result<Option<Stored>, Fault> {
    Ok(read::for_change(tx, build).await?.filter(|stored| stored.is_under(fence)))
}

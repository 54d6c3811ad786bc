//! Claims: one conditional write, with everything the plan is made of.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use pikoci_model::{
    build::{Build, BuildStatus, Claim, Phase, Waiting},
    id::{BuildId, Fence, JobId, RevisionId},
    pipeline::Job,
    port::store::{ClaimAnswer, ClaimRequest, ClaimedBuild, PlanParts},
};

use super::{
    read::{self, versions},
    row::update,
};
use crate::{
    definitions::Definition,
    error::Fault,
    field::get,
    pipelines::{awaited, given_secrets},
    sql::query,
    writer::{Command, Tx},
};

pub(crate) struct ClaimBuild(pub ClaimRequest);

#[async_trait]
impl Command for ClaimBuild {
    type Answer = ClaimAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ClaimAnswer, Fault> {
        self.lock(tx).await?;
        let Some(mut stored) = read::for_change(tx, self.0.build).await? else {
            return Ok(ClaimAnswer::Gone);
        };
        let again = self.0.made(&stored.build);
        if !again && stored.build.phase != Phase::Queued {
            return Ok(ClaimAnswer::Gone);
        }
        let definition = tx.definition(stored.build.revision).await?;
        if again {
            let parts = plan_parts(tx, &stored.build, &definition).await?;
            return Ok(ClaimAnswer::Claimed(Box::new(ClaimedBuild { build: stored.build, parts })));
        }
        if let Some(waiting) = must_wait(tx, &stored.build, &definition).await? {
            return Ok(ClaimAnswer::MustWait(waiting));
        }
        stored.claims += 1;
        stored.build.status = BuildStatus::Started;
        stored.build.phase = Phase::Claimed;
        stored.build.worker = Some(self.0.worker.clone());
        stored.build.claim = Some(Claim {
            node: self.0.node.clone(),
            incarnation: self.0.incarnation,
            fence: Fence::new(stored.claims, self.0.random),
        });
        update(tx, &stored)?;
        let parts = plan_parts(tx, &stored.build, &definition).await?;
        Ok(ClaimAnswer::Claimed(Box::new(ClaimedBuild { build: stored.build, parts })))
    }
}

impl ClaimBuild {
    /// Where others claim too, builds whose job has limits are claimed one after the other in a pipeline; the rest wait
    /// for nobody.
    async fn lock(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        if !tx.is_shared() {
            return Ok(());
        }
        let Some(seen) = read::stored(tx.conn().await?, self.0.build).await? else { return Ok(()) };
        let definition = tx.definition(seen.build.revision).await?;
        let job = definition.job(&seen.build.job_name)?;
        if job.concurrency > 0 || !job.serial_groups.is_empty() {
            tx.lock_pipeline(seen.build.pipeline).await?;
        }
        Ok(())
    }
}

/// What forbids it now: a version that is awaited, the job's limit, another job of a serial group.
async fn must_wait(
    tx: &mut Tx<'_>,
    build: &Build,
    definition: &Definition,
) -> Result<Option<Waiting>, Fault> {
    let job = definition.job(&build.job_name)?;
    if let Some(resource) = awaited(job, &build.versions) {
        return Ok(Some(Waiting::NoVersion { resource: resource.to_owned() }));
    }
    if job.concurrency == 0 && job.serial_groups.is_empty() {
        return Ok(None);
    }
    let held = held(tx, build).await?;
    let same: Vec<BuildId> =
        held.iter().filter(|held| held.job == build.job).map(|held| held.build).collect();
    if job.concurrency > 0 && same.len() >= job.concurrency as usize {
        return Ok(Some(Waiting::Concurrency { limit: job.concurrency, held_by: same }));
    }
    for other in held.iter().filter(|held| held.job != build.job) {
        let theirs = tx.definition(other.revision).await?;
        if let Some(group) = shared_group(job, theirs.job(&other.job_name)?) {
            return Ok(Some(Waiting::SerialGroup { group, held_by: other.build }));
        }
    }
    Ok(None)
}

fn shared_group(job: &Job, other: &Job) -> Option<String> {
    job.serial_groups.iter().find(|group| other.serial_groups.contains(group)).cloned()
}

struct Held {
    build: BuildId,
    job: JobId,
    job_name: String,
    revision: RevisionId,
}

async fn held(tx: &mut Tx<'_>, build: &Build) -> Result<Vec<Held>, Fault> {
    let rows = query(
        "SELECT id, job_id, job_name, revision_id FROM builds WHERE pipeline_id = ? AND stage = 1 ORDER BY id",
    )
    .bind(build.pipeline.0)
    .fetch_all(tx.conn().await?)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Held {
                build: BuildId(get(row, 0)?),
                job: JobId(get(row, 1)?),
                job_name: get(row, 2)?,
                revision: RevisionId(get(row, 3)?),
            })
        })
        .collect()
}

async fn plan_parts(
    tx: &mut Tx<'_>,
    build: &Build,
    definition: &Arc<Definition>,
) -> Result<PlanParts, Fault> {
    let has_secrets = definition.row.compiled.variables.iter().any(|variable| variable.secret);
    let key = &tx.shared.key;
    let given_secrets = if has_secrets {
        given_secrets(tx.conn().await?, key, build.pipeline).await?
    } else {
        BTreeMap::new()
    };
    let versions = if build.versions.is_empty() {
        BTreeMap::new()
    } else {
        versions(tx.conn().await?, build.id).await?
    };
    Ok(PlanParts {
        team: definition.team.clone(),
        pipeline: definition.pipeline.clone(),
        definition: definition.row.compiled.clone(),
        resources: definition.resources.clone(),
        versions,
        given_secrets,
    })
}

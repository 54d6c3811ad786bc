//! Inserting builds, and changing those that are queued.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pikoci_model::{
    build::{Build, BuildStatus, BuildVersion, Cause, Phase},
    id::{BuildId, BuildNumber, PipelineId},
    outcome::Failure,
    scheduling::{InsertedBuild, NewBuild},
};

use super::{
    read,
    row::{Stored, cause_key, fix_versions, insert, update},
};
use crate::{
    error::Fault,
    field::{get, micros},
    writer::Tx,
};

/// Inserts a build, unless its job has one of the same cause.
pub(crate) async fn insert_build(tx: &mut Tx<'_>, new: &NewBuild) -> Result<InsertedBuild, Fault> {
    let Job { pipeline, name: job_name, last_number } = match look(tx, new).await? {
        Found::Known(known) => return Ok(known),
        Found::Job(job) => job,
    };
    let number = number(tx, new, last_number).await?;
    let build = Build {
        id: BuildId(0),
        pipeline,
        job: new.job,
        job_name,
        revision: new.revision,
        number,
        status: BuildStatus::Pending,
        phase: Phase::Queued,
        failure: None,
        cause: new.cause.clone(),
        versions: new.versions.clone(),
        inputs: new.inputs.clone(),
        run: 1,
        claim: None,
        worker: None,
        cancel_requested: None,
        events_through: 0,
        exports: BTreeMap::new(),
        created_at: new.created_at,
        started_at: None,
        ended_at: None,
    };
    let id = insert(tx, &build).await?;
    tx.remember(&Stored { build: Build { id, ..build }, claims: 0, counted: false });
    let touch = tx.add("UPDATE pipeline_states SET last_build_at = ? WHERE pipeline_id = ?");
    touch.bind(micros(new.created_at)).bind(pipeline.0);
    Ok(InsertedBuild { id, number, new: true })
}

/// What is there when a build is to be inserted.
enum Found {
    /// Its job has one of the same cause already.
    Known(InsertedBuild),
    /// Nothing that is in its way.
    Job(Job),
}

struct Job {
    pipeline: PipelineId,
    name: String,
    last_number: i64,
}

async fn look(tx: &mut Tx<'_>, new: &NewBuild) -> Result<Found, Fault> {
    if tx.shared.definitions.known(new.revision).is_none() {
        let definition = tx.shared.definitions.find(tx.conn().await?, new.revision).await?;
        definition.ok_or_else(|| Fault::missing("revision", new.revision))?;
    }
    tx.add(
        "SELECT j.pipeline_id, j.name, s.last_number, b.id, b.number_major, b.number_retry FROM jobs j \
         JOIN job_states s ON s.job_id = j.id LEFT JOIN builds b ON b.job_id = j.id AND b.cause_key = ? \
         WHERE j.id = ?",
    )
    .bind(cause_key(&new.cause))
    .bind(new.job.0);
    let row = tx.last().await?.row().ok_or_else(|| Fault::missing("job", new.job))?;
    if let Some(known) = get::<Option<i64>>(&row, 3)? {
        let number = BuildNumber { major: get(&row, 4)?, retry: get(&row, 5)? };
        return Ok(Found::Known(InsertedBuild { id: BuildId(known), number, new: false }));
    }
    let pipeline = PipelineId(get(&row, 0)?);
    Ok(Found::Job(Job { pipeline, name: get(&row, 1)?, last_number: get(&row, 2)? }))
}

/// The job's next number, or the next retry of the source's.
async fn number(tx: &mut Tx<'_>, new: &NewBuild, last: i64) -> Result<BuildNumber, Fault> {
    if let Cause::Retry { source, .. } = &new.cause {
        let stored = read::for_change(tx, *source).await?;
        let major = stored.ok_or_else(|| Fault::missing("build", source))?.build.number.major;
        return Ok(BuildNumber { major, retry: read::retries(tx.conn().await?, new.job, major).await? + 1 });
    }
    tx.add("UPDATE job_states SET last_number = ? WHERE job_id = ?").bind(last + 1).bind(new.job.0);
    Ok(BuildNumber::original(last + 1))
}

/// Ends a queued build that cannot run.
pub(crate) async fn fail_queued(
    tx: &mut Tx<'_>,
    build: BuildId,
    failure: &Failure,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let stored = read::for_change(tx, build).await?;
    if let Some(mut stored) = stored.filter(|stored| stored.build.phase == Phase::Queued) {
        stored.build.end(BuildStatus::Failed, Some(failure.clone()), at);
        update(tx, &stored)?;
    }
    Ok(())
}

/// Completes the versions of a queued build.
pub(crate) async fn complete(
    tx: &mut Tx<'_>,
    build: BuildId,
    versions: &BTreeMap<String, BuildVersion>,
) -> Result<(), Fault> {
    let stored = read::for_change(tx, build).await?;
    if let Some(mut stored) = stored.filter(|stored| stored.build.phase == Phase::Queued) {
        stored.build.versions.clone_from(versions);
        fix_versions(tx, &stored).await?;
    }
    Ok(())
}

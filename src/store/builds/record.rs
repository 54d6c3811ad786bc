//! Inserting builds, and changing those that are queued.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pikoci_model::{
    build::{Build, BuildStatus, BuildVersion, Cause, Phase},
    id::{BuildId, BuildNumber, JobId, PipelineId},
    outcome::Failure,
    scheduling::{InsertedBuild, NewBuild},
};

use super::{
    read,
    row::{fix_versions, insert, update},
};
use crate::{
    error::Fault,
    field::{get, micros},
    writer::Tx,
};

/// Inserts a build, unless its job has one of the same cause.
pub(crate) async fn insert_build(tx: &mut Tx<'_>, new: &NewBuild) -> Result<InsertedBuild, Fault> {
    if let Some(known) = same_cause(tx, new).await? {
        return Ok(known);
    }
    let (pipeline, job_name) = job_of(tx, new).await?;
    let number = number(tx, new).await?;
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
    let id = insert(tx.conn, &build).await?;
    let touch = sqlx::query("UPDATE pipeline_states SET last_build_at = ? WHERE pipeline_id = ?");
    touch.bind(micros(new.created_at)).bind(pipeline.0).execute(&mut *tx.conn).await?;
    Ok(InsertedBuild { id, number, new: true })
}

async fn same_cause(tx: &mut Tx<'_>, new: &NewBuild) -> Result<Option<InsertedBuild>, Fault> {
    let query =
        sqlx::query("SELECT id, number_major, number_retry FROM builds WHERE job_id = ? AND cause_key = ?");
    let row = query.bind(new.job.0).bind(new.cause.key()).fetch_optional(&mut *tx.conn).await?;
    row.map(|row| {
        let number = BuildNumber { major: get(&row, 1)?, retry: get(&row, 2)? };
        Ok(InsertedBuild { id: BuildId(get(&row, 0)?), number, new: false })
    })
    .transpose()
}

async fn job_of(tx: &mut Tx<'_>, new: &NewBuild) -> Result<(PipelineId, String), Fault> {
    let definition = tx.shared.definitions.find(tx.conn, new.revision).await?;
    definition.ok_or_else(|| Fault::missing("revision", new.revision))?;
    let query = sqlx::query("SELECT pipeline_id, name FROM jobs WHERE id = ?").bind(new.job.0);
    let row = query.fetch_optional(&mut *tx.conn).await?;
    let row = row.ok_or_else(|| Fault::missing("job", new.job))?;
    Ok((PipelineId(get(&row, 0)?), get(&row, 1)?))
}

/// The job's next number, or the next retry of the source's.
async fn number(tx: &mut Tx<'_>, new: &NewBuild) -> Result<BuildNumber, Fault> {
    if let Cause::Retry { source, .. } = &new.cause {
        let stored = read::stored(tx.conn, *source).await?;
        let major = stored.ok_or_else(|| Fault::missing("build", source))?.build.number.major;
        return Ok(BuildNumber { major, retry: read::retries(tx.conn, new.job, major).await? + 1 });
    }
    next_number(tx, new.job).await.map(BuildNumber::original)
}

async fn next_number(tx: &mut Tx<'_>, job: JobId) -> Result<i64, Fault> {
    let count = sqlx::query("UPDATE job_states SET last_number = last_number + 1 WHERE job_id = ?");
    count.bind(job.0).execute(&mut *tx.conn).await?;
    let select = sqlx::query("SELECT last_number FROM job_states WHERE job_id = ?").bind(job.0);
    get(&select.fetch_one(&mut *tx.conn).await?, 0)
}

/// Ends a queued build that cannot run.
pub(crate) async fn fail_queued(
    tx: &mut Tx<'_>,
    build: BuildId,
    failure: &Failure,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let stored = read::stored(tx.conn, build).await?;
    if let Some(mut stored) = stored.filter(|stored| stored.build.phase == Phase::Queued) {
        stored.build.end(BuildStatus::Failed, Some(failure.clone()), at);
        update(tx.conn, &stored).await?;
    }
    Ok(())
}

/// Completes the versions of a queued build.
pub(crate) async fn complete(
    tx: &mut Tx<'_>,
    build: BuildId,
    versions: &BTreeMap<String, BuildVersion>,
) -> Result<(), Fault> {
    let stored = read::stored(tx.conn, build).await?;
    if let Some(mut stored) = stored.filter(|stored| stored.build.phase == Phase::Queued) {
        stored.build.versions.clone_from(versions);
        fix_versions(tx.conn, &stored.build).await?;
    }
    Ok(())
}

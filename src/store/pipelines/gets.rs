//! The run-time rows of a job's gets, by key.

use std::collections::{BTreeMap, BTreeSet};

use pikoci_model::{
    build::BuildVersion,
    id::{JobId, PipelineId, ResourceId, VersionId},
    pipeline::{Job, Pipeline},
    step::VersionMode,
    watermark::Watermark,
};

use crate::{
    error::Fault,
    field::{get, json, text},
    resources::newest,
    sql::{Conn, query},
    upsert,
};

/// The resource whose first version is awaited.
pub(crate) fn awaited<'j>(job: &'j Job, versions: &BTreeMap<String, BuildVersion>) -> Option<&'j str> {
    job.gets().find(|get| !versions.contains_key(&*get.key)).map(|get| get.step.resource.as_str())
}

/// What is stored of a get besides its definition.
struct Mark {
    watermark: Watermark,
    newest: Option<VersionId>,
}

impl Mark {
    /// The highest version that passed all and counts.
    fn candidate(&self) -> Option<VersionId> {
        self.newest.filter(|newest| *newest > self.watermark.floor)
    }
}

/// Whether every get of the definition has its row. Earlier versions kept one row for all gets of a name.
pub(super) async fn have_rows(
    conn: &mut Conn,
    pipeline: PipelineId,
    definition: &Pipeline,
) -> Result<bool, Fault> {
    let rows =
        query("SELECT j.name, g.name FROM jobs j JOIN job_gets g ON g.job_id = j.id WHERE j.pipeline_id = ?")
            .bind(pipeline.0)
            .fetch_all(conn)
            .await?;
    let known = rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?)));
    let known = known.collect::<Result<BTreeSet<(String, String)>, Fault>>()?;
    let mut gets = definition.jobs.iter().flat_map(|job| job.gets().map(move |get| (job, get)));
    Ok(gets.all(|(job, get)| {
        known.contains(&(job.name.clone(), get.key.into_owned()))
            || definition.resource(&get.step.resource).is_none()
    }))
}

/// Brings the run-time rows of a job's gets in line with its definition.
pub(super) async fn save_gets(
    conn: &mut Conn,
    pipeline: PipelineId,
    id: JobId,
    job: &Job,
    resources: &BTreeMap<String, ResourceId>,
) -> Result<(), Fault> {
    let mut old = marks(conn, id).await?;
    for get in job.gets() {
        let Some(&resource) = resources.get(&get.step.resource) else { continue };
        let before = old.remove(&*get.key);
        let newest = newest(conn, resource).await?;
        let candidate = before.as_ref().and_then(Mark::candidate);
        let mark = Watermark::after_save(
            before.as_ref().map(|mark| &mark.watermark),
            get.step,
            resource,
            newest,
            candidate,
        );
        save_get(conn, pipeline, (id, &get.key), before, mark).await?;
    }
    for name in old.into_keys() {
        forget(conn, id, &name).await?;
    }
    Ok(())
}

async fn save_get(
    conn: &mut Conn,
    pipeline: PipelineId,
    (id, name): (JobId, &str),
    before: Option<Mark>,
    mark: Watermark,
) -> Result<(), Fault> {
    let goes_on = |old: &Mark| old.watermark.passed == mark.passed && old.watermark.resource == mark.resource;
    let newest = match before.filter(goes_on) {
        Some(old) => old.newest,
        None => {
            forget(conn, id, name).await?;
            newest_passed(conn, pipeline, &mark).await?
        }
    };
    query(upsert::PUT_GET)
        .bind(id.0)
        .bind(name)
        .bind(mark.resource.0)
        .bind(text(&mark.passed)?)
        .bind(mark.trigger)
        .bind(mark.mode == VersionMode::Every)
        .bind(mark.floor.0)
        .bind(mark.every_from.0)
        .bind(newest.map(|version| version.0))
        .execute(conn)
        .await?;
    Ok(())
}

async fn marks(conn: &mut Conn, id: JobId) -> Result<BTreeMap<String, Mark>, Fault> {
    let rows = query(
        "SELECT name, resource_id, passed, triggers, every, floor, every_from, newest FROM job_gets \
         WHERE job_id = ?",
    )
    .bind(id.0)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let every: bool = get(row, 4)?;
            let watermark = Watermark {
                resource: ResourceId(get(row, 1)?),
                passed: json(row, 2)?,
                trigger: get(row, 3)?,
                mode: if every { VersionMode::Every } else { VersionMode::Latest },
                floor: VersionId(get(row, 5)?),
                every_from: VersionId(get(row, 6)?),
            };
            let newest = get::<Option<i64>>(row, 7)?.map(VersionId);
            Ok((get(row, 0)?, Mark { watermark, newest }))
        })
        .collect()
}

/// Removes a get's row and candidates.
pub(super) async fn forget(conn: &mut Conn, id: JobId, name: &str) -> Result<(), Fault> {
    for statement in [
        "DELETE FROM candidates WHERE job_id = ? AND get_name = ?",
        "DELETE FROM job_gets WHERE job_id = ? AND name = ?",
    ] {
        query(statement).bind(id.0).bind(name).execute(conn).await?;
    }
    Ok(())
}

/// Removes the rows of all gets of a job.
pub(super) async fn forget_all(conn: &mut Conn, id: JobId) -> Result<(), Fault> {
    for statement in ["DELETE FROM candidates WHERE job_id = ?", "DELETE FROM job_gets WHERE job_id = ?"] {
        query(statement).bind(id.0).execute(conn).await?;
    }
    Ok(())
}

/// The newest version that passed all upstream jobs: searched once, when the get first appears.
async fn newest_passed(
    conn: &mut Conn,
    pipeline: PipelineId,
    mark: &Watermark,
) -> Result<Option<VersionId>, Fault> {
    let mut common: Option<BTreeSet<i64>> = None;
    for job in &mark.passed {
        let query = query(
            "SELECT p.version_id FROM jobs j JOIN passed p ON p.job_id = j.id \
             WHERE j.pipeline_id = ? AND j.name = ? AND p.resource_id = ?",
        );
        let rows = query.bind(pipeline.0).bind(job).bind(mark.resource.0).fetch_all(conn).await?;
        let passed = rows.iter().map(|row| get(row, 0)).collect::<Result<BTreeSet<i64>, Fault>>()?;
        common = Some(match common {
            Some(common) => &common & &passed,
            None => passed,
        });
    }
    Ok(common.and_then(|common| common.last().copied()).map(VersionId))
}

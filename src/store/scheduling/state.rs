//! Everything that decides which builds of a pipeline should exist: a bounded number of indexed reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use pikoci_model::{
    build::{BuildStatus, Phase},
    id::{BuildId, BuildNumber, JobId, PipelineId, ResourceId, RevisionId, StateRevision, VersionId},
    pipeline::Job,
    scheduling::{BuildBrief, GetSource, GetState, JobState, SchedulingState, UpstreamBuild},
    step::{GetStep, VersionMode},
};

use crate::{
    definitions::{Definition, Definitions},
    error::Fault,
    field::{get, json, time, word},
    sql::{Conn, Row, query},
};

/// The most versions that are given as fresh.
const FRESH: i64 = 1000;
/// The most upstream builds that are given for each job.
const UPSTREAM: i64 = 50;

/// What is stored of a get.
struct Mark {
    resource: ResourceId,
    passed: Vec<String>,
    floor: VersionId,
    /// Root: the newest of the resource. Else: the newest that passed all.
    newest: Option<VersionId>,
    newest_used: bool,
    lowest_unused: Option<VersionId>,
}

/// What is stored of a job.
struct Marks {
    id: JobId,
    gets: BTreeMap<String, Mark>,
}

pub(super) async fn read(
    conn: &mut Conn,
    definitions: &Definitions,
    pipeline: PipelineId,
) -> Result<Option<SchedulingState>, Fault> {
    let query = query(
        "SELECT s.state, p.revision_id FROM pipelines p JOIN pipeline_states s ON s.pipeline_id = p.id \
         WHERE p.id = ?",
    );
    let Some(row) = query.bind(pipeline.0).fetch_optional(conn).await? else { return Ok(None) };
    let (revision, definition) = (StateRevision(get(&row, 0)?), RevisionId(get(&row, 1)?));
    let kept: Arc<Definition> = definitions.of(conn, definition).await?;
    let marks = marks(conn, pipeline).await?;
    let mut jobs = Vec::new();
    for job in &kept.row.compiled.jobs {
        if let Some(of_job) = marks.get(&job.name) {
            jobs.push(job_state(conn, job, of_job, &marks).await?);
        }
    }
    let unfinished = unfinished(conn, pipeline).await?;
    Ok(Some(SchedulingState { pipeline, revision, definition, jobs, unfinished }))
}

async fn marks(conn: &mut Conn, pipeline: PipelineId) -> Result<BTreeMap<String, Marks>, Fault> {
    let rows = query(
        "SELECT j.id, j.name, g.name, g.resource_id, g.passed, g.floor, g.newest, \
         (SELECT MAX(v.id) FROM versions v WHERE v.resource_id = g.resource_id), \
         (SELECT c.used FROM candidates c \
          WHERE c.job_id = g.job_id AND c.get_name = g.name AND c.version_id = g.newest), \
         CASE WHEN g.every = 1 THEN (SELECT MIN(c.version_id) FROM candidates c WHERE c.job_id = g.job_id \
          AND c.get_name = g.name AND c.used = 0 AND c.version_id >= g.every_from) END \
         FROM jobs j LEFT JOIN job_gets g ON g.job_id = j.id WHERE j.pipeline_id = ? AND j.archived = 0",
    )
    .bind(pipeline.0)
    .fetch_all(conn)
    .await?;
    let mut jobs: BTreeMap<String, Marks> = BTreeMap::new();
    for row in &rows {
        let id = JobId(get(row, 0)?);
        let job = jobs.entry(get(row, 1)?).or_insert_with(|| Marks { id, gets: BTreeMap::new() });
        if let Some(name) = get::<Option<String>>(row, 2)? {
            job.gets.insert(name, mark(row)?);
        }
    }
    Ok(jobs)
}

fn mark(row: &Row) -> Result<Mark, Fault> {
    let passed: Vec<String> = json(row, 4)?;
    let newest: Option<i64> = if passed.is_empty() { get(row, 7)? } else { get(row, 6)? };
    Ok(Mark {
        resource: ResourceId(get(row, 3)?),
        passed,
        floor: VersionId(get(row, 5)?),
        newest: newest.map(VersionId),
        newest_used: get::<Option<bool>>(row, 8)?.unwrap_or(false),
        lowest_unused: get::<Option<i64>>(row, 9)?.map(VersionId),
    })
}

async fn job_state(
    conn: &mut Conn,
    job: &Job,
    of_job: &Marks,
    all: &BTreeMap<String, Marks>,
) -> Result<JobState, Fault> {
    let mut states = Vec::new();
    for get in job.gets() {
        if let Some(mark) = of_job.gets.get(&*get.key) {
            states.push(get_state(conn, &get.key, get.step, mark).await?);
        }
    }
    let upstream = upstream(conn, of_job, all).await?;
    Ok(JobState {
        id: of_job.id,
        name: job.name.clone(),
        interruptible: job.interruptible,
        gets: states,
        upstream,
    })
}

async fn get_state(conn: &mut Conn, name: &str, get: &GetStep, mark: &Mark) -> Result<GetState, Fault> {
    let source = if mark.passed.is_empty() {
        let has_news = mark.newest.is_some_and(|newest| newest > mark.floor);
        let fresh = if get.trigger && has_news { fresh(conn, mark).await? } else { Vec::new() };
        GetSource::Root { fresh }
    } else {
        let highest = mark.newest.filter(|newest| *newest > mark.floor);
        GetSource::Passed {
            jobs: get.passed.clone(),
            highest: highest.map(|version| (version, mark.newest_used)),
            lowest_unused: mark.lowest_unused.filter(|_| get.mode == VersionMode::Every),
        }
    };
    Ok(GetState {
        name: name.to_owned(),
        resource: mark.resource,
        canonical: get.resource.clone(),
        trigger: get.trigger,
        mode: get.mode,
        newest: mark.newest,
        source,
    })
}

async fn fresh(conn: &mut Conn, mark: &Mark) -> Result<Vec<VersionId>, Fault> {
    let query = query("SELECT id FROM versions WHERE resource_id = ? AND id > ? ORDER BY id LIMIT ?");
    let rows = query.bind(mark.resource.0).bind(mark.floor.0).bind(FRESH).fetch_all(conn).await?;
    rows.iter().map(|row| Ok(VersionId(get(row, 0)?))).collect()
}

/// The newest passing builds of each job that is upstream of gets of two or more resources.
async fn upstream(
    conn: &mut Conn,
    of_job: &Marks,
    all: &BTreeMap<String, Marks>,
) -> Result<Vec<UpstreamBuild>, Fault> {
    let mut reach: BTreeMap<&str, BTreeSet<ResourceId>> = BTreeMap::new();
    for mark in of_job.gets.values() {
        for job in &mark.passed {
            reach.entry(job).or_default().insert(mark.resource);
        }
    }
    let mut out = Vec::new();
    for (name, _) in reach.iter().filter(|(_, resources)| resources.len() > 1) {
        if let Some(above) = all.get(*name) {
            out.extend(passing(conn, name, above.id).await?);
        }
    }
    Ok(out)
}

async fn passing(conn: &mut Conn, name: &str, job: JobId) -> Result<Vec<UpstreamBuild>, Fault> {
    let rows = query(
        "SELECT u.build_id, u.resource_id, MAX(u.version_id) FROM \
         (SELECT b.id FROM builds b WHERE b.job_id = ? AND b.passes = 1 ORDER BY b.id DESC LIMIT ?) n \
         JOIN build_versions u ON u.build_id = n.id GROUP BY u.build_id, u.resource_id",
    )
    .bind(job.0)
    .bind(UPSTREAM)
    .fetch_all(conn)
    .await?;
    let mut versions: BTreeMap<BuildId, BTreeMap<ResourceId, VersionId>> = BTreeMap::new();
    for row in &rows {
        let of_build = versions.entry(BuildId(get(row, 0)?)).or_default();
        of_build.insert(ResourceId(get(row, 1)?), VersionId(get(row, 2)?));
    }
    let newest_first = versions.into_iter().rev();
    Ok(newest_first
        .map(|(build, versions)| UpstreamBuild { job: name.to_owned(), build, versions })
        .collect())
}

async fn unfinished(conn: &mut Conn, pipeline: PipelineId) -> Result<Vec<BuildBrief>, Fault> {
    let rows = query(
        "SELECT id, job_id, number_major, number_retry, status, phase, cause, versions, created_at \
         FROM builds WHERE pipeline_id = ? AND stage IN (0, 1) ORDER BY id",
    )
    .bind(pipeline.0)
    .fetch_all(conn)
    .await?;
    rows.iter().map(brief).collect()
}

fn brief(row: &Row) -> Result<BuildBrief, Fault> {
    Ok(BuildBrief {
        id: BuildId(get(row, 0)?),
        job: JobId(get(row, 1)?),
        number: BuildNumber { major: get(row, 2)?, retry: get(row, 3)? },
        status: word(row, 4, BuildStatus::from_word)?,
        phase: word(row, 5, Phase::from_word)?,
        cause: json(row, 6)?,
        versions: json(row, 7)?,
        created_at: time(row, 8)?,
    })
}

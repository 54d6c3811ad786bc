//! Reading pipelines and jobs.

use std::collections::BTreeMap;

use pikoci_model::{
    build::Build,
    id::{JobId, PipelineId, RevisionId, TeamId},
    port::store::{JobRow, PipelineRow},
};

use crate::{
    builds::{columns, list, of_row},
    error::Fault,
    field::{get, maybe_time, time, unsigned},
    sql::{Answer, Bundle, Conn, Row, query},
};

/// Reads pipelines with their run-time state; conditions follow.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.team_id, t.canonical, p.name, p.canonical, p.public, p.revision_id, \
             p.revision_number, p.updated_at, p.updated_by, s.last_build_at FROM pipelines p \
             JOIN teams t ON t.id = p.team_id JOIN pipeline_states s ON s.pipeline_id = p.id ",
            $rest
        )
    };
}

fn pipeline(row: &Row) -> Result<PipelineRow, Fault> {
    Ok(PipelineRow {
        id: PipelineId(get(row, 0)?),
        team: TeamId(get(row, 1)?),
        team_canonical: get(row, 2)?,
        name: get(row, 3)?,
        canonical: get(row, 4)?,
        public: get(row, 5)?,
        revision: RevisionId(get(row, 6)?),
        revision_number: get(row, 7)?,
        updated_at: time(row, 8)?,
        updated_by: get(row, 9)?,
        last_build_at: maybe_time(row, 10)?,
    })
}

pub(super) async fn by_name(
    conn: &mut Conn,
    team: &str,
    canonical: &str,
) -> Result<Option<PipelineRow>, Fault> {
    let query = query(select!("WHERE t.canonical = ? AND p.canonical = ?"));
    let row = query.bind(team).bind(canonical).fetch_optional(conn).await?;
    row.as_ref().map(pipeline).transpose()
}

pub(super) async fn by_id(conn: &mut Conn, id: PipelineId) -> Result<Option<PipelineRow>, Fault> {
    let row = query(select!("WHERE p.id = ?")).bind(id.0).fetch_optional(conn).await?;
    row.as_ref().map(pipeline).transpose()
}

pub(super) async fn all(conn: &mut Conn, team: Option<TeamId>) -> Result<Vec<PipelineRow>, Fault> {
    let query = match team {
        Some(team) => query(select!("WHERE p.team_id = ? ORDER BY p.id DESC")).bind(team.0),
        None => query(select!("ORDER BY p.id DESC")),
    };
    query.fetch_all(conn).await?.iter().map(pipeline).collect()
}

/// Reads jobs, each with its newest build of all, or of those that ended; conditions follow.
macro_rules! jobs {
    ($which:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", j.id, j.name, j.position FROM jobs j LEFT JOIN builds b ON b.id = (SELECT n.id FROM builds n \
             WHERE n.job_id = j.id ",
            $which,
            " ORDER BY n.id DESC LIMIT 1) WHERE j.pipeline_id = ? AND j.archived = 0 ",
            $rest
        )
    };
}

/// The job's columns follow those of the build.
const JOB: usize = 25;

pub(super) async fn jobs(conn: &mut Conn, pipeline: PipelineId) -> Result<Vec<JobRow>, Fault> {
    let mut both = Bundle::default();
    both.add(jobs!("", "ORDER BY j.position")).bind(pipeline.0);
    both.add(jobs!("AND n.ended_at IS NOT NULL", "ORDER BY j.position")).bind(pipeline.0);
    rows(both.send(conn).await?)
}

pub(super) async fn job_by_name(
    conn: &mut Conn,
    pipeline: PipelineId,
    name: &str,
) -> Result<Option<JobRow>, Fault> {
    let mut both = Bundle::default();
    both.add(jobs!("", "AND j.name = ?")).bind(pipeline.0).bind(name);
    both.add(jobs!("AND n.ended_at IS NOT NULL", "AND j.name = ?")).bind(pipeline.0).bind(name);
    Ok(rows(both.send(conn).await?)?.pop())
}

/// Jobs of the rows with their newest builds, and of those with the newest that ended.
fn rows(mut answers: Vec<Answer>) -> Result<Vec<JobRow>, Fault> {
    let mut ended = BTreeMap::new();
    for row in answers.pop().unwrap_or_default().rows {
        ended.insert(get::<i64>(&row, JOB)?, newest(&row)?);
    }
    let latest = answers.pop().unwrap_or_default().rows;
    latest
        .iter()
        .map(|row| {
            let id = get(row, JOB)?;
            Ok(JobRow {
                id: JobId(id),
                name: get(row, JOB + 1)?,
                position: unsigned(row, JOB + 2)?,
                latest: newest(row)?,
                latest_ended: ended.remove(&id).flatten(),
            })
        })
        .collect()
}

fn newest(row: &Row) -> Result<Option<Build>, Fault> {
    let id: Option<i64> = get(row, 0)?;
    id.map(|_| of_row(row)).transpose()
}

/// Each stage has its own end in the index; the newest of all are among the newest of each.
pub(super) async fn recent_builds(
    conn: &mut Conn,
    pipeline: PipelineId,
    limit: u32,
) -> Result<Vec<Build>, Fault> {
    const OF_STAGE: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM builds b WHERE b.pipeline_id = ? AND b.stage = ? ORDER BY b.id DESC LIMIT ?"
    );
    let mut builds = Vec::new();
    for stage in 0..=2_u32 {
        let query = query(OF_STAGE).bind(pipeline.0).bind(stage).bind(limit);
        builds.extend(list(conn, query).await?);
    }
    builds.sort_by_key(|build| std::cmp::Reverse(build.id));
    builds.truncate(limit as usize);
    Ok(builds)
}

/// The oldest queued builds, and how many there are in all. What is queued between the two reads is not missed.
pub(super) async fn waiting_builds(
    conn: &mut Conn,
    pipeline: PipelineId,
    limit: u32,
) -> Result<(Vec<Build>, u64), Fault> {
    const QUEUED: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM builds b WHERE b.pipeline_id = ? AND b.stage = 0 ORDER BY b.id LIMIT ?"
    );
    let builds = list(conn, query(QUEUED).bind(pipeline.0).bind(limit)).await?;
    let shown = builds.len() as u64;
    if shown < u64::from(limit) {
        return Ok((builds, shown));
    }
    let count = query("SELECT COUNT(*) FROM builds WHERE pipeline_id = ? AND stage = 0").bind(pipeline.0);
    let total: u64 = unsigned(&count.fetch_one(conn).await?, 0)?;
    Ok((builds, total.max(shown)))
}

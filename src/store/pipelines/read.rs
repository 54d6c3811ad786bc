//! Reading pipelines and jobs.

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

async fn job(conn: &mut Conn, row: &Row) -> Result<JobRow, Fault> {
    let id = JobId(get(row, 0)?);
    const LATEST: &str =
        concat!("SELECT ", columns!(), " FROM builds b WHERE b.job_id = ? ORDER BY b.id DESC LIMIT 1");
    const ENDED: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM builds b WHERE b.job_id = ? AND b.ended_at IS NOT NULL ORDER BY b.id DESC LIMIT 1"
    );
    let mut newest = Bundle::default();
    newest.add(LATEST).bind(id.0);
    newest.add(ENDED).bind(id.0);
    let mut found = newest.send(conn).await?.into_iter().map(Answer::row);
    let mut next = || found.next().flatten().as_ref().map(of_row).transpose();
    let (latest, latest_ended) = (next()?, next()?);
    Ok(JobRow { id, name: get(row, 1)?, position: unsigned(row, 2)?, latest, latest_ended })
}

pub(super) async fn jobs(conn: &mut Conn, pipeline: PipelineId) -> Result<Vec<JobRow>, Fault> {
    let rows =
        query("SELECT id, name, position FROM jobs WHERE pipeline_id = ? AND archived = 0 ORDER BY position")
            .bind(pipeline.0)
            .fetch_all(conn)
            .await?;
    let mut out = Vec::with_capacity(rows.len());
    for row in &rows {
        out.push(job(conn, row).await?);
    }
    Ok(out)
}

pub(super) async fn job_by_name(
    conn: &mut Conn,
    pipeline: PipelineId,
    name: &str,
) -> Result<Option<JobRow>, Fault> {
    let query =
        query("SELECT id, name, position FROM jobs WHERE pipeline_id = ? AND name = ? AND archived = 0");
    match query.bind(pipeline.0).bind(name).fetch_optional(conn).await? {
        Some(row) => Ok(Some(job(conn, &row).await?)),
        None => Ok(None),
    }
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

//! Reading builds.

use std::collections::BTreeMap;

use pikoci_model::{
    build::{Build, BuildStatus, ServiceRecord, StepRecord},
    id::{BuildId, BuildNumber, JobId, NodeId, ResourceId, VersionId},
    port::store::Page,
    version::Version,
};
use serde::de::DeserializeOwned;

use super::row::{Stored, columns, read};
use crate::{
    error::Fault,
    field::{get, json, time, unsigned, word},
    sql::{Conn, Query, Row, Sql, places, query, query_text},
    writer::Tx,
};

/// Begins every statement that reads builds; the table is `b`.
pub(crate) const SELECT: &str = concat!("SELECT ", columns!(), " FROM builds b ");
/// All builds that workers hold.
pub(crate) const ALL_HELD: &str =
    concat!("SELECT ", columns!(), " FROM builds b WHERE b.stage = 1 ORDER BY b.id");
/// Those of one worker: among all that are held, which an index knows, only its own are read.
const HELD_BY: &str =
    concat!("SELECT ", columns!(), " FROM builds b WHERE b.stage = 1 AND b.node = ? ORDER BY b.id");
const BY_ID: &str = concat!("SELECT ", columns!(), " FROM builds b WHERE b.id = ?");
const BY_NUMBER: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM builds b WHERE b.job_id = ? AND b.number_major = ? AND b.number_retry = ?"
);

/// A build that a transaction changes, with what only the store knows of it.
pub(crate) async fn for_change(tx: &mut Tx<'_>, id: BuildId) -> Result<Option<Stored>, Fault> {
    if let Some(remembered) = tx.remembered(id) {
        return Ok(Some(remembered));
    }
    tx.add(Sql::new(BY_ID).locking()).bind(id.0);
    tx.last().await?.row().as_ref().map(read).transpose()
}

/// The builds a statement finds.
pub(crate) async fn list(conn: &mut Conn, query: Query) -> Result<Vec<Build>, Fault> {
    query.fetch_all(conn).await?.iter().map(of_row).collect()
}

/// The build of a row.
pub(crate) fn of_row(row: &Row) -> Result<Build, Fault> {
    Ok(read(row)?.build)
}

/// The one build a statement finds.
async fn one(conn: &mut Conn, query: Query) -> Result<Option<Build>, Fault> {
    query.fetch_optional(conn).await?.as_ref().map(of_row).transpose()
}

/// A build with what only the store knows of it.
pub(crate) async fn stored(conn: &mut Conn, id: BuildId) -> Result<Option<Stored>, Fault> {
    query(BY_ID).bind(id.0).fetch_optional(conn).await?.as_ref().map(read).transpose()
}

pub(crate) async fn by_number(
    conn: &mut Conn,
    job: JobId,
    number: BuildNumber,
) -> Result<Option<Build>, Fault> {
    one(conn, query(BY_NUMBER).bind(job.0).bind(number.major).bind(number.retry)).await
}

pub(crate) async fn held_by(conn: &mut Conn, node: &NodeId) -> Result<Vec<Build>, Fault> {
    list(conn, query(HELD_BY).bind(&node.0)).await
}

pub(crate) async fn of_job(
    conn: &mut Conn,
    job: JobId,
    page: Page,
    statuses: &[BuildStatus],
) -> Result<Vec<Build>, Fault> {
    let wanted = match statuses {
        [] => String::new(),
        _ => format!(" AND b.status IN ({})", places(statuses.len())),
    };
    let statement =
        format!("{SELECT} WHERE b.job_id = ? AND b.id < ? AND b.id > ?{wanted} ORDER BY b.id DESC LIMIT ?");
    let query = query_text(statement).bind(job.0);
    let query = query.bind(page.before.unwrap_or(i64::MAX)).bind(page.after.unwrap_or(i64::MIN));
    let query = query.bind_all(statuses.iter().map(|status| status.word()));
    list(conn, query.bind(page.limit)).await
}

/// Records of a run's steps or services, in the order they were first reported.
async fn records<T: DeserializeOwned>(
    conn: &mut Conn,
    statement: &'static str,
    build: BuildId,
    run: u32,
) -> Result<Vec<T>, Fault> {
    let rows = query(statement).bind(build.0).bind(run).fetch_all(conn).await?;
    rows.iter().map(|row| json(row, 0)).collect()
}

pub(crate) async fn steps(conn: &mut Conn, build: BuildId, run: u32) -> Result<Vec<StepRecord>, Fault> {
    records(conn, "SELECT record FROM steps WHERE build_id = ? AND run = ? ORDER BY id", build, run).await
}

pub(crate) async fn services(conn: &mut Conn, build: BuildId, run: u32) -> Result<Vec<ServiceRecord>, Fault> {
    records(conn, "SELECT record FROM services WHERE build_id = ? AND run = ? ORDER BY id", build, run).await
}

/// The versions of a build's gets, by get key.
pub(crate) async fn versions(conn: &mut Conn, build: BuildId) -> Result<BTreeMap<String, Version>, Fault> {
    let rows = query(
        "SELECT u.name, v.id, v.resource_id, v.value, v.created_at FROM build_versions u \
         JOIN versions v ON v.id = u.version_id WHERE u.build_id = ? AND u.kind = 0",
    )
    .bind(build.0)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let version = Version {
                id: VersionId(get(row, 1)?),
                resource: ResourceId(get(row, 2)?),
                value: json(row, 3)?,
                created_at: time(row, 4)?,
            };
            Ok((get(row, 0)?, version))
        })
        .collect()
}

pub(crate) async fn retries(conn: &mut Conn, job: JobId, major: i64) -> Result<i64, Fault> {
    let query = query("SELECT MAX(number_retry) FROM builds WHERE job_id = ? AND number_major = ?");
    let row = query.bind(job.0).bind(major).fetch_one(conn).await?;
    Ok(get::<Option<i64>>(&row, 0)?.unwrap_or(0))
}

pub(crate) async fn counts(conn: &mut Conn) -> Result<BTreeMap<BuildStatus, u64>, Fault> {
    let query = query(
        "SELECT status, COUNT(*) FROM builds WHERE stage IN (0, 1) GROUP BY status \
         UNION ALL SELECT status, builds FROM ended_builds",
    );
    let mut counts = BTreeMap::new();
    for row in query.fetch_all(conn).await? {
        *counts.entry(word(&row, 0, BuildStatus::from_word)?).or_default() += unsigned::<u64>(&row, 1)?;
    }
    Ok(counts)
}

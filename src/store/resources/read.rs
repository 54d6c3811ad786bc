//! Reading resources.

use chrono::{DateTime, Utc};
use pikoci_model::{
    id::{NodeId, PipelineId, ResourceId},
    port::store::{CheckLease, DueCheck, ResourceRow},
    version::Version,
};

use super::versions::version;
use crate::{
    error::Fault,
    field::{get, maybe_time, micros, time},
    sql::{Conn, Query, Row, query},
};

/// Reads resources with their run-time state and newest version; conditions follow.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.pipeline_id, r.canonical, s.webhook_token, s.last_check, s.next_check, s.failing, \
             s.logs, s.leases, s.lease_node, s.lease_until, v.id, v.resource_id, v.value, v.created_at \
             FROM resources r JOIN resource_states s ON s.resource_id = r.id \
             LEFT JOIN versions v ON v.id = (SELECT MAX(n.id) FROM versions n WHERE n.resource_id = r.id) ",
            $rest
        )
    };
}

const OF_PIPELINE: &str = select!("WHERE r.pipeline_id = ? AND r.archived = 0 ORDER BY r.canonical");
const BY_NAME: &str = select!("WHERE r.pipeline_id = ? AND r.canonical = ? AND r.archived = 0");
const BY_ID: &str = select!("WHERE r.id = ?");
const BY_WEBHOOK: &str = select!("WHERE s.webhook_token = ? AND r.archived = 0");

fn resource(row: &Row) -> Result<ResourceRow, Fault> {
    let latest: Option<i64> = get(row, 11)?;
    let latest: Option<Version> = latest.map(|_| version(row, 11)).transpose()?;
    Ok(ResourceRow {
        id: ResourceId(get(row, 0)?),
        pipeline: PipelineId(get(row, 1)?),
        canonical: get(row, 2)?,
        webhook_token: get(row, 3)?,
        last_check: maybe_time(row, 4)?,
        next_check: maybe_time(row, 5)?,
        failing: get(row, 6)?,
        logs: get(row, 7)?,
        checking: lease(row, 8)?,
        latest,
    })
}

/// The lease of `leases, lease_node, lease_until`, beginning at column `from`.
pub(super) fn lease(row: &Row, from: usize) -> Result<Option<CheckLease>, Fault> {
    let node: Option<String> = get(row, from + 1)?;
    let until = maybe_time(row, from + 2)?;
    let number = get(row, from)?;
    Ok(node.zip(until).map(|(node, until)| CheckLease { number, node: NodeId(node), until }))
}

async fn find(conn: &mut Conn, query: Query) -> Result<Option<ResourceRow>, Fault> {
    query.fetch_optional(conn).await?.as_ref().map(resource).transpose()
}

pub(super) async fn of_pipeline(conn: &mut Conn, pipeline: PipelineId) -> Result<Vec<ResourceRow>, Fault> {
    query(OF_PIPELINE).bind(pipeline.0).fetch_all(conn).await?.iter().map(resource).collect()
}

pub(super) async fn by_name(
    conn: &mut Conn,
    pipeline: PipelineId,
    canonical: &str,
) -> Result<Option<ResourceRow>, Fault> {
    find(conn, query(BY_NAME).bind(pipeline.0).bind(canonical)).await
}

pub(super) async fn by_id(conn: &mut Conn, id: ResourceId) -> Result<Option<ResourceRow>, Fault> {
    find(conn, query(BY_ID).bind(id.0)).await
}

pub(super) async fn by_webhook(conn: &mut Conn, token: &str) -> Result<Option<ResourceRow>, Fault> {
    find(conn, query(BY_WEBHOOK).bind(token)).await
}

pub(super) async fn due(conn: &mut Conn, now: DateTime<Utc>, limit: u32) -> Result<Vec<DueCheck>, Fault> {
    let rows = query(
        "SELECT s.resource_id, r.pipeline_id, s.next_check FROM resource_states s \
         JOIN resources r ON r.id = s.resource_id \
         WHERE s.next_check <= ? AND (s.lease_until IS NULL OR s.lease_until <= ?) AND r.archived = 0 \
         ORDER BY s.next_check, s.resource_id LIMIT ?",
    )
    .bind(micros(now))
    .bind(micros(now))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let pipeline = PipelineId(get(row, 1)?);
            Ok(DueCheck { resource: ResourceId(get(row, 0)?), pipeline, since: time(row, 2)? })
        })
        .collect()
}

pub(super) async fn held_by(conn: &mut Conn, node: &NodeId) -> Result<Vec<(ResourceId, i64)>, Fault> {
    let query = query("SELECT resource_id, leases FROM resource_states WHERE lease_node = ?");
    let rows = query.bind(&node.0).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((ResourceId(get(row, 0)?), get(row, 1)?))).collect()
}

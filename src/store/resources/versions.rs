//! Versions: recorded once, listed with the builds that used them.

use chrono::{DateTime, Utc};
use pikoci_model::{
    build::BuildStatus,
    id::{BuildId, BuildNumber, ResourceId, VersionId},
    port::store::{Page, VersionRow, VersionUse},
    version::{Version, VersionValue},
};
use sha2::{Digest as _, Sha256};

use crate::{
    error::Fault,
    field::{get, json, micros, time, word},
    sql::{Conn, Row, Sql, query},
};

/// The most builds that are listed with a version.
const USES: i64 = 20;

/// A version of `id, resource_id, value, created_at`, beginning at column `from`.
pub(super) fn version(row: &Row, from: usize) -> Result<Version, Fault> {
    Ok(Version {
        id: VersionId(get(row, from)?),
        resource: ResourceId(get(row, from + 1)?),
        value: json(row, from + 2)?,
        created_at: time(row, from + 3)?,
    })
}

/// The newest version of a resource.
pub(crate) async fn newest(conn: &mut Conn, resource: ResourceId) -> Result<Option<VersionId>, Fault> {
    let query = query("SELECT MAX(id) FROM versions WHERE resource_id = ?").bind(resource.0);
    Ok(get::<Option<i64>>(&query.fetch_one(conn).await?, 0)?.map(VersionId))
}

/// The version with this content, recorded if it is not known (true).
pub(crate) async fn record_version(
    conn: &mut Conn,
    resource: ResourceId,
    value: &VersionValue,
    at: DateTime<Utc>,
) -> Result<(VersionId, bool), Fault> {
    let text = value.canonical();
    let digest = Sha256::digest(&text).to_vec();
    let known = query("SELECT id FROM versions WHERE resource_id = ? AND digest = ?");
    let known = known.bind(resource.0).bind(digest.as_slice()).fetch_optional(conn).await?;
    if let Some(row) = known {
        return Ok((VersionId(get(&row, 0)?), false));
    }
    const INSERT: Sql =
        Sql::new("INSERT INTO versions (resource_id, digest, value, created_at) VALUES (?, ?, ?, ?)")
            .with_id();
    let insert = query(INSERT);
    let insert = insert.bind(resource.0).bind(digest).bind(text).bind(micros(at));
    Ok((VersionId(insert.execute(conn).await?.inserted), true))
}

pub(super) async fn one(conn: &mut Conn, id: VersionId) -> Result<Option<Version>, Fault> {
    let query = query("SELECT id, resource_id, value, created_at FROM versions WHERE id = ?").bind(id.0);
    query.fetch_optional(conn).await?.map(|row| version(&row, 0)).transpose()
}

pub(super) async fn list(
    conn: &mut Conn,
    resource: ResourceId,
    page: Page,
) -> Result<Vec<VersionRow>, Fault> {
    let query = query(
        "SELECT id, resource_id, value, created_at FROM versions \
         WHERE resource_id = ? AND id < ? AND id > ? ORDER BY id DESC LIMIT ?",
    );
    let query = query.bind(resource.0).bind(page.before.unwrap_or(i64::MAX));
    let query = query.bind(page.after.unwrap_or(i64::MIN)).bind(page.limit);
    let mut out = Vec::new();
    for row in &query.fetch_all(conn).await? {
        let version = version(row, 0)?;
        let uses = uses(conn, version.id).await?;
        out.push(VersionRow { version, status: uses.first().map(|newest| newest.status), uses });
    }
    Ok(out)
}

/// The newest builds that used or created it.
async fn uses(conn: &mut Conn, version: VersionId) -> Result<Vec<VersionUse>, Fault> {
    let rows = query(
        "SELECT b.id, b.job_name, b.number_major, b.number_retry, b.status FROM (SELECT DISTINCT u.build_id \
         FROM build_versions u WHERE u.version_id = ? ORDER BY u.build_id DESC LIMIT ?) n \
         JOIN builds b ON b.id = n.build_id ORDER BY b.id DESC",
    )
    .bind(version.0)
    .bind(USES)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(VersionUse {
                build: BuildId(get(row, 0)?),
                job: get(row, 1)?,
                number: BuildNumber { major: get(row, 2)?, retry: get(row, 3)? },
                status: word(row, 4, BuildStatus::from_word)?,
            })
        })
        .collect()
}

//! Versions: recorded once, listed with the builds that used them.

use std::collections::{BTreeMap, BTreeSet};

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
    sql::{Conn, Row, Sql, places, query, query_text},
};

/// The most builds that are listed with a version.
const USES: usize = 20;
/// Versions that are read or written by one statement.
const TOGETHER: usize = 100;

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

/// Records those of a check that are not known; gives the new ones, in order.
pub(super) async fn record_versions(
    conn: &mut Conn,
    resource: ResourceId,
    values: &[VersionValue],
    at: DateTime<Utc>,
) -> Result<Vec<VersionId>, Fault> {
    let mut new = Vec::new();
    for values in values.chunks(TOGETHER) {
        new.extend(record_some(conn, resource, values, at).await?);
    }
    Ok(new)
}

async fn record_some(
    conn: &mut Conn,
    resource: ResourceId,
    values: &[VersionValue],
    at: DateTime<Utc>,
) -> Result<Vec<VersionId>, Fault> {
    let texts: Vec<String> = values.iter().map(VersionValue::canonical).collect();
    let digests: Vec<Vec<u8>> = texts.iter().map(|text| Sha256::digest(text).to_vec()).collect();
    let mut seen: BTreeSet<Vec<u8>> = with_digests(conn, resource, &digests).await?.into_values().collect();
    let new: Vec<(String, Vec<u8>)> =
        texts.into_iter().zip(digests).filter(|(_, digest)| seen.insert(digest.clone())).collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let rows = vec!["(?, ?, ?, ?)"; new.len()].join(", ");
    let insert = format!("INSERT INTO versions (resource_id, digest, value, created_at) VALUES {rows}");
    let digests: Vec<Vec<u8>> = new.iter().map(|(_, digest)| digest.clone()).collect();
    let insert = new.into_iter().fold(query_text(insert), |insert, (text, digest)| {
        insert.bind(resource.0).bind(digest).bind(text).bind(micros(at))
    });
    insert.execute(conn).await?;
    Ok(with_digests(conn, resource, &digests).await?.into_keys().map(VersionId).collect())
}

/// The versions with these contents, in order.
async fn with_digests(
    conn: &mut Conn,
    resource: ResourceId,
    digests: &[Vec<u8>],
) -> Result<BTreeMap<i64, Vec<u8>>, Fault> {
    let places = places(digests.len());
    let text = format!("SELECT id, digest FROM versions WHERE resource_id = ? AND digest IN ({places})");
    let query = query_text(text).bind(resource.0).bind_all(digests.iter().cloned());
    query.fetch_all(conn).await?.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect()
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
    let versions: Vec<Version> =
        query.fetch_all(conn).await?.iter().map(|row| version(row, 0)).collect::<Result<_, _>>()?;
    let mut used = BTreeMap::new();
    for some in versions.chunks(TOGETHER) {
        uses(conn, some, &mut used).await?;
    }
    let row = |version: Version| {
        let uses = used.remove(&version.id).unwrap_or_default();
        VersionRow { version, status: uses.first().map(|newest| newest.status), uses }
    };
    Ok(versions.into_iter().map(row).collect())
}

/// The newest builds that used or created each of them.
async fn uses(
    conn: &mut Conn,
    versions: &[Version],
    used: &mut BTreeMap<VersionId, Vec<VersionUse>>,
) -> Result<(), Fault> {
    let each = |index| {
        format!(
            "SELECT * FROM (SELECT DISTINCT u.version_id AS used, u.build_id AS build FROM build_versions u \
             WHERE u.version_id = ? ORDER BY u.build_id DESC LIMIT {USES}) v{index}"
        )
    };
    let each = (0..versions.len()).map(each).collect::<Vec<_>>().join(" UNION ALL ");
    let query = query_text(format!(
        "SELECT n.used, b.id, b.job_name, b.number_major, b.number_retry, b.status FROM ({each}) n \
         JOIN builds b ON b.id = n.build ORDER BY b.id DESC"
    ));
    for row in query.bind_all(versions.iter().map(|version| version.id.0)).fetch_all(conn).await? {
        used.entry(VersionId(get(&row, 0)?)).or_default().push(VersionUse {
            build: BuildId(get(&row, 1)?),
            job: get(&row, 2)?,
            number: BuildNumber { major: get(&row, 3)?, retry: get(&row, 4)? },
            status: word(&row, 5, BuildStatus::from_word)?,
        });
    }
    Ok(())
}

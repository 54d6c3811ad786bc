//! Versions that passed: noted when a build passes, so that nobody has to search for them later.

use pikoci_model::{
    build::Build,
    id::{JobId, ResourceId, VersionId},
};

use crate::{
    error::Fault,
    field::{get, json},
    upsert,
    writer::Tx,
};

/// Notes everything that the build used or created as passed, and what becomes possible downstream.
pub(crate) async fn note_passed(tx: &mut Tx<'_>, build: &Build) -> Result<(), Fault> {
    tx.add("SELECT DISTINCT resource_id, version_id FROM build_versions WHERE build_id = ?").bind(build.id.0);
    for row in &tx.last().await?.rows {
        let (resource, version) = (ResourceId(get(row, 0)?), VersionId(get(row, 1)?));
        tx.add(upsert::ADD_PASSED).bind(build.job.0).bind(resource.0).bind(version.0);
        if tx.last().await?.changes > 0 {
            offer_downstream(tx, build, resource, version).await?;
        }
    }
    Ok(())
}

/// A get below the job.
struct Below {
    job: JobId,
    name: String,
    upstream: Vec<String>,
    floor: VersionId,
    newest: Option<VersionId>,
}

/// Makes the version a candidate of each get that waited for this job last.
async fn offer_downstream(
    tx: &mut Tx<'_>,
    build: &Build,
    resource: ResourceId,
    version: VersionId,
) -> Result<(), Fault> {
    for get in gets_of(tx, resource).await? {
        let others = get.upstream.iter().filter(|job| **job != build.job_name);
        if others.clone().count() == get.upstream.len() {
            continue;
        }
        let others: Vec<&String> = others.collect();
        if passed_all(tx, build, &others, resource, version).await? {
            admit(tx, &get, version).await?;
        }
    }
    Ok(())
}

async fn gets_of(tx: &mut Tx<'_>, resource: ResourceId) -> Result<Vec<Below>, Fault> {
    tx.add("SELECT job_id, name, passed, floor, newest FROM job_gets WHERE resource_id = ?").bind(resource.0);
    let rows = tx.last().await?.rows;
    rows.iter()
        .map(|row| {
            Ok(Below {
                job: JobId(get(row, 0)?),
                name: get(row, 1)?,
                upstream: json(row, 2)?,
                floor: VersionId(get(row, 3)?),
                newest: get::<Option<i64>>(row, 4)?.map(VersionId),
            })
        })
        .collect()
}

async fn passed_all(
    tx: &mut Tx<'_>,
    build: &Build,
    jobs: &[&String],
    resource: ResourceId,
    version: VersionId,
) -> Result<bool, Fault> {
    for job in jobs {
        tx.add(
            "SELECT 1 FROM jobs j JOIN passed p ON p.job_id = j.id \
             WHERE j.pipeline_id = ? AND j.name = ? AND p.resource_id = ? AND p.version_id = ?",
        )
        .bind(build.pipeline.0)
        .bind(job.as_str())
        .bind(resource.0)
        .bind(version.0);
        if tx.last().await?.rows.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn admit(tx: &mut Tx<'_>, below: &Below, version: VersionId) -> Result<(), Fault> {
    if below.newest.is_none_or(|newest| newest < version) {
        let update = tx.add("UPDATE job_gets SET newest = ? WHERE job_id = ? AND name = ?");
        update.bind(version.0).bind(below.job.0).bind(&below.name);
    }
    if version <= below.floor {
        return Ok(());
    }
    tx.add(
        "SELECT 1 FROM build_versions WHERE version_id = ? AND job_id = ? AND name = ? AND kind = 0 LIMIT 1",
    )
    .bind(version.0)
    .bind(below.job.0)
    .bind(&below.name);
    let used = !tx.last().await?.rows.is_empty();
    tx.add(upsert::ADD_CANDIDATE).bind(below.job.0).bind(&below.name).bind(version.0).bind(used);
    Ok(())
}

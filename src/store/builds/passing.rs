//! Versions that passed: noted when a build passes, so that nobody has to search for them later.

use pikoci_model::{
    build::Build,
    id::{JobId, ResourceId, VersionId},
};

use crate::{
    database::Conn,
    error::Fault,
    field::{get, json},
    upsert,
};

/// Notes everything that the build used or created as passed, and what becomes possible downstream.
pub(crate) async fn note_passed(conn: &mut Conn, build: &Build) -> Result<(), Fault> {
    let rows = sqlx::query("SELECT DISTINCT resource_id, version_id FROM build_versions WHERE build_id = ?")
        .bind(build.id.0)
        .fetch_all(&mut *conn)
        .await?;
    for row in &rows {
        let (resource, version) = (ResourceId(get(row, 0)?), VersionId(get(row, 1)?));
        let add = sqlx::query(upsert::ADD_PASSED).bind(build.job.0).bind(resource.0).bind(version.0);
        if add.execute(&mut *conn).await?.rows_affected() > 0 {
            offer_downstream(conn, build, resource, version).await?;
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
    conn: &mut Conn,
    build: &Build,
    resource: ResourceId,
    version: VersionId,
) -> Result<(), Fault> {
    for get in gets_of(conn, resource).await? {
        let others = get.upstream.iter().filter(|job| **job != build.job_name);
        if others.clone().count() == get.upstream.len() {
            continue;
        }
        let others: Vec<&String> = others.collect();
        if passed_all(conn, build, &others, resource, version).await? {
            admit(conn, &get, version).await?;
        }
    }
    Ok(())
}

async fn gets_of(conn: &mut Conn, resource: ResourceId) -> Result<Vec<Below>, Fault> {
    let query = sqlx::query("SELECT job_id, name, passed, floor, newest FROM job_gets WHERE resource_id = ?");
    let rows = query.bind(resource.0).fetch_all(conn).await?;
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
    conn: &mut Conn,
    build: &Build,
    jobs: &[&String],
    resource: ResourceId,
    version: VersionId,
) -> Result<bool, Fault> {
    for job in jobs {
        let query = sqlx::query(
            "SELECT 1 FROM jobs j JOIN passed p ON p.job_id = j.id \
             WHERE j.pipeline_id = ? AND j.name = ? AND p.resource_id = ? AND p.version_id = ?",
        );
        let query = query.bind(build.pipeline.0).bind(job.as_str()).bind(resource.0).bind(version.0);
        if query.fetch_optional(&mut *conn).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn admit(conn: &mut Conn, below: &Below, version: VersionId) -> Result<(), Fault> {
    if below.newest.is_none_or(|newest| newest < version) {
        let update = sqlx::query("UPDATE job_gets SET newest = ? WHERE job_id = ? AND name = ?");
        update.bind(version.0).bind(below.job.0).bind(&below.name).execute(&mut *conn).await?;
    }
    if version <= below.floor {
        return Ok(());
    }
    let used = sqlx::query(
        "SELECT 1 FROM build_versions WHERE version_id = ? AND job_id = ? AND name = ? AND kind = 0 LIMIT 1",
    );
    let used = used.bind(version.0).bind(below.job.0).bind(&below.name);
    let used = used.fetch_optional(&mut *conn).await?.is_some();
    let add = sqlx::query(upsert::ADD_CANDIDATE).bind(below.job.0).bind(&below.name);
    add.bind(version.0).bind(used).execute(conn).await?;
    Ok(())
}

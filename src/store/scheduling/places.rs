//! Queued builds, and the places that held ones take.

use pikoci_model::{
    build::Build,
    id::BuildId,
    scheduling::{HeldPlace, PendingBuild},
};

use crate::{
    builds::{ALL_HELD, columns, list},
    definitions::Definitions,
    error::Fault,
    pipelines::awaited,
    sql::{Conn, query},
};

const QUEUED: &str =
    concat!("SELECT ", columns!(), " FROM builds b WHERE b.stage = 0 AND b.id > ? ORDER BY b.id LIMIT ?");

pub(super) async fn pending(
    conn: &mut Conn,
    definitions: &Definitions,
    after: BuildId,
    limit: u32,
) -> Result<Vec<PendingBuild>, Fault> {
    let mut out = Vec::new();
    for build in list(conn, query(QUEUED).bind(after.0).bind(limit)).await? {
        let definition = definitions.of(conn, build.revision).await?;
        let job = definition.job(&build.job_name)?;
        out.push(PendingBuild {
            id: build.id,
            pipeline: build.pipeline,
            team: definition.team.clone(),
            job: build.job,
            tags: job.tags.clone(),
            concurrency: job.concurrency,
            serial_groups: job.serial_groups.clone(),
            awaits: awaited(job, &build.versions).map(str::to_owned),
        });
    }
    Ok(out)
}

pub(super) async fn held(conn: &mut Conn, definitions: &Definitions) -> Result<Vec<HeldPlace>, Fault> {
    let mut out = Vec::new();
    for build in list(conn, query(ALL_HELD)).await? {
        out.extend(place(conn, definitions, build).await?);
    }
    Ok(out)
}

async fn place(conn: &mut Conn, definitions: &Definitions, build: Build) -> Result<Option<HeldPlace>, Fault> {
    let definition = definitions.of(conn, build.revision).await?;
    let serial_groups = definition.job(&build.job_name)?.serial_groups.clone();
    Ok(build.claim.map(|claim| HeldPlace {
        build: build.id,
        pipeline: build.pipeline,
        job: build.job,
        serial_groups,
        node: claim.node,
    }))
}

//! The page of one job.

use actix_web::{HttpResponse, http::StatusCode};
use pikoci_model::{build::Build, port::store::JobRow};

use super::{
    frame::{html, ms, team_frame, way},
    words::{cause, href, reason, state},
};
use crate::{
    api::{answer::Meta, scope::PipelineScope},
    auth::{Asker, Role},
    page::{BuildRow, Crumb, JobPage, State, render_job},
    refused::Refused,
    site::Site,
};

/// The page of one job with a part of its builds.
pub(crate) async fn job(
    site: &Site,
    asker: &Asker,
    scope: &PipelineScope,
    job: &JobRow,
    builds: &[Build],
    meta: Meta,
) -> Result<HttpResponse, Refused> {
    let base = scope.base();
    let job_base = format!("{base}/jobs/{}", job.name);
    let mut rows = Vec::with_capacity(builds.len());
    for build in builds {
        rows.push(row(site, &base, build).await?);
    }
    let newest = job.latest.as_ref();
    let shows_newest = newest.map(|build| build.id.0) == meta.newest_id;
    let page = JobPage {
        frame: team_frame(
            site,
            asker,
            &scope.row.team_canonical,
            format!("{base}/events"),
            way(scope, vec![Crumb::here(&job.name)]),
        )
        .await?,
        pipeline: scope.row.name.clone(),
        job: job.name.clone(),
        state: newest.map_or(State::NotRun, |build| state(build.status)),
        trigger: (scope.role >= Role::Write).then(|| format!("{job_base}/trigger")),
        builds: rows,
        newer: (!shows_newest).then(|| format!("{job_base}/builds")),
        older: meta.oldest_id.filter(|_| meta.has_more).map(|id| format!("{job_base}/builds?before={id}")),
    };
    Ok(html(StatusCode::OK, render_job(&page)))
}

async fn row(site: &Site, base: &str, build: &Build) -> Result<BuildRow, Refused> {
    Ok(BuildRow {
        number: build.number.to_string(),
        href: href(base, build),
        state: state(build.status),
        reason: reason(site, base, build, &[]).await?,
        cause: cause(site, base, build).await?,
        created_at: ms(build.created_at),
        started_at: build.started_at.map(ms),
        ended_at: build.ended_at.map(ms),
    })
}

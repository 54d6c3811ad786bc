//! Jobs.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse, get,
    http::header::LOCATION,
    post,
    web::{Data, Path},
};
use pikoci_model::{port::Trigger, scheduling::InsertedBuild};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    answer::{Answer, json},
    scope::{self, JobPath, JobScope, PipelinePath, PipelineScope},
    view::{BuildView, JobView, build_whole},
};
use crate::{
    auth::{Act, Asker, Role},
    face::Face,
    refused::{RefusalBody, Refused},
    site::Site,
};

/// How to start a build by hand.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TriggerRequest {
    /// Values of the job's inputs.
    #[serde(default)]
    #[schema(required = false)]
    input_values: BTreeMap<String, String>,
}

/// The jobs of a pipeline, in the order of the file. A browser is led to the pipeline.
#[utoipa::path(
    tag = "jobs",
    params(PipelinePath),
    responses(
        (status = 200, body = Answer<Vec<JobView>>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/jobs")]
pub(crate) async fn list(
    site: Data<Site>,
    asker: Asker,
    path: Path<PipelinePath>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::pipeline(&site, &asker, &path, Role::Public).await?;
    if asker.face == Face::Html {
        return Ok(see(&scope.base()));
    }
    let definition = scope.definition(&site).await?;
    let rows = site.deps.store.jobs(scope.row.id).await?;
    let views = rows.iter().filter_map(|row| Some(JobView::new(row, definition.job(&row.name)?, scope.role)));
    Ok(json(views.collect::<Vec<_>>()))
}

/// One job. A browser is led to its builds.
#[utoipa::path(
    tag = "jobs",
    params(JobPath),
    responses(
        (status = 200, body = Answer<JobView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/jobs/{job}")]
pub(crate) async fn get(
    site: Data<Site>,
    asker: Asker,
    path: Path<JobPath>,
) -> Result<HttpResponse, Refused> {
    let JobScope { pipeline, job } = scope::job(&site, &asker, &path, Role::Public).await?;
    if asker.face == Face::Html {
        return Ok(see(&format!("{}/jobs/{}/builds", pipeline.base(), job.name)));
    }
    let definition = pipeline.definition(&site).await?;
    let meaning = definition.job(&job.name);
    let meaning =
        meaning.ok_or_else(|| Refused::not_found(format!("there is no job \"{}\" any more", job.name)))?;
    Ok(json(JobView::new(&job, meaning, pipeline.role)))
}

/// Starts a build by hand.
#[utoipa::path(
    tag = "jobs",
    params(JobPath),
    request_body = TriggerRequest,
    responses(
        (status = 200, description = "the new build", body = Answer<BuildView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
        (status = 409, body = RefusalBody),
        (status = 422, description = "an input is wrong", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/{pipeline}/jobs/{job}/trigger")]
pub(crate) async fn trigger(
    site: Data<Site>,
    act: Act<TriggerRequest>,
    path: Path<JobPath>,
) -> Result<HttpResponse, Refused> {
    let JobScope { pipeline, job } = scope::job(&site, &act.asker, &path, Role::Write).await?;
    let request = Trigger {
        pipeline: pipeline.row.id,
        job: job.id,
        inputs: act.body.input_values,
        by: act.asker.name().to_owned(),
    };
    let inserted = site.deps.control.trigger(request).await?;
    new_build(&site, act.asker.face, &pipeline, &job.name, &inserted).await
}

/// A build that was just made: itself, or for a browser the way to it.
pub(super) async fn new_build(
    site: &Site,
    face: Face,
    pipeline: &PipelineScope,
    job: &str,
    inserted: &InsertedBuild,
) -> Result<HttpResponse, Refused> {
    if face == Face::Html {
        return Ok(see(&format!("{}/jobs/{job}/builds/{}", pipeline.base(), inserted.number)));
    }
    let build = site.deps.store.build(inserted.id).await?;
    let build = build.ok_or_else(|| Refused::not_found("the build has just been deleted"))?;
    Ok(json(build_whole(site, &build, build.run, pipeline.role).await?))
}

/// Leads a browser on.
pub(super) fn see(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}

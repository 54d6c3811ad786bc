//! Builds.

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Path, Query},
};
use pikoci_model::build::BuildStatus;
use utoipa::IntoParams;

use super::{
    answer::{Answer, json, list as list_answer},
    jobs::{new_build, see},
    listing::Listing,
    scope::{self, BuildPath, BuildScope, JobPath, JobScope, RunQuery},
    view::{BuildView, build_brief, build_whole, resource_names},
};
use crate::{
    auth::{Act, Asker, Role},
    face::Face,
    refused::{RefusalBody, Refused},
    show::{self, PageQuery},
    site::Site,
};

/// Which builds.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes the query; it is read by `statuses` and `with_steps`, since a key may repeat"
)]
pub(crate) struct BuildFilter {
    /// Only builds with this status; may be repeated.
    #[param(required = false, style = Form, explode)]
    status: Vec<String>,
    /// `steps`: with steps and logs. They are there too when `status` is given.
    #[param(required = false)]
    include: String,
}

/// The builds of a job, newest first.
#[utoipa::path(
    tag = "builds",
    params(JobPath, Listing, BuildFilter),
    responses(
        (status = 200, body = Answer<Vec<BuildView>>),
        (status = 400, body = RefusalBody),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/jobs/{job}/builds")]
pub(crate) async fn list(
    site: Data<Site>,
    asker: Asker,
    path: Path<JobPath>,
    listing: Query<Listing>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let JobScope { pipeline, job } = scope::job(&site, &asker, &path, Role::Public).await?;
    let pairs = pairs(&request)?;
    let statuses = statuses(&pairs)?;
    let mut rows = site.deps.store.builds(job.id, listing.page()?, &statuses).await?;
    let meta = listing.cut(&mut rows, |build| build.id.0);
    if asker.face == Face::Html {
        return show::job(&site, &asker, &pipeline, &job, &rows, meta).await;
    }
    let whole = pipeline.role >= Role::Read && with_steps(&pairs);
    let names = resource_names(&site, pipeline.row.id).await?;
    let mut views = Vec::with_capacity(rows.len());
    for build in &rows {
        views.push(if whole {
            build_whole(&site, build, build.run, pipeline.role).await?
        } else {
            build_brief(&site, build, &names, pipeline.role).await?
        });
    }
    Ok(list_answer(views, meta))
}

fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Refused> {
    Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map(Query::into_inner)
        .map_err(|error| Refused::malformed(format!("the query cannot be read: {error}")))
}

fn statuses(pairs: &[(String, String)]) -> Result<Vec<BuildStatus>, Refused> {
    let words = pairs.iter().filter(|(name, _)| name == "status").map(|(_, word)| word);
    let unknown = |word: &String| {
        Refused::malformed(format!(
            "there is no status \"{word}\"; there are pending, started, succeeded, failed, warning, cancelled"
        ))
    };
    words.map(|word| BuildStatus::from_word(word).ok_or_else(|| unknown(word))).collect()
}

fn with_steps(pairs: &[(String, String)]) -> bool {
    pairs.iter().any(|(name, value)| name == "status" || (name == "include" && value == "steps"))
}

/// One build, with the steps, the services and the ends of the logs of one run.
#[utoipa::path(
    tag = "builds",
    params(BuildPath, RunQuery),
    responses(
        (status = 200, body = Answer<BuildView>),
        (status = 400, body = RefusalBody),
        (status = 401, body = RefusalBody),
        (status = 404, description = "no such build, or it has had no such run", body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/jobs/{job}/builds/{number}")]
pub(crate) async fn get(
    site: Data<Site>,
    asker: Asker,
    path: Path<BuildPath>,
    query: Query<PageQuery>,
    asked: Query<RunQuery>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::build(&site, &asker, &path, Role::Read).await?;
    let run = scope.run(asked.into_inner())?;
    match asker.face {
        Face::Html => show::build(&site, &asker, &scope, run, query.is_live()).await,
        Face::Json => Ok(json(build_whole(&site, &scope.build, run, scope.pipeline.role).await?)),
    }
}

/// Ends a build. It holds its place until its services are stopped.
#[utoipa::path(
    tag = "builds",
    params(BuildPath),
    responses(
        (status = 200, description = "the build, cancelled", body = Answer<BuildView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
        (status = 409, description = "it has ended, or its hooks run", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/{pipeline}/jobs/{job}/builds/{number}/cancel")]
pub(crate) async fn cancel(
    site: Data<Site>,
    act: Act<serde::de::IgnoredAny>,
    path: Path<BuildPath>,
) -> Result<HttpResponse, Refused> {
    let BuildScope { pipeline, job, build } = scope::build(&site, &act.asker, &path, Role::Write).await?;
    site.deps.control.cancel(build.id, act.asker.name()).await?;
    if act.asker.face == Face::Html {
        return Ok(see(&format!("{}/jobs/{}/builds/{}", pipeline.base(), job.name, build.number)));
    }
    let now = site.deps.store.build(build.id).await?.unwrap_or(build);
    Ok(json(build_whole(&site, &now, now.run, pipeline.role).await?))
}

/// Runs a build's versions and inputs again, with the current plan.
#[utoipa::path(
    tag = "builds",
    params(BuildPath),
    responses(
        (status = 200, description = "the new build", body = Answer<BuildView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
        (status = 409, description = "it has not ended, or the job says no", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/{pipeline}/jobs/{job}/builds/{number}/retry")]
pub(crate) async fn retry(
    site: Data<Site>,
    act: Act<serde::de::IgnoredAny>,
    path: Path<BuildPath>,
) -> Result<HttpResponse, Refused> {
    let BuildScope { pipeline, job, build } = scope::build(&site, &act.asker, &path, Role::Write).await?;
    let inserted = site.deps.control.retry(build.id, act.asker.name()).await?;
    new_build(&site, act.asker.face, &pipeline, &job.name, &inserted).await
}

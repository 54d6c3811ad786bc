//! The streams.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, Path, Query},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::scope::{self, BuildPath, BuildScope, PipelinePath, TeamPath};
use crate::{
    auth::{Asker, Role},
    live::{self, Until},
    refused::{RefusalBody, Refused},
    site::Site,
};

/// Where to go on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResumeQuery {
    /// The number of the last chunk that is known. The header `Last-Event-ID` says the same, and wins.
    after: Option<i64>,
    /// When the stream is over: when the build is `done`, or, besides, every service of every run is `stopped`.
    #[serde(default)]
    #[param(required = false, inline)]
    until: Until,
}

/// A build as it goes: `log`, `step`, `service`, `build`, `heartbeat`, and `end` when nothing of it is alive.
#[utoipa::path(
    tag = "events",
    params(BuildPath, ResumeQuery),
    responses(
        (status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/jobs/{job}/builds/{number}/events")]
pub(crate) async fn of_build(
    site: Data<Site>,
    asker: Asker,
    path: Path<BuildPath>,
    query: Query<ResumeQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let BuildScope { build, .. } = scope::build(&site, &asker, &path, Role::Read).await?;
    let last = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    let after = match last.filter(|id| !id.is_empty()) {
        Some(id) => {
            id.parse().map_err(|_| Refused::malformed("`Last-Event-ID` must be the id of an event"))?
        }
        None => query.after.unwrap_or(0),
    };
    Ok(live::build(Arc::clone(&site), build.id, after, query.until))
}

/// What changes in a pipeline: `build`, `resource`, `pipeline`, `heartbeat`. Each only says: look again.
#[utoipa::path(
    tag = "events",
    params(PipelinePath),
    responses(
        (status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/events")]
pub(crate) async fn of_pipeline(
    site: Data<Site>,
    asker: Asker,
    path: Path<PipelinePath>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::pipeline(&site, &asker, &path, Role::Public).await?;
    Ok(live::pipeline(Arc::clone(&site), scope.row.id))
}

/// What changes in the pipelines of a team. Each event only says: look again.
#[utoipa::path(
    tag = "events",
    params(TeamPath),
    responses(
        (status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security(("session" = []))
)]
#[get("/teams/{team}/events")]
pub(crate) async fn of_team(
    site: Data<Site>,
    asker: Asker,
    path: Path<TeamPath>,
) -> Result<HttpResponse, Refused> {
    let team = scope::team(&site, &asker, &path, Role::Read).await?;
    Ok(live::team(Arc::clone(&site), team.id))
}

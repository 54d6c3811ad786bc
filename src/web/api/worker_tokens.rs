//! Tokens that workers of elsewhere need.

use actix_web::{
    HttpResponse, get, post,
    web::{Data, Path},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer::{Answer, json},
    scope::{self, TeamPath},
};
use crate::{
    auth::{Act, Asker, Role},
    refused::{RefusalBody, Refused},
    site::Site,
};

/// A token for workers.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkerTokenView {
    /// What `pikoci worker --worker-token` takes.
    worker_token: String,
}

/// The token for workers of one team, which take this team's work only.
#[utoipa::path(
    tag = "teams",
    params(TeamPath),
    responses(
        (status = 200, body = Answer<WorkerTokenView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security(("session" = []))
)]
#[get("/teams/{team}/worker-token")]
pub(crate) async fn of_team(
    site: Data<Site>,
    asker: Asker,
    path: Path<TeamPath>,
) -> Result<HttpResponse, Refused> {
    let team = scope::team(&site, &asker, &path, Role::Admin).await?.canonical;
    let salt = site.deps.store.worker_salt(Some(&team)).await?;
    answer(&site, Some(&team), salt)
}

/// Another token for workers of one team; the one before is no longer good, and workers with it are sent away within
/// seconds.
#[utoipa::path(
    tag = "teams",
    params(TeamPath),
    responses(
        (status = 200, body = Answer<WorkerTokenView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/worker-token")]
pub(crate) async fn renew_of_team(
    site: Data<Site>,
    act: Act<serde::de::IgnoredAny>,
    path: Path<TeamPath>,
) -> Result<HttpResponse, Refused> {
    let team = scope::team(&site, &act.asker, &path, Role::Admin).await?.canonical;
    let salt = site.deps.store.renew_worker_salt(Some(&team)).await?;
    answer(&site, Some(&team), salt)
}

/// The token for workers of all teams.
#[utoipa::path(
    tag = "workers",
    responses(
        (status = 200, body = Answer<WorkerTokenView>),
        (status = 401, body = RefusalBody),
        (status = 403, description = "for global admins only", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[get("/workers/token")]
pub(crate) async fn of_all(site: Data<Site>, asker: Asker) -> Result<HttpResponse, Refused> {
    asker.global_admin()?;
    let salt = site.deps.store.worker_salt(None).await?;
    answer(&site, None, salt)
}

/// Another token for workers of all teams; the one before is no longer good.
#[utoipa::path(
    tag = "workers",
    responses(
        (status = 200, body = Answer<WorkerTokenView>),
        (status = 401, body = RefusalBody),
        (status = 403, description = "for global admins only", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/workers/token")]
pub(crate) async fn renew_of_all(
    site: Data<Site>,
    act: Act<serde::de::IgnoredAny>,
) -> Result<HttpResponse, Refused> {
    act.asker.global_admin()?;
    let salt = site.deps.store.renew_worker_salt(None).await?;
    answer(&site, None, salt)
}

fn answer(site: &Site, team: Option<&str>, salt: Option<String>) -> Result<HttpResponse, Refused> {
    let salt = salt.ok_or_else(|| Refused::not_found("there is no such team"))?;
    let worker_token = (site.deps.settings.worker_tokens)(team, &salt);
    Ok(json(WorkerTokenView { worker_token }))
}

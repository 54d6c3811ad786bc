//! Teams.

use actix_web::{
    HttpResponse, get,
    web::{Data, Path},
};
use pikoci_model::port::store::Team;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer::{Answer, json},
    jobs::see,
    scope::{self, TeamPath},
};
use crate::{
    auth::{Asker, Role},
    face::Face,
    refused::{RefusalBody, Refused},
    site::Site,
};

/// A team.
#[derive(Serialize, ToSchema)]
pub(crate) struct TeamView {
    /// Its row.
    id: i64,
    /// As shown.
    name: String,
    /// In addresses.
    canonical: String,
}

impl From<Team> for TeamView {
    fn from(team: Team) -> Self {
        Self { id: team.id.0, name: team.name, canonical: team.canonical }
    }
}

/// The teams that the asker belongs to.
#[utoipa::path(
    tag = "teams",
    responses((status = 200, body = Answer<Vec<TeamView>>), (status = 401, body = RefusalBody)),
    security(("session" = []))
)]
#[get("/teams")]
pub(crate) async fn list(site: Data<Site>, asker: Asker) -> Result<HttpResponse, Refused> {
    asker.logged_in()?;
    let mut teams = site.deps.store.teams().await?;
    teams.retain(|team| asker.role_in(&team.canonical).is_some());
    Ok(json(teams.into_iter().map(TeamView::from).collect::<Vec<_>>()))
}

/// One team. A browser is led to its pipelines.
#[utoipa::path(
    tag = "teams",
    params(TeamPath),
    responses(
        (status = 200, body = Answer<TeamView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security(("session" = []))
)]
#[get("/teams/{team}")]
pub(crate) async fn get(
    site: Data<Site>,
    asker: Asker,
    path: Path<TeamPath>,
) -> Result<HttpResponse, Refused> {
    let team = scope::team(&site, &asker, &path, Role::Read).await?;
    match asker.face {
        Face::Html => Ok(see(&format!("/teams/{}/pipelines", team.canonical))),
        Face::Json => Ok(json(TeamView::from(team))),
    }
}

//! What stands around every page.

use actix_web::{HttpResponse, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{
    api::scope::PipelineScope,
    auth::Asker,
    page::{Crumb, Frame},
    refused::Refused,
    site::Site,
};

/// What the address of a page may say besides.
#[derive(Debug, Deserialize)]
pub(crate) struct PageQuery {
    #[serde(default)]
    view: String,
    pub(crate) version_id: Option<i64>,
}

impl PageQuery {
    /// The script asks for the parts that changed; logs come to it through the stream.
    pub(crate) fn is_live(&self) -> bool {
        self.view == "live"
    }
}

/// A page as an answer.
pub(crate) fn html(status: StatusCode, page: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page)
}

/// The frame of a page that belongs to no team.
pub(crate) fn frame(site: &Site, asker: &Asker, team: &str) -> Frame {
    Frame {
        team: team.to_owned(),
        user: asker.session.as_ref().map(|session| session.user.username.clone()),
        csrf: asker.csrf(),
        theme: asker.theme,
        now: ms(site.deps.clock.now()),
        may_see_workers: asker.global_admin().is_ok(),
        ..Frame::default()
    }
}

/// The frame of a page of a team; `events` is the address of its stream.
pub(super) async fn team_frame(
    site: &Site,
    asker: &Asker,
    team: &str,
    events: String,
    crumbs: Vec<Crumb>,
) -> Result<Frame, Refused> {
    let workers = match asker.role_in(team) {
        Some(_) => Some(site.workers_online().await?),
        None => None,
    };
    let trouble = site.transport().and_then(|way| Some((way.system, way.trouble?)));
    let trouble = trouble.filter(|_| workers.is_some()).map(|(system, why)| {
        format!("The workers cannot be reached: {system} is not connected ({why}). It is tried again; nothing is lost.")
    });
    Ok(Frame { events, workers, crumbs, trouble, ..frame(site, asker, team) })
}

/// The way to a page of a pipeline: the team, the pipeline, and what follows.
pub(super) fn way(scope: &PipelineScope, mut below: Vec<Crumb>) -> Vec<Crumb> {
    let team = &scope.row.team_canonical;
    let pipeline = match below.is_empty() {
        true => Crumb::here(&scope.row.name),
        false => Crumb::link(&scope.row.name, scope.base()),
    };
    let mut crumbs = vec![Crumb::link(team, format!("/teams/{team}/pipelines")), pipeline];
    crumbs.append(&mut below);
    crumbs
}

/// Milliseconds since the epoch.
pub(super) fn ms(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

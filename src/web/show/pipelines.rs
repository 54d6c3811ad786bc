//! The page of all pipelines.

use actix_web::{HttpResponse, http::StatusCode};
use pikoci_model::{
    build::Build,
    port::store::{PipelineRow, Team},
};

use super::{
    frame::{html, ms, team_frame},
    words::{label, pipeline_state, state},
};
use crate::{
    auth::Asker,
    page::{Crumb, PipelineCard, PipelinesPage, RecentBuild, Sentence, render_pipelines},
    refused::Refused,
    site::Site,
};

/// Bars of a card.
const RECENT: u32 = 24;

/// The page of all pipelines.
pub(crate) async fn pipelines(
    site: &Site,
    asker: &Asker,
    team: &Team,
    rows: Vec<PipelineRow>,
) -> Result<HttpResponse, Refused> {
    let base = format!("/teams/{}", team.canonical);
    let mut cards = Vec::with_capacity(rows.len());
    for row in rows {
        cards.push(card(site, &base, &row).await?);
    }
    let page = PipelinesPage {
        frame: team_frame(
            site,
            asker,
            &team.canonical,
            format!("{base}/events"),
            vec![Crumb::here(&team.name)],
        )
        .await?,
        pipelines: cards,
        server_url: asker.origin.clone(),
    };
    Ok(html(StatusCode::OK, render_pipelines(&page)))
}

pub(super) async fn card(site: &Site, team_base: &str, row: &PipelineRow) -> Result<PipelineCard, Refused> {
    let jobs = site.deps.store.jobs(row.id).await?;
    let recent = site.deps.store.recent_builds(row.id, RECENT).await?;
    let last = recent.iter().max_by_key(|build| last_moment(build));
    let now = ms(site.deps.clock.now());
    Ok(PipelineCard {
        name: row.name.clone(),
        href: format!("{team_base}/pipelines/{}", row.canonical),
        state: pipeline_state(&jobs),
        last_event: last.map(said).unwrap_or_else(|| Sentence::plain("no build yet")),
        last_event_at: last.map(last_moment),
        builds: recent.iter().rev().map(|build| bar(build, now)).collect(),
    })
}

fn last_moment(build: &Build) -> i64 {
    ms(build.ended_at.or(build.started_at).unwrap_or(build.created_at))
}

fn said(build: &Build) -> Sentence {
    Sentence::plain(format!("{} {}", label(build), state(build.status).word()))
}

fn bar(build: &Build, now: i64) -> RecentBuild {
    let from = build.started_at.map(ms);
    let duration = from.map_or(0, |from| build.ended_at.map_or(now, ms).saturating_sub(from));
    RecentBuild {
        label: label(build),
        state: state(build.status),
        duration_ms: u64::try_from(duration).unwrap_or_default(),
    }
}

//! The page of all workers.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, http::StatusCode};
use pikoci_model::{
    build::Build,
    id::PipelineId,
    port::store::{Page, WorkerRow},
    worker::WorkerState,
};

use super::{
    frame::{frame, html, ms},
    words::{href, label},
};
use crate::{
    auth::Asker,
    held::Held,
    page::{
        BuildOnWorker, Crumb, Frame, PendingStop, Sentence, WorkerCard, WorkerStand, WorkersPage,
        render_workers,
    },
    refused::Refused,
    site::Site,
    standing::{self, Owed},
};

/// The page of all workers.
pub(crate) async fn workers(site: &Site, asker: &Asker) -> Result<HttpResponse, Refused> {
    let mut names = Names::default();
    let mut cards = Vec::new();
    let held = Held::read(site.deps.store.as_ref()).await?;
    for row in site.deps.store.workers().await? {
        let builds = held.by(&row.profile.node);
        cards.push(card(site, &mut names, row, builds).await?);
    }
    // The newest process of a name is the one that will stop what is pending under it.
    cards.sort_by_key(|card| std::cmp::Reverse(card.started_at));
    let first = Page { limit: standing::AT_ONCE, ..Page::default() };
    for owed in standing::everywhere(site.deps.store.as_ref(), first).await? {
        let (worker, stop) = (owed.left.place(), pending(site, &mut names, &owed).await?);
        match cards.iter_mut().find(|card| card.name == worker) {
            Some(card) => card.pending.push(stop),
            None => cards.push(gone(&worker, stop)),
        }
    }
    cards.sort_by_key(|card| (card.pending.is_empty() && card.warnings.is_empty(), card.name.clone()));
    let page = WorkersPage {
        frame: Frame {
            events: "/workers/events".to_owned(),
            workers: Some(site.workers_online().await?),
            crumbs: vec![Crumb::here("workers")],
            ..frame(site, asker, "")
        },
        workers: cards,
    };
    Ok(html(StatusCode::OK, render_workers(&page)))
}

/// Pipelines by row: name and address.
#[derive(Default)]
struct Names(BTreeMap<PipelineId, Option<(String, String)>>);

impl Names {
    /// `shop / integration #42`, with its link.
    async fn build(&mut self, site: &Site, build: &Build) -> Result<Sentence, Refused> {
        let named = match self.0.get(&build.pipeline) {
            Some(known) => known.clone(),
            None => self.learn(site, build.pipeline).await?,
        };
        Ok(match named {
            Some((name, base)) => {
                Sentence::default().link(format!("{name} / {}", label(build)), href(&base, build))
            }
            None => Sentence::plain(label(build)),
        })
    }

    async fn learn(&mut self, site: &Site, id: PipelineId) -> Result<Option<(String, String)>, Refused> {
        let row = site.deps.store.pipeline_by_id(id).await?;
        let named = row.map(|row| {
            (row.name.clone(), format!("/teams/{}/pipelines/{}", row.team_canonical, row.canonical))
        });
        self.0.insert(id, named.clone());
        Ok(named)
    }
}

async fn card(site: &Site, names: &mut Names, row: WorkerRow, held: &[Build]) -> Result<WorkerCard, Refused> {
    let mut builds = Vec::new();
    for build in held {
        let since = ms(build.started_at.unwrap_or(build.created_at));
        builds.push(BuildOnWorker { build: names.build(site, build).await?, since });
    }
    let profile = row.profile;
    Ok(WorkerCard {
        name: profile.name,
        stand: stand(row.state),
        host: format!("{}, {} {}", profile.hostname, profile.os, profile.arch),
        version: profile.version,
        slots: profile.slots,
        tags: profile.tags,
        exclusive: profile.exclusive_tags,
        team: profile.team,
        started_at: Some(ms(profile.started_at)),
        seen_at: Some(ms(row.last_seen_at)),
        warnings: profile.warnings,
        builds,
        pending: Vec::new(),
    })
}

fn stand(state: WorkerState) -> WorkerStand {
    match state {
        WorkerState::Online => WorkerStand::Online,
        WorkerState::Silent => WorkerStand::Silent,
        WorkerState::Lost => WorkerStand::Lost,
        WorkerState::Draining => WorkerStand::Draining,
    }
}

async fn pending(site: &Site, names: &mut Names, owed: &Owed) -> Result<PendingStop, Refused> {
    let record = &owed.left.record;
    Ok(PendingStop {
        service: record.name.clone(),
        of: BuildOnWorker { build: names.build(site, &owed.build).await?, since: ms(record.starting_at) },
        failed: !owed.left.is_pending(),
        reason: record.failure.as_ref().map(ToString::to_string).unwrap_or_default(),
    })
}

/// A worker of which nothing is known any more but what it left.
fn gone(name: &str, stop: PendingStop) -> WorkerCard {
    WorkerCard {
        name: name.to_owned(),
        stand: WorkerStand::Lost,
        host: String::new(),
        version: String::new(),
        slots: 0,
        tags: Vec::new(),
        exclusive: false,
        team: None,
        started_at: None,
        seen_at: None,
        warnings: Vec::new(),
        builds: Vec::new(),
        pending: vec![stop],
    }
}

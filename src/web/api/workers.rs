//! Workers, and what is still to be stopped on them.

use std::sync::Arc;

use actix_web::{
    HttpResponse, delete, get,
    http::StatusCode,
    web::{Data, Path, Query},
};
use pikoci_model::{port::Topic, worker::WorkerState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answer::{Answer, Done, json, list as list_answer},
    listing::Listing,
    view::{PendingStopView, WorkerView},
};
use crate::{
    auth::{Act, Asker},
    face::Face,
    held::Held,
    live,
    refused::{RefusalBody, Refused},
    show,
    site::Site,
    standing,
};

/// Whether there is a worker to run builds.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkersHealthView {
    /// At least one worker is online.
    healthy: bool,
}

/// All workers.
#[utoipa::path(
    tag = "workers",
    responses(
        (status = 200, body = Answer<Vec<WorkerView>>),
        (status = 401, body = RefusalBody),
        (status = 403, description = "for global admins only", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[get("/workers")]
pub(crate) async fn list(site: Data<Site>, asker: Asker) -> Result<HttpResponse, Refused> {
    asker.global_admin()?;
    if asker.face == Face::Html {
        return show::workers(&site, &asker).await;
    }
    let left = standing::by_worker(site.deps.store.as_ref()).await?;
    let mut views = Vec::new();
    let held = Held::read(site.deps.store.as_ref()).await?;
    for row in site.deps.store.workers().await? {
        let builds = held.by(&row.profile.node).len();
        let pending = left.get(&row.profile.name).copied().unwrap_or_default();
        views.push(WorkerView::of(row, builds, pending));
    }
    Ok(json(views))
}

/// Services that are not stopped although their builds do not use them any more, on any worker, newest first.
#[utoipa::path(
    tag = "workers",
    params(Listing),
    responses(
        (status = 200, body = Answer<Vec<PendingStopView>>),
        (status = 400, body = RefusalBody),
        (status = 401, body = RefusalBody),
        (status = 403, description = "for global admins only", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[get("/workers/pending-stops")]
pub(crate) async fn pending_stops(
    site: Data<Site>,
    asker: Asker,
    listing: Query<Listing>,
) -> Result<HttpResponse, Refused> {
    asker.global_admin()?;
    let mut rows = standing::everywhere(site.deps.store.as_ref(), listing.page()?).await?;
    let meta = listing.cut(&mut rows, |owed| owed.id);
    let mut views = Vec::new();
    for owed in &rows {
        let pipeline = site.deps.store.pipeline_by_id(owed.build.pipeline).await?;
        views.push(PendingStopView::of(pipeline.as_ref(), owed));
    }
    Ok(list_answer(views, meta))
}

/// What changes among the workers: `worker`, `heartbeat`. Each only says: look again.
#[utoipa::path(
    tag = "events",
    responses(
        (status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = 401, body = RefusalBody),
        (status = 403, description = "for global admins only", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[get("/workers/events")]
pub(crate) async fn events(site: Data<Site>, asker: Asker) -> Result<HttpResponse, Refused> {
    asker.global_admin()?;
    Ok(live::workers(Arc::clone(&site)))
}

/// Whether there is a worker to run builds.
#[utoipa::path(
    tag = "workers",
    responses((status = 200, body = Answer<WorkersHealthView>), (status = 401, body = RefusalBody)),
    security(("session" = []))
)]
#[get("/workers/health")]
pub(crate) async fn health(site: Data<Site>, asker: Asker) -> Result<HttpResponse, Refused> {
    asker.global_admin()?;
    Ok(json(WorkersHealthView { healthy: site.workers_online().await? > 0 }))
}

/// A worker, by the name it was given.
#[derive(Deserialize, IntoParams)]
pub(crate) struct WorkerPath {
    /// Its name.
    name: String,
}

/// Forgets a worker that is lost. What is still to be stopped on it stays on record.
#[utoipa::path(
    tag = "workers",
    params(WorkerPath),
    responses(
        (status = 200, body = Answer<Done>),
        (status = 401, body = RefusalBody),
        (status = 403, description = "for global admins only", body = RefusalBody),
        (status = 404, body = RefusalBody),
        (status = 409, description = "it is not lost, or holds builds", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[delete("/workers/{name}")]
pub(crate) async fn delete(
    site: Data<Site>,
    act: Act<serde::de::IgnoredAny>,
    path: Path<WorkerPath>,
) -> Result<HttpResponse, Refused> {
    act.asker.global_admin()?;
    let store = &site.deps.store;
    let mut named = store.workers().await?;
    named.retain(|row| row.profile.name == path.name);
    if named.is_empty() {
        return Err(Refused::not_found(format!("there is no worker {}", path.name)));
    }
    for row in &named {
        if row.state != WorkerState::Lost || !store.held_by(&row.profile.node).await?.is_empty() {
            let message = format!("worker {} is not lost: stop it, and it leaves by itself", path.name);
            return Err(Refused::new(StatusCode::CONFLICT, message));
        }
    }
    for row in &named {
        store.worker_gone(&row.profile.node).await?;
    }
    site.deps.signals.ring(Topic::Everything);
    Ok(json(Done {}))
}

//! Workers, for reading.

use actix_web::{HttpResponse, get, web::Data};
use chrono::{DateTime, Utc};
use pikoci_model::{port::store::WorkerRow, worker::WorkerState};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, json};
use crate::{
    auth::Asker,
    refused::{RefusalBody, Refused},
    site::Site,
};

/// A worker.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkerView {
    /// Its process.
    id: String,
    /// Name as shown.
    name: String,
    /// Host name.
    hostname: String,
    /// Operating system.
    os: String,
    /// Architecture.
    arch: String,
    /// Version of the program.
    version: String,
    /// Build slots.
    concurrency: u32,
    /// What it can do.
    tags: Vec<String>,
    /// Takes tagged work only.
    exclusive_tags: bool,
    /// Its team; null for a global worker.
    team_canonical: Option<String>,
    /// When it started.
    started_at: DateTime<Utc>,
    /// When it was last heard.
    last_ping_at: DateTime<Utc>,
    /// `online` or `stale`.
    #[schema(example = "online")]
    status: &'static str,
    /// `online`, `silent`, `lost` or `draining`.
    #[schema(example = "online")]
    state: &'static str,
}

/// Whether there is a worker to run builds.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkersHealthView {
    /// At least one worker is online.
    healthy: bool,
}

impl From<WorkerRow> for WorkerView {
    fn from(row: WorkerRow) -> Self {
        let profile = row.profile;
        Self {
            id: profile.node.0,
            name: profile.name,
            hostname: profile.hostname,
            os: profile.os,
            arch: profile.arch,
            version: profile.version,
            concurrency: profile.slots,
            tags: profile.tags,
            exclusive_tags: profile.exclusive_tags,
            team_canonical: profile.team,
            started_at: profile.started_at,
            last_ping_at: row.last_seen_at,
            status: if row.state == WorkerState::Online { "online" } else { "stale" },
            state: match row.state {
                WorkerState::Online => "online",
                WorkerState::Silent => "silent",
                WorkerState::Lost => "lost",
                WorkerState::Draining => "draining",
            },
        }
    }
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
    let workers = site.deps.store.workers().await?;
    Ok(json(workers.into_iter().map(WorkerView::from).collect::<Vec<_>>()))
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

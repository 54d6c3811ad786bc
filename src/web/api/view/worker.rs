//! Workers.

use chrono::{DateTime, Utc};
use pikoci_model::{
    port::store::{PipelineRow, WorkerRow},
    worker::WorkerState,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::ServiceView;
use crate::standing::Owed;

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
    /// Builds that it holds.
    running: usize,
    /// Services that are still to be stopped on a worker of this name.
    pending_stops: usize,
    /// What an operator should know of its host: `journal is not durable (tmpfs)`.
    warnings: Vec<String>,
}

/// A service that is still to be stopped.
#[derive(Serialize, ToSchema)]
#[schema(as = PendingStop)]
pub(crate) struct PendingStopView {
    /// For `before` and `after`.
    id: i64,
    /// Name of the worker on which it is to be stopped.
    worker: String,
    /// Canonical of the team.
    team: String,
    /// Canonical of the pipeline.
    pipeline: String,
    /// Name of the job.
    job: String,
    /// Number of the build.
    #[schema(example = "7")]
    build_number: String,
    /// The service.
    service: ServiceView,
}

impl PendingStopView {
    /// What is left of a build; without a pipeline where that is gone.
    pub(crate) fn of(pipeline: Option<&PipelineRow>, owed: &Owed) -> Self {
        Self {
            id: owed.id,
            worker: owed.left.place(),
            team: pipeline.map(|row| row.team_canonical.clone()).unwrap_or_default(),
            pipeline: pipeline.map(|row| row.canonical.clone()).unwrap_or_default(),
            job: owed.build.job_name.clone(),
            build_number: owed.build.number.to_string(),
            service: ServiceView::from(&owed.left),
        }
    }
}

impl WorkerView {
    /// A worker with how many builds it holds, and how many services are to be stopped on it.
    pub(crate) fn of(row: WorkerRow, running: usize, pending_stops: usize) -> Self {
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
            running,
            pending_stops,
            warnings: profile.warnings,
        }
    }
}

//! Jobs.

use chrono::{DateTime, Utc};
use pikoci_model::{pipeline::Job, port::store::JobRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    between, nanoseconds,
    step::{HookView, PlanStepView, hook_views},
};
use crate::auth::Role;

/// A job: its definition and its newest build.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobView {
    /// Its row.
    id: i64,
    /// Its name.
    name: String,
    /// For people.
    description: String,
    /// Unfinished builds at once; 0 = unlimited.
    concurrency: u32,
    /// Limit of the plan in ns; 0 = none.
    timeout: i64,
    /// A worker needs all of these.
    tags: Vec<String>,
    /// At most one job of each group runs at a time.
    serial_groups: Vec<String>,
    /// Retry is refused.
    disable_retry: bool,
    /// A failure ends as `warning`.
    allow_failure: bool,
    /// A new build cancels older ones.
    interruptible: bool,
    /// Its steps.
    plan: Vec<PlanStepView>,
    /// Its hooks.
    hooks: Vec<HookView>,
    /// Status of the newest build; null if there is none.
    #[schema(example = "succeeded")]
    latest_status: Option<&'static str>,
    /// Number of the newest build.
    #[schema(example = "7")]
    latest_build_number: Option<String>,
    /// How long the newest build took, in ns, once it ended.
    latest_build_duration: Option<i64>,
    /// When the newest build began.
    started_at: Option<DateTime<Utc>>,
    /// The newest build runs.
    has_running: bool,
}

impl JobView {
    /// What this role may see: commands and parameters are for members.
    pub(crate) fn new(row: &JobRow, job: &Job, role: Role) -> Self {
        let latest = row.latest.as_ref();
        Self {
            id: row.id.0,
            name: row.name.clone(),
            description: job.description.clone(),
            concurrency: job.concurrency,
            timeout: job.timeout.map_or(0, nanoseconds),
            tags: job.tags.clone(),
            serial_groups: job.serial_groups.clone(),
            disable_retry: job.disable_retry,
            allow_failure: job.allow_failure,
            interruptible: job.interruptible,
            plan: job.steps.iter().map(|step| PlanStepView::new(step, role)).collect(),
            hooks: hook_views(&job.hooks, role),
            latest_status: latest.map(|build| build.status.word()),
            latest_build_number: latest.map(|build| build.number.to_string()),
            latest_build_duration: latest.and_then(|build| Some(between(build.started_at?, build.ended_at?))),
            started_at: latest.and_then(|build| build.started_at),
            has_running: latest
                .is_some_and(|build| build.status == pikoci_model::build::BuildStatus::Started),
        }
    }
}

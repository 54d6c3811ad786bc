//! Service instances.

use chrono::{DateTime, Utc};
use pikoci_model::build::{ServiceRecord, ServiceState};
use serde::Serialize;
use utoipa::ToSchema;

use super::between;
use crate::standing::Standing;

/// A service instance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Service)]
pub(crate) struct ServiceView {
    /// Its identity.
    instance: uuid::Uuid,
    /// The run that started it.
    run: u32,
    /// Its name in the job.
    name: String,
    /// Label of its type.
    #[serde(rename = "type")]
    kind: String,
    /// What version runs; may be empty.
    version: String,
    /// Where it answers; may be empty.
    #[schema(example = "localhost:5432")]
    address: String,
    /// `registered`, `starting`, `probing`, `ready`, `stopping`, `stopped`, `stop_failed` or `stop_pending`.
    #[schema(example = "stopped")]
    status: &'static str,
    /// Why its start, ready check or stop failed; empty otherwise.
    error: String,
    /// Who stopped it: `build`, `shim` or `journal`.
    stopped_by: Option<String>,
    /// Name of the worker on which it is still to be stopped.
    pending_on: Option<String>,
    /// How often its stop was tried.
    tries: u32,
    /// Processes that had to be killed.
    killed: u32,
    /// When its start began.
    started_at: DateTime<Utc>,
    /// When it was ready.
    ready_at: Option<DateTime<Utc>>,
    /// When its stop began.
    stopping_at: Option<DateTime<Utc>>,
    /// When its stop had completed.
    stopped_at: Option<DateTime<Utc>>,
    /// How long its stop took, in ns.
    stop_duration: Option<i64>,
}

impl ServiceView {
    /// An instance of this run.
    fn of(run: u32, record: &ServiceRecord) -> Self {
        Self {
            instance: record.instance.0,
            run,
            name: record.name.clone(),
            kind: record.service_type.clone(),
            version: record.version.clone(),
            address: record.address.clone(),
            status: record.state.word(),
            error: record.failure.as_ref().map(ToString::to_string).unwrap_or_default(),
            stopped_by: record.stopped_by.clone(),
            pending_on: None,
            tries: record.tries,
            killed: record.killed,
            started_at: record.starting_at,
            ready_at: record.ready_at,
            stopping_at: record.stopping_at,
            stopped_at: record.stopped_at,
            stop_duration: record.stopping_at.zip(record.stopped_at).map(|(from, to)| between(from, to)),
        }
    }
}

impl From<&Standing> for ServiceView {
    /// What its run knew last is not how it stands: nobody has heard of its stop.
    fn from(left: &Standing) -> Self {
        let state = if left.is_pending() { ServiceState::StopPending } else { left.record.state };
        Self { status: state.word(), pending_on: Some(left.place()), ..Self::of(left.run, &left.record) }
    }
}

/// The instances of a run; `left` are those of any run that may still stand.
pub(crate) fn service_views(run: u32, records: &[ServiceRecord], left: &[Standing]) -> Vec<ServiceView> {
    let stands = |record: &ServiceRecord| left.iter().find(|left| left.record.instance == record.instance);
    records
        .iter()
        .map(|record| stands(record).map_or_else(|| ServiceView::of(run, record), ServiceView::from))
        .collect()
}

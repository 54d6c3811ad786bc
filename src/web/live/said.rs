//! What the events say: the fields of their data.

use chrono::{DateTime, TimeDelta, Utc};
use pikoci_model::build::{Build, ServiceRecord, ServiceState, StepRecord};
use serde::Serialize;

use crate::{
    api::view::{between, nanoseconds, waiting_reason},
    site::Site,
};

/// The event `build`.
#[derive(Serialize)]
pub(super) struct BuildSaid {
    build_number: String,
    run: u32,
    status: &'static str,
    phase: &'static str,
    error: String,
    worker: Option<String>,
    waiting_reason: String,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    duration: Option<i64>,
}

/// The event `step`.
#[derive(Serialize)]
pub(super) struct StepSaid<'a> {
    step: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    name: &'a str,
    attempt: u32,
    status: &'static str,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    duration: Option<i64>,
    exit_code: Option<i32>,
    error: String,
}

/// The event `service`.
#[derive(Serialize)]
pub(super) struct ServiceSaid<'a> {
    run: u32,
    service: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    status: &'static str,
    address: &'a str,
    started_at: DateTime<Utc>,
    ready_at: Option<DateTime<Utc>>,
    stopping_at: Option<DateTime<Utc>>,
    stopped_at: Option<DateTime<Utc>>,
    stopped_by: Option<&'a str>,
    killed: u32,
    error: String,
}

/// The event `log`: a piece of a step's log.
#[derive(Serialize)]
pub(super) struct LogSaid<'a> {
    pub(super) run: u32,
    pub(super) step: &'a str,
    pub(super) attempt: u32,
    pub(super) stream: &'static str,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) line: u64,
    pub(super) t: u64,
    pub(super) text: &'a str,
}

/// The event `end`: nothing of the build is alive.
#[derive(Serialize)]
pub(super) struct EndSaid {
    pub(super) status: &'static str,
}

impl BuildSaid {
    pub(super) fn of(site: &Site, build: &Build) -> Self {
        Self {
            build_number: build.number.to_string(),
            run: build.run,
            status: build.status.word(),
            phase: build.phase.word(),
            error: build.failure.as_ref().map(ToString::to_string).unwrap_or_default(),
            worker: build.worker.clone(),
            waiting_reason: waiting_reason(site, build),
            started_at: build.started_at,
            ended_at: build.ended_at,
            duration: build.started_at.zip(build.ended_at).map(|(from, to)| between(from, to)),
        }
    }
}

impl<'a> From<&'a StepRecord> for StepSaid<'a> {
    fn from(record: &'a StepRecord) -> Self {
        let ended_at = record
            .duration
            .and_then(|took| record.started_at.checked_add_signed(TimeDelta::from_std(took).ok()?));
        Self {
            step: &record.path.0,
            kind: &record.kind,
            name: &record.name,
            attempt: record.attempt,
            status: record.status.word(),
            started_at: record.started_at,
            ended_at,
            duration: record.duration.map(nanoseconds),
            exit_code: record.exit_code,
            error: record.failure.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl<'a> ServiceSaid<'a> {
    /// An instance of this run.
    pub(super) fn of(run: u32, record: &'a ServiceRecord) -> Self {
        let status = match record.state {
            ServiceState::Registered | ServiceState::Starting | ServiceState::Probing => "starting",
            ServiceState::Ready => "ready",
            ServiceState::Stopping => "stopping",
            ServiceState::Stopped if record.failure.is_some() => "failed",
            ServiceState::Stopped => "stopped",
            ServiceState::StopFailed => "stop_failed",
            ServiceState::StopPending => "stop_pending",
        };
        Self {
            run,
            service: &record.name,
            kind: &record.service_type,
            status,
            address: &record.address,
            started_at: record.starting_at,
            ready_at: record.ready_at,
            stopping_at: record.stopping_at,
            stopped_at: record.stopped_at,
            stopped_by: record.stopped_by.as_deref(),
            killed: record.killed,
            error: record.failure.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

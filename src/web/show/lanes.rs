//! The lanes of a run: its steps and its services, as they were reached.

use pikoci_model::{
    build::{BuildStatus, ServiceRecord, ServiceState as Stand, StepRecord},
    id::StepPath,
    pipeline::Job,
    step::StepKind,
};

use super::{build::PARTS, frame::ms, words::state};
use crate::{
    page::{LogTab, ServiceLane, ServiceState, State, StepLane, StepLog},
    standing::Standing,
};

/// What one run of a build consists of.
pub(super) struct Parts {
    /// Which run.
    pub(super) run: u32,
    /// Nothing of it will begin any more: the build is done, or the run was lost.
    pub(super) is_over: bool,
    pub(super) steps: Vec<StepRecord>,
    pub(super) services: Vec<ServiceRecord>,
    pub(super) logs: Vec<StepLog>,
    /// What is not stopped, of every run.
    pub(super) left: Vec<Standing>,
}

fn tab(parts: &Parts, path: &str, label: &str) -> Option<LogTab> {
    let has_log = parts.logs.iter().any(|log| log.path == path);
    has_log.then(|| LogTab { label: label.to_owned(), path: path.to_owned(), attempt: None })
}

/// The steps of the plan in order, each with its hooks below it; then the job's hooks. Services have lanes of their own.
pub(super) fn step_lanes(plan: Option<&Job>, parts: &Parts) -> Vec<StepLane> {
    let mut left: Vec<&StepRecord> =
        parts.steps.iter().filter(|step| !step.path.0.starts_with("svc.")).collect();
    let mut lanes = Vec::new();
    for (index, step) in plan.iter().flat_map(|job| job.steps.iter().enumerate()) {
        if matches!(step.kind, StepKind::Service(_)) {
            continue;
        }
        let path = index.to_string();
        match left.iter().position(|record| record.path.0 == path) {
            Some(at) => lanes.push(lane(left.remove(at), parts, 0)),
            None => lanes.push(not_reached(path.clone(), step.kind.word(), &step.name, parts.is_over)),
        }
        let below = format!("{path}.");
        let (own, rest): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|record| record.path.0.starts_with(&below));
        lanes.extend(own.into_iter().map(|record| lane(record, parts, 1)));
        left = rest;
    }
    lanes.extend(left.into_iter().map(|record| lane(record, parts, 0)));
    lanes
}

fn lane(record: &StepRecord, parts: &Parts, depth: u8) -> StepLane {
    let started_at = ms(record.started_at);
    let took = record.duration.map(|took| i64::try_from(took.as_millis()).unwrap_or(i64::MAX));
    let ended_at = took.map(|took| started_at.saturating_add(took));
    let was_cut = parts.is_over && record.status == BuildStatus::Started;
    StepLane {
        path: record.path.0.clone(),
        kind: record.kind.clone(),
        name: record.name.clone(),
        depth,
        state: if was_cut { State::Cancelled } else { state(record.status) },
        started_at: Some(started_at),
        ended_at: if was_cut { ended_at.or(Some(last_heard(parts).max(started_at))) } else { ended_at },
        note: if was_cut { "cut off".to_owned() } else { note(record) },
        logs: tab(parts, &record.path.0, "log").into_iter().collect(),
    }
}

/// The last moment of which a run told, in ms since the epoch: a step that was cut off lasted at least until then.
fn last_heard(parts: &Parts) -> i64 {
    let steps = parts.steps.iter().map(|step| step.started_at);
    let services = parts
        .services
        .iter()
        .flat_map(|service| [Some(service.starting_at), service.ready_at, service.stopping_at])
        .flatten();
    steps.chain(services).max().map(ms).unwrap_or_default()
}

fn not_reached(path: String, kind: &str, name: &str, is_over: bool) -> StepLane {
    StepLane {
        path,
        kind: kind.to_owned(),
        name: name.to_owned(),
        depth: 0,
        state: if is_over { State::NotRun } else { State::Pending },
        started_at: None,
        ended_at: None,
        note: String::new(),
        logs: Vec::new(),
    }
}

fn note(record: &StepRecord) -> String {
    match (record.status, record.exit_code) {
        (BuildStatus::Failed | BuildStatus::Warning, Some(code)) if code != 0 => format!("exit {code}"),
        _ if record.attempt > 1 => format!("attempt {}", record.attempt),
        _ => String::new(),
    }
}

/// The services that were started, in order, then those of the plan that were not reached.
pub(super) fn service_lanes(plan: Option<&Job>, parts: &Parts) -> Vec<ServiceLane> {
    let mut lanes: Vec<ServiceLane> =
        parts.services.iter().map(|record| service_lane(record, parts)).collect();
    for step in plan.iter().flat_map(|job| &job.steps) {
        let StepKind::Service(service) = &step.kind else { continue };
        if lanes.iter().all(|lane| lane.name != step.name) {
            lanes.push(not_started(&step.name, &service.service_type));
        }
    }
    lanes
}

/// What tells a service from others of its kind: its version, else its type where the name does not say it.
fn version(name: &str, service_type: &str, version: &str) -> String {
    match version {
        "" if service_type == name => String::new(),
        "" => service_type.to_owned(),
        version => version.to_owned(),
    }
}

fn not_started(name: &str, service_type: &str) -> ServiceLane {
    ServiceLane {
        name: name.to_owned(),
        version: version(name, service_type, ""),
        state: ServiceState::NotRun,
        started_at: None,
        ready_at: None,
        stopping_at: None,
        stopped_at: None,
        address: String::new(),
        stopped_by: String::new(),
        pending_on: None,
        tries: 0,
        killed: 0,
        why: String::new(),
        logs: Vec::new(),
    }
}

fn service_lane(record: &ServiceRecord, parts: &Parts) -> ServiceLane {
    let logs = PARTS.iter().filter_map(|part| tab(parts, &StepPath::of_service(&record.name, part).0, part));
    let left = parts.left.iter().find(|left| left.record.instance == record.instance);
    ServiceLane {
        state: stand(record, left),
        started_at: (record.state != Stand::Registered).then(|| ms(record.starting_at)),
        ready_at: record.ready_at.map(ms),
        stopping_at: record.stopping_at.map(ms),
        stopped_at: record.stopped_at.map(ms),
        address: record.address.clone(),
        stopped_by: record.stopped_by.clone().unwrap_or_default(),
        pending_on: left.map(Standing::place),
        tries: record.tries,
        killed: record.killed,
        why: record.failure.as_ref().map(ToString::to_string).unwrap_or_default(),
        logs: logs.collect(),
        ..not_started(&record.name, &version(&record.name, &record.service_type, &record.version))
    }
}

fn stand(record: &ServiceRecord, left: Option<&Standing>) -> ServiceState {
    match (record.state, left) {
        (Stand::StopFailed, _) => ServiceState::NotStopped,
        (Stand::StopPending, _) | (_, Some(_)) => ServiceState::StopPending,
        (Stand::Stopped, _) if record.failure.is_some() => ServiceState::Failed,
        (Stand::Stopped, _) => ServiceState::Stopped,
        (Stand::Stopping, _) => ServiceState::Stopping,
        (Stand::Ready, _) => ServiceState::Ready,
        (Stand::Registered | Stand::Starting | Stand::Probing, _) => ServiceState::Starting,
    }
}

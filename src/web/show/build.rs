//! The page of one build.

use actix_web::{HttpResponse, http::StatusCode};
use pikoci_model::{
    build::{Build, BuildStatus, Phase, ServiceRecord, ServiceState as Stand, StepRecord},
    id::StepPath,
    pipeline::Job,
    progress::MAX_RUNS,
    step::StepKind,
};

use super::{
    frame::{html, ms, team_frame, way},
    logs::tail,
    words::{cause, href, reason, short, state},
};
use crate::{
    api::scope::BuildScope,
    auth::{Asker, Role},
    page::{
        BuildPage, Crumb, Export, InputVersion, LogTab, Promise, ServiceLane, ServiceState, State, StepLane,
        StepLog, Unstopped, render_build,
    },
    refused::Refused,
    site::Site,
};

/// What a build consists of.
struct Parts {
    steps: Vec<StepRecord>,
    services: Vec<ServiceRecord>,
    logs: Vec<StepLog>,
}

/// The page of one build. `live`: the logs are left out.
pub(crate) async fn build(
    site: &Site,
    asker: &Asker,
    scope: &BuildScope,
    live: bool,
) -> Result<HttpResponse, Refused> {
    let store = &site.deps.store;
    let build = &scope.build;
    // Read before the logs: the stream goes on after it, and repeats rather than leaves out.
    let last_chunk = store.last_chunk(build.id).await?;
    let revision = store.revision(build.revision).await?;
    let plan = revision.as_ref().and_then(|revision| revision.compiled.job(&build.job_name));
    let steps = store.steps(build.id, build.run).await?;
    let services = store.services(build.id, build.run).await?;
    let logs = logs(site, build, &steps, &services).await?;
    let parts = Parts { steps, services, logs };
    let mut page = context(site, asker, scope, plan, &parts).await?;
    page.last_chunk = u64::try_from(last_chunk).unwrap_or_default();
    page.logs = if live { Vec::new() } else { parts.logs };
    Ok(html(StatusCode::OK, render_build(&page)))
}

async fn context(
    site: &Site,
    asker: &Asker,
    scope: &BuildScope,
    plan: Option<&Job>,
    parts: &Parts,
) -> Result<BuildPage, Refused> {
    let BuildScope { pipeline, job, build } = scope;
    let (base, is_member) = (pipeline.base(), pipeline.role >= Role::Read);
    let done = build.phase == Phase::Done;
    let job_href = format!("{base}/jobs/{}/builds", job.name);
    let own = href(&base, build);
    let crumbs = vec![Crumb::link(&job.name, job_href.clone()), Crumb::here(format!("#{}", build.number))];
    let events = if done { String::new() } else { format!("{own}/events") };
    let repeatable = plan.is_none_or(|job| !job.disable_retry);
    Ok(BuildPage {
        frame: team_frame(site, asker, &pipeline.row.team_canonical, events, way(pipeline, crumbs)).await?,
        job_href,
        pipeline: pipeline.row.name.clone(),
        job: job.name.clone(),
        number: build.number.to_string(),
        state: state(build.status),
        done,
        reason: reason(site, &base, build, &parts.steps).await?,
        cause: cause(site, &base, build).await?,
        worker: build.worker.clone(),
        created_at: ms(build.created_at),
        started_at: build.started_at.map(ms),
        ended_at: build.ended_at.map(ms),
        run: (build.run, MAX_RUNS),
        inputs: build.inputs.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        versions: versions(site, &base, build).await?,
        steps: step_lanes(plan, parts, done),
        services: service_lanes(plan, parts),
        promise: promise(build, &parts.services),
        exports: if is_member { exports(build) } else { Vec::new() },
        logs: Vec::new(),
        last_chunk: 0,
        may_cancel: pipeline.role >= Role::Write && !build.status.is_final(),
        may_retry: pipeline.role >= Role::Write && build.status.is_final() && repeatable,
        base: own,
    })
}

async fn versions(site: &Site, base: &str, build: &Build) -> Result<Vec<InputVersion>, Refused> {
    let mut versions: Vec<InputVersion> = Vec::new();
    for version in site.deps.store.build_versions(build.id).await?.into_values() {
        let Some(resource) = site.deps.store.resource_by_id(version.resource).await? else { continue };
        let href = format!("{base}/resources/{}", resource.canonical);
        let input = InputVersion { resource: resource.canonical, href, version: short(&version.value) };
        if !versions.contains(&input) {
            versions.push(input);
        }
    }
    Ok(versions)
}

fn exports(build: &Build) -> Vec<Export> {
    build.exports.iter().map(|(name, value)| Export { name: name.clone(), value: value.clone() }).collect()
}

/// The parts of a service that have a log of their own.
const PARTS: [&str; 3] = ["start", "ready", "stop"];

async fn logs(
    site: &Site,
    build: &Build,
    steps: &[StepRecord],
    services: &[ServiceRecord],
) -> Result<Vec<StepLog>, Refused> {
    let of_steps = steps
        .iter()
        .filter(|step| !step.path.0.starts_with("svc."))
        .map(|step| (step.path.clone(), format!("{} {}", step.kind, step.name)));
    let of_services = services.iter().flat_map(|service| {
        PARTS.map(|part| (StepPath::of_service(&service.name, part), format!("{} {part}", service.name)))
    });
    let mut logs = Vec::new();
    for (path, title) in of_steps.chain(of_services) {
        logs.extend(tail(site, build.id, build.run, &path, &title).await?);
    }
    Ok(logs)
}

fn tab(parts: &Parts, path: &str, label: &str) -> Option<LogTab> {
    let has_log = parts.logs.iter().any(|log| log.path == path);
    has_log.then(|| LogTab { label: label.to_owned(), path: path.to_owned(), attempt: None })
}

/// The steps of the plan in order, each with its hooks below it; then the job's hooks. Services have lanes of their own.
fn step_lanes(plan: Option<&Job>, parts: &Parts, done: bool) -> Vec<StepLane> {
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
            None => lanes.push(not_reached(path.clone(), step.kind.word(), &step.name, done)),
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
    StepLane {
        path: record.path.0.clone(),
        kind: record.kind.clone(),
        name: record.name.clone(),
        depth,
        state: state(record.status),
        started_at: Some(started_at),
        ended_at: took.map(|took| started_at.saturating_add(took)),
        note: note(record),
        logs: tab(parts, &record.path.0, "log").into_iter().collect(),
    }
}

fn not_reached(path: String, kind: &str, name: &str, done: bool) -> StepLane {
    StepLane {
        path,
        kind: kind.to_owned(),
        name: name.to_owned(),
        depth: 0,
        state: if done { State::NotRun } else { State::Pending },
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
fn service_lanes(plan: Option<&Job>, parts: &Parts) -> Vec<ServiceLane> {
    let mut lanes: Vec<ServiceLane> =
        parts.services.iter().map(|record| service_lane(record, parts)).collect();
    for step in plan.iter().flat_map(|job| &job.steps) {
        let StepKind::Service(service) = &step.kind else { continue };
        if lanes.iter().all(|lane| lane.name != step.name) {
            lanes.push(ServiceLane {
                name: step.name.clone(),
                version: if service.service_type == step.name {
                    String::new()
                } else {
                    service.service_type.clone()
                },
                state: ServiceState::NotRun,
                started_at: None,
                ready_at: None,
                stopping_at: None,
                stopped_at: None,
                address: String::new(),
                killed: false,
                logs: Vec::new(),
            });
        }
    }
    lanes
}

fn service_lane(record: &ServiceRecord, parts: &Parts) -> ServiceLane {
    let state = match record.state {
        Stand::Registered | Stand::Starting | Stand::Probing => ServiceState::Starting,
        Stand::Ready => ServiceState::Ready,
        Stand::Stopping => ServiceState::Stopping,
        Stand::Stopped if record.failure.is_some() => ServiceState::Failed,
        Stand::Stopped => ServiceState::Stopped,
        Stand::StopFailed => ServiceState::NotStopped,
    };
    let logs = PARTS.iter().filter_map(|part| tab(parts, &StepPath::of_service(&record.name, part).0, part));
    ServiceLane {
        name: record.name.clone(),
        version: match record.version.as_str() {
            "" if record.service_type == record.name => String::new(),
            "" => record.service_type.clone(),
            version => version.to_owned(),
        },
        state,
        started_at: Some(ms(record.starting_at)),
        ready_at: record.ready_at.map(ms),
        stopping_at: record.stopping_at.map(ms),
        stopped_at: record.stopped_at.map(ms),
        address: record.address.clone(),
        killed: record.killed > 0,
        logs: logs.collect(),
    }
}

/// What is said about the services: how many were started and stopped, and what may be alive.
fn promise(build: &Build, services: &[ServiceRecord]) -> Promise {
    let started = services.iter().filter(|service| service.state != Stand::Registered);
    let stopped = services.iter().filter(|service| service.state == Stand::Stopped);
    let killed = services.iter().filter(|service| service.killed > 0).map(|service| match service.killed {
        1 => format!("{} needed SIGKILL", service.name),
        n => format!("{n} processes of {} needed SIGKILL", service.name),
    });
    let alive =
        services.iter().filter(|service| service.state == Stand::StopFailed).map(|service| Unstopped {
            service: service.name.clone(),
            worker: build.worker.clone().unwrap_or_else(|| "its worker".to_owned()),
            reason: service
                .failure
                .as_ref()
                .map_or_else(|| "its stop failed".to_owned(), ToString::to_string),
        });
    Promise {
        done: build.phase == Phase::Done,
        started: u32::try_from(started.count()).unwrap_or(u32::MAX),
        stopped: u32::try_from(stopped.count()).unwrap_or(u32::MAX),
        killed: killed.collect(),
        alive: alive.collect(),
    }
}

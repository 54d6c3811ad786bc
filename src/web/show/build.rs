//! The page of one build.

use actix_web::{HttpResponse, http::StatusCode};
use pikoci_model::{
    build::{Build, Phase, ServiceRecord, StepRecord},
    id::StepPath,
    pipeline::Job,
    progress::MAX_RUNS,
};

use super::{
    frame::{html, ms, team_frame, way},
    lanes::{Parts, service_lanes, step_lanes},
    logs::tail,
    promise::promise,
    words::{cause, href, reason, short, state},
};
use crate::{
    api::scope::BuildScope,
    auth::{Asker, Role},
    page::{BuildPage, Crumb, Export, InputVersion, Runs, StepLog, render_build},
    refused::Refused,
    site::Site,
    standing,
};

/// The page of one run of a build. `live`: the logs are left out.
pub(crate) async fn build(
    site: &Site,
    asker: &Asker,
    scope: &BuildScope,
    run: u32,
    live: bool,
) -> Result<HttpResponse, Refused> {
    let store = &site.deps.store;
    let build = &scope.build;
    // Read before the logs: the stream goes on after it, and repeats rather than leaves out.
    let last_chunk = store.last_chunk(build.id).await?;
    let revision = store.revision(build.revision).await?;
    let plan = revision.as_ref().and_then(|revision| revision.compiled.job(&build.job_name));
    let steps = store.steps(build.id, run).await?;
    let services = store.services(build.id, run).await?;
    let logs = logs(site, build, run, &steps, &services).await?;
    let left = standing::of_build(store.as_ref(), build).await?;
    let is_over = build.phase == Phase::Done || run < build.run;
    let parts = Parts { run, is_over, steps, services, logs, left };
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
    // What is not stopped yet may still be: the page hears of it.
    let events = match (done, parts.left.is_empty()) {
        (true, true) => String::new(),
        (true, false) => format!("{own}/events?until=stopped"),
        (false, _) => format!("{own}/events"),
    };
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
        runs: Runs { shown: parts.run, newest: build.run, most: MAX_RUNS },
        inputs: if is_member { build.inputs.clone().into_iter().collect() } else { Vec::new() },
        versions: versions(site, &base, build).await?,
        steps: step_lanes(plan, parts),
        services: service_lanes(plan, parts),
        promise: promise(build, parts),
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
pub(super) const PARTS: [&str; 3] = ["start", "ready", "stop"];

async fn logs(
    site: &Site,
    build: &Build,
    run: u32,
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
        logs.extend(tail(site, build.id, run, &path, &title).await?);
    }
    Ok(logs)
}

//! The graph of a pipeline, with its states or without.

use std::collections::BTreeSet;

use actix_web::web;
use pikoci_model::{
    id::VersionId,
    pipeline::{Job, Pipeline},
    port::store::{JobRow, Page, ResourceRow},
    step::StepKind,
    version::Version,
};

use super::{frame::ms, words::state};
use crate::{
    api::scope::PipelineScope,
    graph::{Get, GraphInput, GraphJob, GraphModel, GraphResource, Newest},
    page::State,
    refused::Refused,
    site::Site,
};

/// What a version went through.
pub(super) struct Lit {
    pub(super) canonical: String,
    pub(super) version: Version,
    names: BTreeSet<String>,
}

/// The graph of a saved pipeline.
pub(crate) async fn graph_of(
    site: &Site,
    scope: &PipelineScope,
    version: Option<i64>,
    hide_intermediates: bool,
) -> Result<GraphModel, Refused> {
    let store = &site.deps.store;
    let (jobs, resources) = (store.jobs(scope.row.id).await?, store.resources(scope.row.id).await?);
    let definition = scope.definition(site).await?;
    let lit = match version {
        Some(id) => lit(site, &resources, id).await?,
        None => None,
    };
    Ok(drawn(scope, &definition, &jobs, &resources, lit.as_ref(), hide_intermediates))
}

/// Has a graph laid out, on a thread where nobody waits for another answer: it takes long, once.
pub(crate) async fn lay_out(graph: &GraphModel) -> Result<(), Refused> {
    if graph.is_laid_out() {
        return Ok(());
    }
    let graph = graph.clone();
    let laid_out = web::block(move || graph.layout().is_some()).await;
    laid_out.map(drop).map_err(|error| Refused::defect(&error))
}

/// The graph of a definition with these rows.
pub(super) fn drawn(
    scope: &PipelineScope,
    definition: &Pipeline,
    jobs: &[JobRow],
    resources: &[ResourceRow],
    lit: Option<&Lit>,
    hide_intermediates: bool,
) -> GraphModel {
    let row = |job: &Job| jobs.iter().find(|row| row.name == job.name);
    let failing = |name: &str| resources.iter().any(|row| row.canonical == name && row.failing);
    let input = GraphInput {
        pipeline: scope.row.canonical.clone(),
        base: scope.base(),
        resources: graph_resources(definition, failing),
        jobs: definition.jobs.iter().map(|job| graph_job(job, row(job))).collect(),
        lit: lit.map(|lit| lit.names.clone()).unwrap_or_default(),
    };
    GraphModel::new(&input, hide_intermediates)
}

/// The graph of a definition that is not saved, as it would be under this name.
pub fn graph_of_file(team: &str, name: &str, definition: &Pipeline, hide_intermediates: bool) -> GraphModel {
    let input = GraphInput {
        pipeline: name.to_owned(),
        base: format!("/teams/{team}/pipelines/{name}"),
        resources: graph_resources(definition, |_| false),
        jobs: definition.jobs.iter().map(|job| graph_job(job, None)).collect(),
        lit: BTreeSet::new(),
    };
    GraphModel::new(&input, hide_intermediates)
}

fn graph_resources(definition: &Pipeline, failing: impl Fn(&str) -> bool) -> Vec<GraphResource> {
    let resources = definition.resources.iter().map(|resource| resource.canonical());
    resources.map(|name| GraphResource { failing: failing(&name), name, pinned: false }).collect()
}

fn graph_job(job: &Job, row: Option<&JobRow>) -> GraphJob {
    let latest = row.and_then(|row| row.latest.as_ref());
    let newest = latest.map(|build| Newest {
        number: build.number.to_string(),
        started_at: build.started_at.map(ms),
        ended_at: build.ended_at.map(ms),
    });
    let state = latest.map_or(State::NotRun, |build| state(build.status));
    let mut gets = Vec::new();
    let mut puts = Vec::new();
    for step in &job.steps {
        match &step.kind {
            StepKind::Get(get) => gets.push(Get {
                resource: get.resource.clone(),
                trigger: get.trigger,
                passed: get.passed.clone(),
            }),
            StepKind::Put(put) if !puts.contains(&put.resource) => puts.push(put.resource.clone()),
            StepKind::Put(_) | StepKind::Task(_) | StepKind::Service(_) => {}
        }
    }
    GraphJob { name: job.name.clone(), state, newest, running: state == State::Running, gets, puts }
}

/// What a version went through; none if it is of another pipeline.
pub(super) async fn lit(site: &Site, resources: &[ResourceRow], id: i64) -> Result<Option<Lit>, Refused> {
    let store = &site.deps.store;
    let Some(version) = store.version(VersionId(id)).await? else { return Ok(None) };
    let Some(resource) = resources.iter().find(|row| row.id == version.resource) else { return Ok(None) };
    let page = Page { limit: 1, before: id.checked_add(1), after: None };
    let rows = store.versions(resource.id, page).await?;
    let uses = rows.iter().filter(|row| row.version.id == version.id).flat_map(|row| &row.uses);
    let mut names: BTreeSet<String> = uses.map(|used| used.job.clone()).collect();
    names.insert(resource.canonical.clone());
    Ok(Some(Lit { canonical: resource.canonical.clone(), version, names }))
}

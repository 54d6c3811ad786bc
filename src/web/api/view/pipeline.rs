//! Pipelines.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use pikoci_model::{
    pipeline::{FetchedSource, Pipeline, ServiceType},
    port::store::{JobRow, PipelineRow, ResourceRow, RevisionRow},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{DiagnosticView, JobView, ResourceView};
use crate::auth::Role;

/// A pipeline in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct PipelineBrief {
    /// Its row.
    id: i64,
    /// As shown.
    name: String,
    /// In addresses.
    canonical: String,
    /// Visible without login.
    public: bool,
    /// Number of its definition, from 1.
    revision: i64,
    /// When it was saved last.
    updated_at: DateTime<Utc>,
    /// When its newest build was created.
    last_build_at: Option<DateTime<Utc>>,
    /// Its jobs.
    jobs: Vec<JobBrief>,
}

/// A job in a list of pipelines.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobBrief {
    /// Its name.
    name: String,
    /// Status of its newest build; null if there is none.
    #[schema(example = "succeeded")]
    latest_status: Option<&'static str>,
    /// Number of its newest build.
    latest_build_number: Option<String>,
}

/// A pipeline. What only members may know is left out for others.
#[derive(Serialize, ToSchema)]
#[schema(as = Pipeline)]
pub(crate) struct PipelineView {
    /// Its row.
    pub(crate) id: i64,
    /// As shown.
    name: String,
    /// In addresses.
    canonical: String,
    /// Visible without login.
    public: bool,
    /// Number of its definition, from 1.
    revision: i64,
    /// When it was saved last.
    updated_at: DateTime<Utc>,
    /// Who saved it last; members only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    updated_by: Option<String>,
    /// When its newest build was created.
    last_build_at: Option<DateTime<Utc>>,
    /// Its jobs, in the order of the file.
    jobs: Vec<JobView>,
    /// Its resources.
    resources: Vec<ResourceView>,
    /// Its resource types, built-in ones that it uses included.
    resource_types: Vec<TypeView>,
    /// Its runner types.
    runners: Vec<TypeView>,
    /// Its service types, built-in ones that it uses included.
    services: Vec<TypeView>,
    /// Its secret types; members only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret_types: Option<Vec<TypeView>>,
    /// Names of its variables that are secrets; members only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret_vars: Option<Vec<String>>,
    /// The file, base64; members only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = Byte)]
    raw: Option<String>,
    /// What was fetched to compile it; members only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sources: Option<Vec<SourceView>>,
    /// What was found when it was saved by this request; empty otherwise.
    pub(crate) warnings: Vec<DiagnosticView>,
}

/// A type that a pipeline declares or uses.
#[derive(Serialize, ToSchema)]
#[schema(as = PipelineType)]
pub(crate) struct TypeView {
    /// Its label.
    name: String,
    /// Names of its parameters.
    params: Vec<String>,
}

/// A file that was fetched.
#[derive(Serialize, ToSchema)]
#[schema(as = FetchedSource)]
pub(crate) struct SourceView {
    /// Where.
    url: String,
    /// Digest of its bytes, hex.
    sha256: String,
    /// When.
    fetched_at: DateTime<Utc>,
}

impl From<&FetchedSource> for SourceView {
    fn from(source: &FetchedSource) -> Self {
        Self { url: source.url.clone(), sha256: source.sha256.clone(), fetched_at: source.fetched_at }
    }
}

impl PipelineBrief {
    pub(crate) fn new(row: &PipelineRow, jobs: &[JobRow]) -> Self {
        let brief = |job: &JobRow| JobBrief {
            name: job.name.clone(),
            latest_status: job.latest.as_ref().map(|build| build.status.word()),
            latest_build_number: job.latest.as_ref().map(|build| build.number.to_string()),
        };
        Self {
            id: row.id.0,
            name: row.name.clone(),
            canonical: row.canonical.clone(),
            public: row.public,
            revision: row.revision_number,
            updated_at: row.updated_at,
            last_build_at: row.last_build_at,
            jobs: jobs.iter().map(brief).collect(),
        }
    }
}

impl PipelineView {
    /// What this role may see.
    pub(crate) fn new(
        row: &PipelineRow,
        revision: &RevisionRow,
        jobs: &[JobRow],
        resources: &[ResourceRow],
        role: Role,
    ) -> Self {
        let meaning = &*revision.compiled;
        let is_member = role >= Role::Read;
        Self {
            id: row.id.0,
            name: row.name.clone(),
            canonical: row.canonical.clone(),
            public: row.public,
            revision: row.revision_number,
            updated_at: row.updated_at,
            updated_by: is_member.then(|| row.updated_by.clone()),
            last_build_at: row.last_build_at,
            jobs: jobs
                .iter()
                .filter_map(|job| Some(JobView::new(job, meaning.job(&job.name)?, role)))
                .collect(),
            resources: resources
                .iter()
                .filter_map(|resource| {
                    Some(ResourceView::new(resource, meaning.resource(&resource.canonical)?, role))
                })
                .collect(),
            resource_types: types(&meaning.resource_types, |kind| kind.params.clone()),
            runners: types(&meaning.runner_types, |_| Vec::new()),
            services: types(&meaning.service_types, |kind: &ServiceType| kind.params.clone()),
            secret_types: is_member
                .then(|| types(&meaning.secret_types, |kind| kind.config.keys().cloned().collect())),
            secret_vars: is_member.then(|| secret_variables(meaning)),
            raw: is_member.then(|| STANDARD.encode(&revision.source)),
            sources: is_member.then(|| meaning.sources.iter().map(SourceView::from).collect()),
            warnings: Vec::new(),
        }
    }
}

fn types<T>(types: &BTreeMap<String, T>, params: impl Fn(&T) -> Vec<String>) -> Vec<TypeView> {
    types.iter().map(|(name, kind)| TypeView { name: name.clone(), params: params(kind) }).collect()
}

fn secret_variables(meaning: &Pipeline) -> Vec<String> {
    meaning
        .variables
        .iter()
        .filter(|variable| variable.secret)
        .map(|variable| variable.name.clone())
        .collect()
}

/// What saving a file would change.
#[derive(Serialize, ToSchema)]
#[schema(as = PipelineChanges)]
pub(crate) struct ChangesView {
    /// Jobs, resources and types that would be new: `job deploy`.
    added: Vec<String>,
    /// Those that would differ.
    changed: Vec<String>,
    /// Those that would be gone.
    removed: Vec<String>,
}

/// Compares two definitions by name.
pub(crate) fn changes(old: &Pipeline, new: &Pipeline) -> ChangesView {
    let (old, new) = (parts(old), parts(new));
    let added = new.keys().filter(|name| !old.contains_key(*name)).cloned().collect();
    let removed = old.keys().filter(|name| !new.contains_key(*name)).cloned().collect();
    let changed = new.iter().filter(|(name, part)| old.get(*name).is_some_and(|was| was != *part));
    ChangesView { added, removed, changed: changed.map(|(name, _)| name.clone()).collect() }
}

/// Every named part of a definition with its whole content. Invariant: model types serialise without fail.
fn parts(pipeline: &Pipeline) -> BTreeMap<String, serde_json::Value> {
    let mut parts = BTreeMap::new();
    let mut add =
        |kind: &str, name: &str, part: serde_json::Value| parts.insert(format!("{kind} {name}"), part);
    for job in &pipeline.jobs {
        add("job", &job.name, content(job));
    }
    for resource in &pipeline.resources {
        add("resource", &resource.canonical(), content(resource));
    }
    for (name, kind) in &pipeline.resource_types {
        add("resource_type", name, content(kind));
    }
    for (name, kind) in &pipeline.runner_types {
        add("runner_type", name, content(kind));
    }
    for (name, kind) in &pipeline.service_types {
        add("service_type", name, content(kind));
    }
    for (name, kind) in &pipeline.secret_types {
        add("secret_type", name, content(kind));
    }
    for variable in &pipeline.variables {
        add("variable", &variable.name, content(variable));
    }
    parts
}

fn content(part: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(part).unwrap_or_default()
}

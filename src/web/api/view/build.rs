//! Builds.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::{DateTime, Utc};
use pikoci_model::{
    build::{Build, BuildVersion, Cause, Phase},
    id::{BuildId, PipelineId, ResourceId, StepPath, VersionId},
    port::store::StepLog,
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ServiceView, StepView, between, service_views, step_views};
use crate::{auth::Role, refused::Refused, site::Site, standing};

/// How much of a step's log stands in the answer itself, in bytes.
const INLINED: u64 = 64 * 1024;

/// A build.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Build)]
pub(crate) struct BuildView {
    /// Its row.
    pub(crate) id: i64,
    /// Its number within the job: `7`, or `7.1` for a retry.
    #[schema(example = "7")]
    build_number: String,
    /// Name of its job.
    job: String,
    /// `pending`, `started`, `succeeded`, `failed`, `warning` or `cancelled`.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// `queued`, `claimed`, `running`, `stopping`, `hooks` or `done`: a build may have a status and still be stopping.
    #[schema(example = "done")]
    phase: &'static str,
    /// Why it failed, or why it was cancelled; empty otherwise.
    error: String,
    /// Why it exists: `resource`, `passed`, `manual` or `retry`.
    #[schema(example = "manual")]
    cause: &'static str,
    /// Who asked for it, where a person did; else empty.
    triggered_by: String,
    /// Why it waits; empty if it does not.
    waiting_reason: String,
    /// Name of the worker that ran it last.
    worker: Option<String>,
    /// The run whose steps and services are given, from 1.
    run: u32,
    /// How many runs it has had: it runs again when its worker is lost.
    runs: u32,
    /// When it was created.
    created_at: DateTime<Utc>,
    /// When its plan began.
    started_at: Option<DateTime<Utc>>,
    /// When its status became final.
    ended_at: Option<DateTime<Utc>>,
    /// End less start in ns, once it ended.
    duration: Option<i64>,
    /// The version that started it, or that of its first get.
    version_id: Option<i64>,
    /// Canonical of that version's resource; empty without one.
    resource_canonical: String,
    /// What that version says.
    #[schema(value_type = Object)]
    version_metadata: Map<String, Value>,
    /// Versions it is bound to, by canonical of the resource. Of several gets of one resource the first counts.
    pinned_versions: BTreeMap<String, i64>,
    /// The build it is a retry of.
    retry_source_build_id: Option<i64>,
    /// Values of its inputs; empty for readers without a role.
    input_values: BTreeMap<String, String>,
    /// What its steps exported; empty for readers without a role.
    exports: BTreeMap<String, String>,
    /// Its steps with the ends of their logs; empty in lists unless asked for.
    steps: Vec<StepView>,
    /// Its service instances; empty in lists unless asked for.
    services: Vec<ServiceView>,
    /// Service instances of any run that are not stopped although it does not use them any more; empty in lists
    /// unless asked for.
    unstopped: Vec<ServiceView>,
}

/// Why a queued build waits, in words; empty if it does not.
pub(crate) fn waiting_reason(site: &Site, build: &Build) -> String {
    let waits = (build.phase == Phase::Queued).then(|| site.deps.waits.waiting(build.id)).flatten();
    waits.map(|waiting| waiting.to_string()).unwrap_or_default()
}

fn why_it_ended(build: &Build) -> String {
    let failure = build.failure.as_ref().map(ToString::to_string);
    failure.or_else(|| build.cancel_requested.clone()).unwrap_or_default()
}

/// Canonicals of a pipeline's resources, by row.
pub(crate) type ResourceNames = BTreeMap<ResourceId, String>;

/// Reads the canonicals of a pipeline's resources.
pub(crate) async fn resource_names(site: &Site, pipeline: PipelineId) -> Result<ResourceNames, Refused> {
    let rows = site.deps.store.resources(pipeline).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.canonical)).collect())
}

/// The version that made a build what it is: the one that started it, else that of its first get.
fn main_version<'a>(build: &Build, pinned: &'a BTreeMap<String, i64>) -> Option<(&'a String, VersionId)> {
    let started_it = match &build.cause {
        Cause::Resource { resource, version } => {
            pinned.get_key_value(resource).map(|(name, _)| (name, *version))
        }
        Cause::Passed { .. } | Cause::Manual { .. } | Cause::Retry { .. } => None,
    };
    started_it.or_else(|| pinned.first_key_value().map(|(name, version)| (name, VersionId(*version))))
}

/// The versions of a build by canonical of the resource. Of several gets of one resource the first counts.
fn pinned_versions(
    versions: &BTreeMap<String, BuildVersion>,
    names: &ResourceNames,
) -> BTreeMap<String, i64> {
    let mut gets: Vec<_> = versions.iter().collect();
    // Keys of one name grow with the plan: `app`, `app#2`, …, `app#10`.
    gets.sort_by_key(|(key, _)| Reverse((key.len(), *key)));
    gets.into_iter()
        .filter_map(|(_, bound)| Some((names.get(&bound.resource)?.clone(), bound.version.0)))
        .collect()
}

/// A build without steps, as this role may see it: values that people gave and that steps made are for members.
pub(crate) async fn build_brief(
    site: &Site,
    build: &Build,
    names: &ResourceNames,
    role: Role,
) -> Result<BuildView, Refused> {
    let pinned = pinned_versions(&build.versions, names);
    let main = main_version(build, &pinned);
    let metadata = match main {
        Some((_, version)) => site.deps.store.version(version).await?,
        None => None,
    };
    let (by, source) = match &build.cause {
        Cause::Manual { by, .. } => (by.clone(), None),
        Cause::Retry { by, source, .. } => (by.clone(), Some(source.0)),
        Cause::Resource { .. } | Cause::Passed { .. } => (String::new(), None),
    };
    let is_member = role >= Role::Read;
    Ok(BuildView {
        id: build.id.0,
        build_number: build.number.to_string(),
        job: build.job_name.clone(),
        status: build.status.word(),
        phase: build.phase.word(),
        error: why_it_ended(build),
        cause: build.cause.word(),
        triggered_by: by,
        waiting_reason: waiting_reason(site, build),
        worker: build.worker.clone(),
        run: build.run,
        runs: build.run,
        created_at: build.created_at,
        started_at: build.started_at,
        ended_at: build.ended_at,
        duration: build.started_at.zip(build.ended_at).map(|(from, to)| between(from, to)),
        version_id: main.map(|(_, version)| version.0),
        resource_canonical: main.map(|(canonical, _)| canonical.clone()).unwrap_or_default(),
        version_metadata: metadata.map(|version| version.value.0.into_iter().collect()).unwrap_or_default(),
        pinned_versions: pinned.clone(),
        retry_source_build_id: source,
        input_values: if is_member { build.inputs.clone() } else { BTreeMap::new() },
        exports: if is_member { build.exports.clone() } else { BTreeMap::new() },
        steps: Vec::new(),
        services: Vec::new(),
        unstopped: Vec::new(),
    })
}

/// A build with the steps, the ends of their logs, and the services of one run.
pub(crate) async fn build_whole(
    site: &Site,
    build: &Build,
    run: u32,
    role: Role,
) -> Result<BuildView, Refused> {
    let store = &site.deps.store;
    let names = match build.versions.is_empty() {
        true => ResourceNames::default(),
        false => resource_names(site, build.pipeline).await?,
    };
    let mut view = build_brief(site, build, &names, role).await?;
    let revision = store.revision(build.revision).await?;
    let job = revision.as_ref().and_then(|revision| revision.compiled.job(&build.job_name));
    view.run = run;
    if build.phase == Phase::Queued && build.run == 1 {
        // No worker has reported anything: whoever starts a build waits for this answer.
        view.steps = step_views(job, &[]);
        return Ok(view);
    }
    view.steps = step_views(job, &store.steps(build.id, run).await?);
    for step in &mut view.steps {
        inline_log(site, build.id, run, step).await?;
        for part in &mut step.sub_steps {
            inline_log(site, build.id, run, part).await?;
        }
    }
    let left = standing::of_build(store.as_ref(), build).await?;
    view.services = service_views(run, &store.services(build.id, run).await?, &left);
    view.unstopped = left.iter().map(ServiceView::from).collect();
    Ok(view)
}

async fn inline_log(site: &Site, build: BuildId, run: u32, step: &mut StepView) -> Result<(), Refused> {
    if step.status() == "not_run" {
        return Ok(());
    }
    let tail = log_tail(site, build, run, &StepPath(step.path.clone()), step.log_bytes).await?;
    step.log_bytes = tail.total;
    step.truncated = tail.offset > 0;
    step.logs = String::from_utf8_lossy(&tail.bytes).into_owned();
    Ok(())
}

/// The end of a step's log. `known` is how long it was when the step's record was read.
async fn log_tail(
    site: &Site,
    build: BuildId,
    run: u32,
    step: &StepPath,
    known: u64,
) -> Result<StepLog, Refused> {
    let read = |from: u64| site.deps.store.step_log(build, run, step, from, INLINED as usize);
    let tail = read(known.saturating_sub(INLINED)).await?;
    if tail.total <= tail.offset + tail.bytes.len() as u64 {
        return Ok(tail);
    }
    Ok(read(tail.total.saturating_sub(INLINED)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_gets_of_one_resource_the_first_is_shown() {
        let names =
            ResourceNames::from([(ResourceId(1), "git.app".into()), (ResourceId(2), "fs.app".into())]);
        let bound = |resource, version| BuildVersion { resource, version: VersionId(version) };
        let mut versions = BTreeMap::from([("app".to_owned(), bound(ResourceId(1), 100))]);
        versions.extend((2..=12).map(|n| (format!("app#{n}"), bound(ResourceId(2), n))));
        let pinned = pinned_versions(&versions, &names);
        assert_eq!(pinned, [("git.app".to_owned(), 100), ("fs.app".to_owned(), 2)].into());
    }
}

//! Which version each get of a local run takes: given, of an override, or what a check finds.

use std::{collections::BTreeMap, sync::Arc};

use pikoci_engine::decide::plan::{CheckParts, build_plan, check_plan};
use pikoci_model::{
    build::{Build, BuildStatus, Cause, Phase},
    id::{BuildId, BuildNumber, Fence, JobId, PipelineId, ResourceId, RevisionId, VersionId},
    plan::BuildPlan,
    port::{
        Clock,
        store::{ClaimedBuild, PlanParts},
    },
    version::{Version, VersionValue},
};

use super::{
    plan::{Prepared, head},
    print::{note, said},
    server::{Interrupted, LocalServer},
};
use crate::clock::SystemClock;

/// The team of a local run.
const TEAM: &str = "main";

/// Finds the versions and makes the plan.
///
/// # Errors
/// A version cannot be found, or somebody interrupted.
pub async fn complete(server: &mut LocalServer, prepared: Prepared) -> Result<BuildPlan, Interrupted> {
    let resources: BTreeMap<String, ResourceId> = (1..)
        .zip(&prepared.pipeline.resources)
        .map(|(id, resource)| (resource.canonical(), ResourceId(id)))
        .collect();
    let mut known = prepared.known.clone();
    let mut versions = BTreeMap::new();
    for get in prepared.job.gets() {
        let resource = &get.step.resource;
        let value = match known.get(resource) {
            Some(known) => known.clone(),
            None => newest(server, &prepared, &resources, resource).await?,
        };
        known.insert(resource.clone(), value.clone());
        versions.insert(get.key.into_owned(), value);
    }
    let claimed = claimed(prepared, resources, versions);
    build_plan(&claimed, Fence::new(1, 0), String::new())
        .map_err(|failure| Interrupted::Failed(failure.to_string()))
}

/// What the resource's check finds last. A git repository that cannot be asked is taken at its HEAD.
async fn newest(
    server: &mut LocalServer,
    prepared: &Prepared,
    resources: &BTreeMap<String, ResourceId>,
    canonical: &str,
) -> Result<VersionValue, Interrupted> {
    let resource = prepared.pipeline.resource(canonical);
    let Some(resource) = resource else {
        return Err(Interrupted::Failed(format!("resource \"{canonical}\" is not declared")));
    };
    let checkable =
        prepared.pipeline.resource_types.get(&resource.type_name).is_some_and(|t| t.check.is_some());
    if !checkable {
        return Ok(VersionValue::default());
    }
    note(&format!("[check] {canonical}"));
    let parts = CheckParts {
        definition: &prepared.pipeline,
        canonical,
        id: resources.get(canonical).copied().unwrap_or(ResourceId(0)),
        lease: 1,
        team: TEAM,
        pipeline: &prepared.name,
        latest: None,
        given_secrets: &prepared.secrets,
    };
    let plan = check_plan(parts).map_err(|failure| Interrupted::Failed(failure.to_string()))?;
    let outcome = server.check(plan).await?;
    if outcome.result.is_ok() || resource.type_name == "git" {
        said(&words(&outcome.log));
    }
    match outcome.result {
        Ok(mut versions) => versions
            .pop()
            .ok_or_else(|| Interrupted::Failed(format!("R120: resource \"{canonical}\" has no version"))),
        Err(_) if resource.type_name == "git" => {
            note(&format!("the check of {canonical} failed; HEAD is taken"));
            Ok(head())
        }
        Err(failure) => {
            Err(Interrupted::Failed(format!("check of {canonical}: {failure}\n{}", outcome.log.trim_end())))
        }
    }
}

/// What a check says to people: its log without the line of versions.
fn words(log: &str) -> String {
    let is_answer = |line: &&str| serde_json::from_str::<Vec<VersionValue>>(line).is_ok();
    log.split_inclusive('\n').filter(|line| !is_answer(line)).collect()
}

fn claimed(
    prepared: Prepared,
    resources: BTreeMap<String, ResourceId>,
    versions: BTreeMap<String, VersionValue>,
) -> ClaimedBuild {
    let now = SystemClock::new().now();
    let version =
        |id: i64, value| Version { id: VersionId(id), resource: ResourceId(0), value, created_at: now };
    let versions = (1..).zip(versions).map(|(id, (get, value))| (get, version(id, value))).collect();
    let build = Build {
        id: BuildId(1),
        pipeline: PipelineId(1),
        job: JobId(1),
        job_name: prepared.job.name.clone(),
        revision: RevisionId(1),
        number: BuildNumber::original(1),
        status: BuildStatus::Started,
        phase: Phase::Claimed,
        failure: None,
        cause: Cause::Manual { nonce: uuid::Uuid::new_v4(), by: "local".to_owned() },
        versions: BTreeMap::new(),
        inputs: BTreeMap::new(),
        run: 1,
        claim: None,
        worker: None,
        cancel_requested: None,
        events_through: 0,
        exports: BTreeMap::new(),
        created_at: now,
        started_at: None,
        ended_at: None,
    };
    let parts = PlanParts {
        team: TEAM.to_owned(),
        pipeline: prepared.name,
        definition: Arc::new(prepared.pipeline),
        resources,
        versions,
        given_secrets: prepared.secrets,
    };
    ClaimedBuild { build, parts }
}

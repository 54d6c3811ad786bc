//! What a worker is told to run: self-contained, so that a worker needs nothing but this.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    build::Cause,
    id::{BuildId, BuildNumber, Fence, ResourceId, VersionId},
    pipeline::{Job, Resource, ResourceType, RunnerType, SecretType, ServiceType},
    text::SecretValue,
    version::VersionValue,
};

/// The types that a work item refers to, by label: exactly what it needs, no more.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Types {
    /// By label.
    pub resource_types: BTreeMap<String, ResourceType>,
    /// By label.
    pub runner_types: BTreeMap<String, RunnerType>,
    /// By label.
    pub secret_types: BTreeMap<String, SecretType>,
    /// By label.
    pub service_types: BTreeMap<String, ServiceType>,
    /// Values a person gave for secret-backed variables, by variable name.
    pub given_secrets: BTreeMap<String, SecretValue>,
}

/// One build's plan.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BuildPlan {
    /// Which build.
    pub build: BuildId,
    /// Its number within the job.
    pub number: BuildNumber,
    /// What the claim is worth.
    pub fence: Fence,
    /// From 1; grows when the build runs again after a loss.
    pub run: u32,
    /// Canonical of the team.
    pub team: String,
    /// Canonical of the pipeline.
    pub pipeline: String,
    /// Why it exists.
    pub cause: Cause,
    /// Link to the build's page; empty without an external address.
    pub url: String,
    /// `INPUT_<name>`.
    pub inputs: BTreeMap<String, String>,
    /// The job as it was when the build was created.
    pub job: Job,
    /// Resources that its steps name, by canonical.
    pub resources: BTreeMap<String, PlannedResource>,
    /// The version of each get, by the get's key. Complete: the worker never chooses.
    pub versions: BTreeMap<String, PlannedVersion>,
    /// Types it needs.
    pub types: Types,
}

impl BuildPlan {
    /// The version that the step at `index` takes, if it is a get.
    pub fn version_of(&self, index: usize) -> Option<&PlannedVersion> {
        let get = self.job.gets().find(|get| get.index == index)?;
        self.versions.get(&*get.key)
    }
}

/// A resource as a build sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlannedResource {
    /// Its row.
    pub id: ResourceId,
    /// Its definition.
    pub resource: Resource,
}

/// A version as a build sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlannedVersion {
    /// Its row.
    pub id: VersionId,
    /// Its content.
    pub value: VersionValue,
}

/// One check of one resource.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CheckPlan {
    /// Whose check.
    pub resource_id: ResourceId,
    /// Number of the lease on the resource's run-time row; a result with another number is void.
    pub lease: i64,
    /// Canonical of the team.
    pub team: String,
    /// Canonical of the pipeline.
    pub pipeline: String,
    /// The resource's definition.
    pub resource: Resource,
    /// Its type and what that needs.
    pub types: Types,
    /// The latest known version, `version_*`; absent at the first check.
    pub latest: Option<VersionValue>,
}

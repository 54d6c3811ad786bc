//! The compiled pipeline: what a pipeline file means.
//!
//! It is data: evaluated, resolved, without positions. It is stored whole as an immutable revision, and a build keeps
//! the revision it was created with.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    step::{Command, Hooks, Step},
    text::Value,
};

/// A whole pipeline. Types hold what the pipeline declares *and* every built-in that it uses, by label.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Pipeline {
    /// Declared variables, in file order.
    pub variables: Vec<Variable>,
    /// By label.
    pub resource_types: BTreeMap<String, ResourceType>,
    /// In file order.
    pub resources: Vec<Resource>,
    /// By label; `exec`, `shell` and `docker` are here only when the pipeline overrides them.
    pub runner_types: BTreeMap<String, RunnerType>,
    /// By label.
    pub secret_types: BTreeMap<String, SecretType>,
    /// By label.
    pub service_types: BTreeMap<String, ServiceType>,
    /// In file order.
    pub jobs: Vec<Job>,
    /// What was fetched to compile it.
    pub sources: Vec<FetchedSource>,
}

impl Pipeline {
    /// The job of this name.
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.name == name)
    }

    /// The resource of this canonical, `type.name`.
    pub fn resource(&self, canonical: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.canonical() == canonical)
    }

    /// Whether a resource is to be checked because this definition replaces `before`: it can be checked at all, and it
    /// or its type is new or was changed.
    pub fn wants_check(&self, canonical: &str, before: Option<&Self>) -> bool {
        let Some(resource) = self.resource(canonical) else { return false };
        let kind = self.resource_types.get(&resource.type_name);
        let same = before.is_some_and(|before| {
            before.resource(canonical) == Some(resource)
                && before.resource_types.get(&resource.type_name) == kind
        });
        !same && kind.is_some_and(|kind| kind.check.is_some())
    }
}

/// `variable "name"`: what a person may set. Values are never here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// `string`, `number` or `bool`.
    pub kind: String,
    /// Shown by the CLI.
    pub description: String,
    /// Whether it is backed by a secret.
    pub secret: bool,
}

/// `resource_type "name"`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ResourceType {
    /// Declared parameter names; others are not passed.
    pub params: Vec<String>,
    /// Values of params that a resource does not give.
    pub defaults: BTreeMap<String, Value>,
    /// Finds versions. Without it versions come from puts only.
    pub check: Option<Command>,
    /// Fetches one version. Without it a get succeeds without doing anything.
    pub pull: Option<Command>,
    /// Used by put.
    pub push: Option<Command>,
    /// Whether its commands get a persistent `CACHE_DIR`.
    pub cache: bool,
}

/// `resource "type" "name"`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Resource {
    /// Label of its type.
    pub type_name: String,
    /// Its own name.
    pub name: String,
    /// Parameters, declared ones only.
    pub params: BTreeMap<String, Value>,
    /// When it is checked by itself.
    pub check_interval: CheckInterval,
    /// A worker for its checks needs all of these.
    pub tags: Vec<String>,
    /// Whether its commands get a persistent `CACHE_DIR`.
    pub cache: bool,
    /// Display only.
    pub icon: String,
    /// Display only.
    pub description: String,
}

impl Resource {
    /// `type.name`.
    pub fn canonical(&self) -> String {
        format!("{}.{}", self.type_name, self.name)
    }
}

/// When a resource is checked by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckInterval {
    /// `@every 1m`.
    Every(Duration),
    /// A five-field cron line, checked when the pipeline was compiled.
    Cron {
        /// The five fields.
        fields: String,
        /// IANA name of the time zone; none = the server's.
        zone: Option<String>,
    },
    /// Only when asked for.
    Never,
}

/// `runner_type "name"`: path and args of its `run` block, both templates.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunnerType {
    /// Template of the program.
    pub path: String,
    /// Templates of the arguments.
    pub args: Vec<String>,
}

/// `secret_type "name"`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SecretType {
    /// Prints a JSON object as its last line.
    pub get: Command,
    /// Connection attributes: `param_<name>` of the get command. May hold secrets of other types.
    pub config: BTreeMap<String, Value>,
}

/// `service_type "name"`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ServiceType {
    /// Declared parameter names.
    pub params: Vec<String>,
    /// Values of params that a job does not give.
    pub defaults: BTreeMap<String, Value>,
    /// Launches the service and returns.
    pub start: Option<Command>,
    /// A foreground process that *is* the service. Built-in types may have both forms; `runtime` chooses.
    pub process: Option<Command>,
    /// Polled until it succeeds.
    pub ready_check: Option<ReadyCheck>,
    /// Ends what `start` launched. Optional beside `process`, where it runs first.
    pub stop: Option<Command>,
    /// What belongs to the built-in service types only; `None` for a user's type.
    pub builtin: Option<BuiltinService>,
}

/// What the engine does for a built-in service type beyond a user's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BuiltinService {
    /// Last part of the container's stable name: `pikoci-<pipeline>-<job>-<suffix>`.
    pub suffix: String,
}

/// `ready_check`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadyCheck {
    /// One probe.
    pub command: Command,
    /// Between the end of a probe and the next.
    pub interval: Duration,
    /// Over all probes, from the first.
    pub timeout: Duration,
}

/// `job "name"`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its name, a slug.
    pub name: String,
    /// Display only.
    pub description: String,
    /// Whether a public pipeline shows this job to people who are not logged in.
    #[serde(default)]
    pub public: bool,
    /// A worker needs all of these.
    pub tags: Vec<String>,
    /// Unfinished builds at once; 0 = unlimited.
    pub concurrency: u32,
    /// At most one job of each group runs at a time.
    pub serial_groups: Vec<String>,
    /// Wall clock of the plan's steps.
    pub timeout: Option<Duration>,
    /// Retry is refused.
    pub disable_retry: bool,
    /// A failure ends as `warning`.
    pub allow_failure: bool,
    /// A new build cancels older ones.
    pub interruptible: bool,
    /// What happens when the worker is lost.
    pub on_worker_loss: OnWorkerLoss,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// After the plan and the services' stops.
    pub hooks: Hooks,
}

/// What happens to a running build whose worker is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnWorkerLoss {
    /// A new run of the same build, three in all.
    #[default]
    Retry,
    /// The build fails.
    Fail,
}

/// A file that was fetched while compiling.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FetchedSource {
    /// Where it was fetched.
    pub url: String,
    /// Digest of its bytes, hex.
    pub sha256: String,
    /// When it was fetched.
    pub fetched_at: DateTime<Utc>,
}

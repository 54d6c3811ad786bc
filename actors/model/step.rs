//! Steps of a job's plan, their hooks and the commands they run.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::text::{Text, Value};

/// A runner command: a block whose label names a runner.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Command {
    /// Label of the runner type: `exec`, `docker`, `shell` or one the pipeline declares.
    pub runner: String,
    /// The program; for `exec` an absent or empty path is a successful no-op.
    pub path: Option<Text>,
    /// Arguments, in order. Never expanded by us for `exec`.
    pub args: Vec<Text>,
    /// Extra environment of the command; the place for secrets.
    pub env: BTreeMap<String, Text>,
    /// Every other attribute, by name: template values and environment of the same name.
    pub attributes: BTreeMap<String, Value>,
}

/// One step of a plan with what is common to all kinds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The step's own name: the second label, or the service's instance name.
    pub name: String,
    /// What it does.
    pub kind: StepKind,
    /// Limit for one attempt.
    pub timeout: Option<Duration>,
    /// Tries in all, at least 1.
    pub attempts: u32,
    /// What follows it.
    pub hooks: Hooks,
}

/// The kinds of steps.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Fetches a version of a resource.
    Get(GetStep),
    /// Runs a command.
    Task(TaskStep),
    /// Pushes to a resource; may create a version.
    Put(PutStep),
    /// Starts a service that lives until the job's end.
    Service(ServiceStep),
}

impl StepKind {
    /// The kind's word, as in the pipeline file: `get`, `task`, `put`, `service`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Get(_) => "get",
            Self::Task(_) => "task",
            Self::Put(_) => "put",
            Self::Service(_) => "service",
        }
    }
}

/// `get "type" "name"`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GetStep {
    /// Canonical of the resource, `type.name`.
    pub resource: String,
    /// New versions start the job.
    pub trigger: bool,
    /// Only versions that went through all of these jobs (instance names).
    pub passed: Vec<String>,
    /// Whether each version gets a build, or only the newest.
    pub mode: VersionMode,
}

/// Which versions a get takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionMode {
    /// Each version, in order.
    Every,
    /// The newest only; those between are skipped.
    Latest,
}

/// `task "name"`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TaskStep {
    /// What it runs.
    pub run: Command,
    /// Paths below WORKDIR that must exist before.
    pub inputs: Vec<String>,
    /// Paths below WORKDIR that must exist afterwards.
    pub outputs: Vec<String>,
    /// Environment of the step.
    pub env: BTreeMap<String, Text>,
}

/// `put "type" "name"`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PutStep {
    /// Canonical of the resource, `type.name`.
    pub resource: String,
    /// Becomes `put_<name>`.
    pub params: BTreeMap<String, Value>,
    /// Leaves out the implicit get.
    pub skip_get: bool,
}

/// `service "type" ["name"]`. The instance name is [`Step::name`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceStep {
    /// Label of the service type.
    pub service_type: String,
    /// Becomes `param_<name>`, declared names only.
    pub params: BTreeMap<String, Value>,
}

/// What runs after a step, or after the job.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Hooks {
    /// After success.
    pub on_success: Vec<Hook>,
    /// After failure; for a job also after `warning`.
    pub on_failure: Vec<Hook>,
    /// After cancel; for a job also after its timeout.
    pub on_cancel: Vec<Hook>,
    /// Always, last.
    pub ensure: Vec<Hook>,
}

impl Hooks {
    /// All hooks with their kind's word.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Hook)> {
        let kinds = [
            ("on_success", &self.on_success),
            ("on_failure", &self.on_failure),
            ("on_cancel", &self.on_cancel),
            ("ensure", &self.ensure),
        ];
        kinds.into_iter().flat_map(|(kind, hooks)| hooks.iter().map(move |hook| (kind, hook)))
    }
}

/// One hook block.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// The labelled form: one command.
    Command(Command),
    /// The unlabelled form: task and put steps, in order, without hooks of their own.
    Steps(Vec<Step>),
}

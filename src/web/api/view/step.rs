//! Steps: as planned, and as they went.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pikoci_model::{
    build::{BuildStatus, StepRecord},
    pipeline::Job,
    step::{Command, Hook, Hooks, Step, StepKind, VersionMode},
    text::{Text, Value},
};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::nanoseconds;
use crate::auth::Role;

/// A step of a plan. What does not belong to its type is left out, and what is for members only too.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = PlanStep)]
pub(crate) struct PlanStepView {
    /// `get`, `task`, `put` or `service`.
    #[serde(rename = "type")]
    #[schema(example = "task")]
    kind: &'static str,
    /// Its name.
    name: String,
    /// Limit of one attempt in ns; 0 = none.
    timeout: i64,
    /// Tries in all.
    attempts: u32,
    /// Canonical of the resource of a get or put.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    resource: Option<String>,
    /// Whether new versions start the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    trigger: Option<bool>,
    /// Jobs that a version must have passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    passed: Option<Vec<String>>,
    /// `every` or `latest` version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<&'static str>,
    /// What a task runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    run: Option<CommandView>,
    /// Label of a service's type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    service_type: Option<String>,
    /// Parameters of a put or service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    params: Option<BTreeMap<String, Json>>,
    /// What follows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, no_recursion)]
    hooks: Vec<HookView>,
}

/// A command. Secrets stand as the text of their references.
#[derive(Serialize, ToSchema)]
#[schema(as = Command)]
pub(crate) struct CommandView {
    /// Label of the runner type.
    #[schema(example = "exec")]
    runner: String,
    /// The program.
    path: Option<String>,
    /// Its arguments.
    args: Vec<String>,
    /// Its extra environment.
    env: BTreeMap<String, String>,
    /// Every other attribute.
    attributes: BTreeMap<String, Json>,
}

/// A hook.
#[derive(Serialize, ToSchema)]
#[schema(as = Hook)]
pub(crate) struct HookView {
    /// `on_success`, `on_failure`, `on_cancel` or `ensure`.
    #[schema(example = "on_failure")]
    kind: &'static str,
    /// What it runs, in the form with one command.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    run: Option<CommandView>,
    /// Its steps, in the form with steps.
    #[schema(no_recursion)]
    steps: Vec<PlanStepView>,
}

impl PlanStepView {
    /// What this role may see of a step.
    pub(crate) fn new(step: &Step, role: Role) -> Self {
        let is_member = role >= Role::Read;
        let common = Self {
            kind: step.kind.word(),
            name: step.name.clone(),
            timeout: step.timeout.map_or(0, nanoseconds),
            attempts: step.attempts,
            hooks: hook_views(&step.hooks, role),
            ..Self::default()
        };
        match &step.kind {
            StepKind::Get(get) => Self {
                resource: Some(get.resource.clone()),
                trigger: Some(get.trigger),
                passed: Some(get.passed.clone()),
                version: Some(match get.mode {
                    VersionMode::Every => "every",
                    VersionMode::Latest => "latest",
                }),
                ..common
            },
            StepKind::Task(task) => Self { run: is_member.then(|| CommandView::from(&task.run)), ..common },
            StepKind::Put(put) => {
                let params = is_member.then(|| values_json(&put.params));
                Self { resource: Some(put.resource.clone()), params, ..common }
            }
            StepKind::Service(service) => {
                let params = is_member.then(|| values_json(&service.params));
                Self { service_type: Some(service.service_type.clone()), params, ..common }
            }
        }
    }
}

impl From<&Command> for CommandView {
    fn from(command: &Command) -> Self {
        Self {
            runner: command.runner.clone(),
            path: command.path.as_ref().map(Text::to_string),
            args: command.args.iter().map(Text::to_string).collect(),
            env: command.env.iter().map(|(name, text)| (name.clone(), text.to_string())).collect(),
            attributes: values_json(&command.attributes),
        }
    }
}

/// All hooks, for readers with a role.
pub(crate) fn hook_views(hooks: &Hooks, role: Role) -> Vec<HookView> {
    if role < Role::Read {
        return Vec::new();
    }
    let view = |(kind, hook): (&'static str, &Hook)| match hook {
        Hook::Command(command) => HookView { kind, run: Some(command.into()), steps: Vec::new() },
        Hook::Steps(steps) => {
            let steps = steps.iter().map(|step| PlanStepView::new(step, role)).collect();
            HookView { kind, run: None, steps }
        }
    };
    hooks.all().map(view).collect()
}

fn values_json(values: &BTreeMap<String, Value>) -> BTreeMap<String, Json> {
    values.iter().map(|(name, value)| (name.clone(), value_json(value))).collect()
}

/// A value with secrets as the text of their references.
pub(super) fn value_json(value: &Value) -> Json {
    match value {
        Value::Scalar(text) => Json::String(text.to_string()),
        Value::Bare(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone())),
        Value::List(items) => items.iter().map(value_json).collect(),
        Value::Map(items) => items.iter().map(|(name, item)| (name.clone(), value_json(item))).collect(),
    }
}

/// A step of a build, as it went.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Step)]
pub(crate) struct StepView {
    /// Its place in the plan: `2`, `2.on_failure.0`, `svc.db.stop`. Logs are asked for by it.
    #[schema(example = "2")]
    pub(crate) path: String,
    /// `get`, `task`, `put`, `service` or `hook`.
    #[serde(rename = "type")]
    #[schema(example = "task")]
    kind: String,
    /// Its name.
    name: String,
    /// Its status; `not_run` if it was never reached.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// Why it failed; empty otherwise.
    error: String,
    /// The attempt that runs or ran last, from 1; 0 if it was never reached.
    attempt: u32,
    /// Exit code of its last command, where it exited.
    exit_code: Option<i32>,
    /// The version it fetched or created.
    version_id: Option<i64>,
    /// When it began.
    started_at: Option<DateTime<Utc>>,
    /// How long it took in ns, once it ended.
    duration: Option<i64>,
    /// Bytes of its whole log.
    pub(crate) log_bytes: u64,
    /// The end of its log, at most 64 KiB; invalid UTF-8 replaced.
    pub(crate) logs: String,
    /// `logs` lacks the beginning.
    pub(crate) truncated: bool,
    /// Its hooks, as far as they were reached; the parts of a service.
    #[schema(no_recursion)]
    pub(crate) sub_steps: Vec<StepView>,
}

impl StepView {
    pub(crate) fn status(&self) -> &'static str {
        self.status
    }
}

impl From<&StepRecord> for StepView {
    fn from(record: &StepRecord) -> Self {
        Self {
            path: record.path.0.clone(),
            kind: record.kind.clone(),
            name: record.name.clone(),
            status: record.status.word(),
            error: record.failure.as_ref().map(ToString::to_string).unwrap_or_default(),
            attempt: record.attempt,
            exit_code: record.exit_code,
            version_id: record.version.map(|version| version.0),
            started_at: Some(record.started_at),
            duration: record.duration.map(nanoseconds),
            log_bytes: record.log_bytes,
            ..Self::default()
        }
    }
}

/// The steps of the plan in its order, reached or not, each with what belongs to it; then the job's hooks.
pub(crate) fn step_views(job: Option<&Job>, records: &[StepRecord]) -> Vec<StepView> {
    let mut left: Vec<&StepRecord> = records.iter().collect();
    let mut steps = Vec::new();
    for (index, step) in job.iter().flat_map(|job| job.steps.iter().enumerate()) {
        let (path, service) = (index.to_string(), format!("svc.{}.", step.name));
        let is_service = matches!(step.kind, StepKind::Service(_));
        let mut view = match left.iter().position(|record| record.path.0 == path) {
            Some(at) => StepView::from(left.remove(at)),
            None => not_run(path.clone(), step),
        };
        let below = format!("{path}.");
        let belongs = |record: &StepRecord| {
            record.path.0.starts_with(&below) || (is_service && record.path.0.starts_with(&service))
        };
        let (own, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|record| belongs(record));
        if is_service {
            view.status = service_status(&own);
        }
        view.sub_steps = own.into_iter().map(StepView::from).collect();
        left = rest;
        steps.push(view);
    }
    steps.extend(left.into_iter().map(StepView::from));
    steps
}

/// How a service step stands: as its start and its ready check went. Its stop changes nothing.
fn service_status(parts: &[&StepRecord]) -> &'static str {
    let began = parts.iter().filter(|part| !part.path.0.ends_with(".stop")).map(|part| part.status);
    let worst = began.max_by_key(|status| match status {
        BuildStatus::Failed => 3,
        BuildStatus::Cancelled => 2,
        BuildStatus::Started => 1,
        _ => 0,
    });
    worst.map_or("not_run", BuildStatus::word)
}

fn not_run(path: String, step: &Step) -> StepView {
    StepView {
        path,
        kind: step.kind.word().to_owned(),
        name: step.name.clone(),
        status: "not_run",
        ..StepView::default()
    }
}

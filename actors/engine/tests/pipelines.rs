//! Pipelines, jobs, steps and plans as tests write them.

use std::collections::BTreeMap;

use pikoci_model::build::Cause;
use pikoci_model::id::{BuildId, BuildNumber, Fence};
use pikoci_model::pipeline::{CheckInterval, Job, OnWorkerLoss, Pipeline, Resource, ResourceType};
use pikoci_model::plan::{BuildPlan, Types};
use pikoci_model::step::{Command, GetStep, Hook, Hooks, PutStep, Step, StepKind, TaskStep, VersionMode};
use pikoci_model::version::VersionValue;

pub fn exec(line: &str) -> Command {
    let mut words = line.split(' ');
    Command {
        runner: "exec".into(),
        path: words.next().map(Into::into),
        args: words.map(Into::into).collect(),
        ..Command::default()
    }
}

pub fn hook(line: &str) -> Vec<Hook> {
    vec![Hook::Command(exec(line))]
}

/// Hooks of all four kinds that say their kind.
pub fn hooks() -> Hooks {
    Hooks {
        on_success: hook("say success"),
        on_failure: hook("say failure"),
        on_cancel: hook("say cancel"),
        ensure: hook("say ensure"),
    }
}

pub fn step(name: &str, kind: StepKind) -> Step {
    Step { name: name.into(), kind, timeout: None, attempts: 1, hooks: Hooks::default() }
}

pub fn task(name: &str, line: &str) -> Step {
    let run = exec(line);
    step(name, StepKind::Task(TaskStep { run, inputs: vec![], outputs: vec![], env: BTreeMap::new() }))
}

pub fn job(name: &str, steps: Vec<Step>) -> Job {
    Job {
        name: name.into(),
        description: String::new(),
        tags: vec![],
        concurrency: 0,
        serial_groups: vec![],
        timeout: None,
        disable_retry: false,
        allow_failure: false,
        interruptible: false,
        public: false,
        on_worker_loss: OnWorkerLoss::Retry,
        steps,
        hooks: Hooks::default(),
    }
}

pub fn get(resource: &str, trigger: bool, passed: &[&str]) -> Step {
    let name = resource.split_once('.').unwrap().1.to_owned();
    let passed: Vec<String> = passed.iter().map(|job| (*job).to_owned()).collect();
    let mode = if passed.is_empty() { VersionMode::Every } else { VersionMode::Latest };
    step(&name, StepKind::Get(GetStep { resource: resource.into(), trigger, passed, mode }))
}

pub fn put(resource: &str) -> Step {
    let name = resource.split_once('.').unwrap().1.to_owned();
    step(
        &name,
        StepKind::Put(PutStep { resource: resource.into(), params: BTreeMap::new(), skip_get: false }),
    )
}

/// A pipeline with resources `mem.<name>` whose check prints `check`.
pub fn pipeline(resources: &[&str], check: &str, interval: CheckInterval, jobs: Vec<Job>) -> Pipeline {
    let kind = ResourceType {
        check: Some(exec(check)),
        pull: Some(exec("say pulled")),
        push: Some(exec("say [{\"ref\":\"pushed\"}]")),
        ..ResourceType::default()
    };
    let resource = |name: &&str| Resource {
        type_name: "mem".into(),
        name: (*name).to_owned(),
        params: BTreeMap::new(),
        check_interval: interval.clone(),
        tags: vec![],
        cache: false,
        icon: String::new(),
        description: String::new(),
    };
    Pipeline {
        resource_types: BTreeMap::from([("mem".to_owned(), kind)]),
        resources: resources.iter().map(resource).collect(),
        jobs,
        ..Pipeline::default()
    }
}

pub fn plan(build: i64, steps: Vec<Step>) -> BuildPlan {
    BuildPlan {
        build: BuildId(build),
        number: BuildNumber::original(7),
        fence: Fence::new(1, 99),
        run: 1,
        team: "main".into(),
        pipeline: "app".into(),
        cause: Cause::Manual { nonce: uuid::Uuid::nil(), by: "alice".into() },
        url: String::new(),
        inputs: BTreeMap::from([("Level".into(), "high".into())]),
        job: job("test", steps),
        resources: BTreeMap::new(),
        versions: BTreeMap::new(),
        types: Types::default(),
    }
}

pub fn version(reference: &str) -> VersionValue {
    serde_json::from_value(serde_json::json!({ "ref": reference })).unwrap()
}

//! What every world begins with.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use pikoci_model::{
    build::{
        BuildEvent, BuildStatus, BuildVersion, Cause, Phase, ServiceRecord, ServiceState, StepRecord,
        StopReport,
    },
    contract::MemoryStore,
    id::{BuildId, Fence, Incarnation, InstanceId, NodeId, PipelineId, ResourceId, StepPath, VersionId},
    log::{Chunk, Stream},
    outcome::Failure,
    pipeline::{CheckInterval, Job, OnWorkerLoss, Pipeline, Resource, ResourceType},
    port::store::{
        AccountStore, BuildStore, BuildUpdate, ClaimAnswer, ClaimRequest, LogStore, PipelineStore,
        RecordedStop, Requeued, ResourceStore, SaveRevision, SavedRevision, SchedulingStore, WorkerStore,
    },
    scheduling::{NewBuild, Write},
    step::{Command, GetStep, Hooks, ServiceStep, Step, StepKind, TaskStep, VersionMode},
    text::{SecretRef, Text, Value},
    version::VersionValue,
    worker::WorkerProfile,
};

pub struct Seeded {
    pub pipeline: PipelineId,
    pub version: VersionId,
    pub running: BuildId,
}

/// When every world begins.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_927_274_400, 0).unwrap()
}

fn step(name: &str, kind: StepKind) -> Step {
    Step { name: name.into(), kind, timeout: None, attempts: 1, hooks: Hooks::default() }
}

/// `unit` gets, starts a service and runs a task with a secret; `deploy` follows it.
pub fn definition() -> Pipeline {
    let secret =
        SecretRef::Fetched { secret_type: "vault".into(), path: "kv/ci".into(), key: "token".into() };
    let run = Command {
        runner: "exec".into(),
        path: Some("make".into()),
        args: vec!["test".into()],
        env: BTreeMap::from([("TOKEN".into(), Text::secret(secret))]),
        attributes: BTreeMap::new(),
    };
    let get = |passed: &[&str]| {
        let passed = passed.iter().map(|name| (*name).to_owned()).collect();
        StepKind::Get(GetStep {
            resource: "git.app".into(),
            trigger: true,
            passed,
            mode: VersionMode::Latest,
        })
    };
    let task = TaskStep { run, inputs: Vec::new(), outputs: Vec::new(), env: BTreeMap::new() };
    let params = BTreeMap::from([("version".to_owned(), Value::Bare("16".into()))]);
    let unit = vec![
        step("app", get(&[])),
        step("db", StepKind::Service(ServiceStep { service_type: "postgresql".into(), params })),
        step("test", StepKind::Task(task)),
    ];
    Pipeline {
        resource_types: BTreeMap::from([(
            "git".into(),
            ResourceType { params: vec!["url".into()], ..Default::default() },
        )]),
        resources: vec![Resource {
            type_name: "git".into(),
            name: "app".into(),
            params: BTreeMap::from([("url".into(), Value::Scalar("https://git.lab/app".into()))]),
            check_interval: CheckInterval::Every(Duration::from_secs(60)),
            tags: Vec::new(),
            cache: true,
            icon: String::new(),
            description: String::new(),
        }],
        jobs: vec![job("unit", unit), job("deploy", vec![step("app", get(&["unit"]))])],
        ..Pipeline::default()
    }
}

fn job(name: &str, steps: Vec<Step>) -> Job {
    Job {
        name: name.into(),
        description: String::new(),
        public: false,
        tags: Vec::new(),
        concurrency: 1,
        serial_groups: Vec::new(),
        timeout: None,
        disable_retry: false,
        allow_failure: false,
        interruptible: false,
        on_worker_loss: OnWorkerLoss::Retry,
        steps,
        hooks: Hooks::default(),
    }
}

/// A piece of the log of step 2.
pub fn chunk(offset: u64, line: u64, bytes: &[u8]) -> Chunk {
    Chunk {
        step: StepPath::of_plan(2),
        attempt: 1,
        stream: Stream::Out,
        offset,
        line,
        t: 7,
        bytes: Bytes::copy_from_slice(bytes),
    }
}

pub async fn seed(store: &MemoryStore) -> Seeded {
    let team = store.ensure_team("main", "main").await.unwrap().id;
    store.ensure_team("other", "Other").await.unwrap();
    let source = serde_json::to_vec(&definition()).unwrap();
    let save = SaveRevision {
        team,
        name: "shop".into(),
        canonical: "shop".into(),
        content_hash: "1".into(),
        source,
        compiled: definition(),
        vars: BTreeMap::new(),
        given_secrets: BTreeMap::new(),
        public: None,
        must_exist: None,
        at: now(),
        by: "admin".into(),
    };
    let SavedRevision::Saved { pipeline, .. } = store.save_revision(save).await.unwrap() else { panic!() };
    let resource = store.resource(pipeline, "git.app").await.unwrap().unwrap().id;
    let value: VersionValue =
        serde_json::from_str(r#"{"ref":"9f0c1d7aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","author":"ann"}"#).unwrap();
    let (version, _) = store.add_version(resource, &value, now()).await.unwrap();
    worker(store).await;
    let done = build(store, pipeline, resource, version).await;
    start(store, done).await;
    fail(store, done).await;
    let running = build(store, pipeline, resource, version).await;
    start(store, running).await;
    Seeded { pipeline, version, running }
}

async fn worker(store: &MemoryStore) {
    let profile = WorkerProfile {
        name: "lab-1".into(),
        node: NodeId("w1".into()),
        incarnation: Incarnation(1),
        hostname: "lab".into(),
        os: "linux".into(),
        arch: "x86_64".into(),
        version: "9.9.9".into(),
        slots: 2,
        check_slots: 4,
        tags: Vec::new(),
        exclusive_tags: false,
        takes_builds: true,
        takes_checks: true,
        team: None,
        started_at: now(),
        warnings: vec!["journal is not durable (tmpfs)".into()],
    };
    store.worker_announced(&profile, &NodeId("s1".into()), now()).await.unwrap();
}

async fn build(
    store: &MemoryStore,
    pipeline: PipelineId,
    resource: ResourceId,
    version: VersionId,
) -> BuildId {
    let revision = store.pipeline_by_id(pipeline).await.unwrap().unwrap().revision;
    let build = NewBuild {
        job: store.job(pipeline, "unit").await.unwrap().unwrap().id,
        revision,
        cause: Cause::Manual { nonce: uuid::Uuid::new_v4(), by: "ann".into() },
        versions: BTreeMap::from([("app".into(), BuildVersion { resource, version })]),
        inputs: BTreeMap::from([("channel".into(), "beta".into())]),
        created_at: now(),
    };
    let applied = store.apply(pipeline, None, vec![Write::InsertBuild(build)], now()).await.unwrap().unwrap();
    applied.builds[0].id
}

/// The fence of a claimed build.
pub async fn fence(store: &MemoryStore, build: BuildId) -> Fence {
    store.build(build).await.unwrap().unwrap().claim.unwrap().fence
}

fn record(path: usize, kind: &str, name: &str, status: BuildStatus) -> StepRecord {
    StepRecord {
        path: StepPath::of_plan(path),
        kind: kind.into(),
        name: name.into(),
        status,
        attempt: 1,
        exit_code: None,
        failure: None,
        version: None,
        started_at: now(),
        duration: status.is_final().then_some(Duration::from_millis(1500)),
        log_bytes: 0,
    }
}

fn started_service() -> StepRecord {
    let path = StepPath::of_service("db", "start");
    StepRecord { path, ..record(1, "service", "db:start", BuildStatus::Succeeded) }
}

/// The service of a run; each run has an instance of its own.
fn service(run: u32, state: ServiceState) -> ServiceRecord {
    let at = |stood: bool, seconds: i64| stood.then(|| now() + TimeDelta::seconds(seconds));
    let is_stopped = state == ServiceState::Stopped;
    ServiceRecord {
        instance: InstanceId(uuid::Uuid::from_u128(run.into())),
        name: "db".into(),
        service_type: "postgresql".into(),
        version: "16".into(),
        address: "localhost:5432".into(),
        state,
        stopped_by: is_stopped.then(|| "build".to_owned()),
        tries: u32::from(is_stopped),
        killed: 0,
        failure: None,
        starting_at: now(),
        ready_at: at(true, 1),
        stopping_at: at(is_stopped, 3),
        stopped_at: at(is_stopped, 4),
        worker: None,
    }
}

async fn events(store: &MemoryStore, build: BuildId, events: Vec<BuildEvent>) {
    let fence = fence(store, build).await;
    let through = store.build(build).await.unwrap().unwrap().events_through + events.len() as u64;
    store.record_events(BuildUpdate { build, fence, through, events, at: now() }).await.unwrap();
}

/// Claims it and runs it into its task.
pub async fn start(store: &MemoryStore, build: BuildId) {
    let (node, worker) = (NodeId("w1".into()), "lab-1".into());
    let request = ClaimRequest { build, node, incarnation: Incarnation(1), worker, random: 7 };
    let answer = store.claim(&request).await.unwrap();
    assert!(matches!(answer, ClaimAnswer::Claimed(_)), "{answer:?}");
    let run = store.build(build).await.unwrap().unwrap().run;
    let begun = vec![
        BuildEvent::Started { at: now() },
        BuildEvent::Phase(Phase::Running),
        BuildEvent::Step(record(0, "get", "app", BuildStatus::Succeeded)),
        BuildEvent::Step(started_service()),
        BuildEvent::Service(service(run, ServiceState::Ready)),
        BuildEvent::Step(record(2, "task", "test", BuildStatus::Started)),
    ];
    events(store, build, begun).await;
}

async fn fail(store: &MemoryStore, build: BuildId) {
    let fence = fence(store, build).await;
    let log = b"running\n\x1b[31merror\x1b[0m: <two> & \xff\n";
    store.append_log(build, 1, fence, &[(100, chunk(0, 1, log))]).await.unwrap();
    let failure = Failure::plain("exited with 2");
    let failed = StepRecord {
        exit_code: Some(2),
        failure: Some(failure.clone()),
        log_bytes: log.len() as u64,
        ..record(2, "task", "test", BuildStatus::Failed)
    };
    let variables = BTreeMap::from([("RELEASE".to_owned(), "exported-by-a-step".to_owned())]);
    let over = vec![
        BuildEvent::Exported { variables },
        BuildEvent::Step(failed),
        BuildEvent::Service(service(1, ServiceState::Stopped)),
        BuildEvent::Concluded {
            status: BuildStatus::Failed,
            failure: Some(Failure::plain("task test exited with 2")),
            at: now() + TimeDelta::seconds(5),
        },
        BuildEvent::Finished { at: now() + TimeDelta::seconds(5) },
    ];
    events(store, build, over).await;
}

/// Ends a running build well.
pub async fn finish(store: &MemoryStore, build: BuildId) {
    let at = now() + TimeDelta::seconds(9);
    let run = store.build(build).await.unwrap().unwrap().run;
    let over = vec![
        BuildEvent::Step(record(2, "task", "test", BuildStatus::Succeeded)),
        BuildEvent::Service(service(run, ServiceState::Stopped)),
        BuildEvent::Concluded { status: BuildStatus::Succeeded, failure: None, at },
        BuildEvent::Finished { at },
    ];
    events(store, build, over).await;
}

/// The worker of a running build is lost; another run of it begins.
pub async fn lose(store: &MemoryStore, build: BuildId) {
    let fence = fence(store, build).await;
    let lost = Failure::plain("its worker was lost");
    assert_eq!(store.requeue(build, fence, true, &lost, now()).await.unwrap(), Requeued::Queued);
    start(store, build).await;
}

/// The worker reports that the service of the first run of a build is stopped, from its journal.
pub async fn report_stop(store: &MemoryStore, build: BuildId) {
    let record = service(1, ServiceState::Stopped);
    let report = StopReport {
        build,
        fence: Fence::new(1, 7),
        run: 1,
        instance: record.instance,
        name: record.name,
        service_type: record.service_type,
        state: ServiceState::Stopped,
        by: "journal".into(),
        starting_at: record.starting_at,
        at: now() + TimeDelta::seconds(20),
        tries: 2,
        detail: String::new(),
    };
    let answer = store.record_stop("lab-1", &report).await.unwrap();
    assert!(matches!(answer, RecordedStop::Changed(_)), "{answer:?}");
}

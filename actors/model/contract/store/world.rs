//! A store with a team, and short words for what tests do with it.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Duration, Utc};

use crate::{
    build::{Build, BuildEvent, BuildStatus, BuildVersion, Cause, StepRecord},
    check::CheckOutcome,
    id::{
        BuildId, Fence, Incarnation, JobId, NodeId, PipelineId, ResourceId, RevisionId, StepPath, TeamId,
        VersionId,
    },
    pipeline::{CheckInterval, Job, OnWorkerLoss, Pipeline, Resource, ResourceType, Variable},
    port::{
        Store,
        store::{
            BuildUpdate, ClaimAnswer, ClaimRequest, ClaimedBuild, Recorded, SaveRevision, SavedRevision,
        },
    },
    scheduling::{GetState, InsertedBuild, JobState, NewBuild, SchedulingState, Write},
    step::{Command, GetStep, Hooks, Step, StepKind, VersionMode},
    version::VersionValue,
};

pub struct World {
    pub store: Arc<dyn Store>,
    pub team: TeamId,
}

/// Seconds after the tests' beginning.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::seconds(1_700_000_000 + seconds)
}

pub fn node(name: &str) -> NodeId {
    NodeId(name.to_owned())
}

pub fn value(text: &str) -> VersionValue {
    VersionValue(BTreeMap::from([("ref".to_owned(), text.into())]))
}

/// A get of a job.
pub fn get(name: &str, resource: &str, passed: &[&str]) -> Step {
    let get = GetStep {
        resource: resource.to_owned(),
        trigger: true,
        passed: passed.iter().map(|&job| job.to_owned()).collect(),
        mode: VersionMode::Latest,
    };
    let hooks = Hooks::default();
    Step { name: name.to_owned(), kind: StepKind::Get(get), timeout: None, attempts: 1, hooks }
}

/// The same get, with each version in turn.
pub fn every(mut step: Step) -> Step {
    if let StepKind::Get(get) = &mut step.kind {
        get.mode = VersionMode::Every;
    }
    step
}

pub fn job(name: &str, steps: Vec<Step>) -> Job {
    Job {
        name: name.to_owned(),
        description: String::new(),
        public: false,
        tags: Vec::new(),
        concurrency: 0,
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

/// A pipeline of these jobs; resources are `git.app` and `git.lib`, which are checked, and `image.out`, which is not.
pub fn pipeline(jobs: Vec<Job>) -> Pipeline {
    let resource = |type_name: &str, name: &str| Resource {
        type_name: type_name.to_owned(),
        name: name.to_owned(),
        params: BTreeMap::new(),
        check_interval: CheckInterval::Never,
        tags: Vec::new(),
        cache: false,
        icon: String::new(),
        description: String::new(),
    };
    let checked = ResourceType { check: Some(Command::default()), ..ResourceType::default() };
    Pipeline {
        resources: vec![resource("git", "app"), resource("git", "lib"), resource("image", "out")],
        resource_types: BTreeMap::from([
            ("git".to_owned(), checked),
            ("image".to_owned(), ResourceType::default()),
        ]),
        variables: vec![Variable {
            name: "token".into(),
            kind: "string".into(),
            description: String::new(),
            secret: true,
        }],
        jobs,
        ..Pipeline::default()
    }
}

impl World {
    pub async fn new(store: Arc<dyn Store>) -> Self {
        let team = store.ensure_team("main", "Main").await.unwrap().id;
        Self { store, team }
    }

    pub fn revision(&self, name: &str, compiled: Pipeline) -> SaveRevision {
        let source = format!("{compiled:?}").into_bytes();
        SaveRevision {
            team: self.team,
            name: name.to_owned(),
            canonical: name.to_owned(),
            content_hash: String::from_utf8_lossy(&source).into_owned(),
            source,
            compiled,
            vars: BTreeMap::new(),
            given_secrets: BTreeMap::new(),
            public: None,
            must_exist: None,
            at: at(0),
            by: "ada".into(),
        }
    }

    /// Saves a pipeline of these jobs under the name `app`.
    pub async fn save(&self, jobs: Vec<Job>) -> PipelineId {
        let save = self.revision("app", pipeline(jobs));
        match self.store.save_revision(save).await.unwrap() {
            SavedRevision::Saved { pipeline, .. } => pipeline,
            SavedRevision::Exists(_) => panic!("refused although nothing was demanded"),
        }
    }

    pub async fn resource(&self, pipeline: PipelineId, canonical: &str) -> ResourceId {
        self.store.resource(pipeline, canonical).await.unwrap().unwrap().id
    }

    pub async fn job(&self, pipeline: PipelineId, name: &str) -> JobId {
        self.store.job(pipeline, name).await.unwrap().unwrap().id
    }

    /// Records a version by hand.
    pub async fn version(&self, resource: ResourceId, text: &str) -> VersionId {
        self.store.add_version(resource, &value(text), at(1)).await.unwrap().0
    }

    /// Checks a resource with this result.
    pub async fn check(&self, resource: ResourceId, found: &[&str]) -> Vec<VersionId> {
        self.store.set_next_check(resource, Some(at(0))).await.unwrap();
        let lease = self.store.lease_check(resource, &node("w"), at(0), at(300)).await.unwrap().unwrap();
        let outcome =
            CheckOutcome { result: Ok(found.iter().map(|text| value(text)).collect()), log: String::new() };
        let recorded = self.store.record_check(resource, lease.number, &outcome, at(1), None).await.unwrap();
        recorded.unwrap().new
    }

    pub async fn state(&self, pipeline: PipelineId) -> SchedulingState {
        self.store.scheduling_state(pipeline).await.unwrap().unwrap()
    }

    /// The job's part of the scheduling state.
    pub async fn job_state(&self, pipeline: PipelineId, job: &str) -> JobState {
        self.state(pipeline).await.jobs.into_iter().find(|state| state.name == job).unwrap()
    }

    /// A get's part of the scheduling state.
    pub async fn get_state(&self, pipeline: PipelineId, job: &str, get: &str) -> GetState {
        self.job_state(pipeline, job).await.gets.into_iter().find(|state| state.name == get).unwrap()
    }

    pub async fn new_build(&self, pipeline: PipelineId, job: &str, uses: &[(&str, VersionId)]) -> NewBuild {
        let mut versions = BTreeMap::new();
        for (get, version) in uses {
            let resource = self.store.version(*version).await.unwrap().unwrap().resource;
            versions.insert((*get).to_owned(), BuildVersion { resource, version: *version });
        }
        NewBuild {
            job: self.job(pipeline, job).await,
            revision: self.current(pipeline).await,
            cause: Cause::Manual { nonce: uuid::Uuid::new_v4(), by: "ada".into() },
            versions,
            inputs: BTreeMap::from([("WHO".to_owned(), "ada".to_owned())]),
            created_at: at(2),
        }
    }

    pub async fn current(&self, pipeline: PipelineId) -> RevisionId {
        self.store.pipeline_by_id(pipeline).await.unwrap().unwrap().revision
    }

    pub async fn write(&self, pipeline: PipelineId, write: Write) -> Vec<InsertedBuild> {
        self.store.apply(pipeline, None, vec![write], at(3)).await.unwrap().unwrap().builds
    }

    /// Inserts a build started by hand.
    pub async fn insert(&self, pipeline: PipelineId, job: &str, uses: &[(&str, VersionId)]) -> BuildId {
        let new = self.new_build(pipeline, job, uses).await;
        self.write(pipeline, Write::InsertBuild(new)).await[0].id
    }

    pub async fn try_claim(&self, build: BuildId) -> ClaimAnswer {
        let request = ClaimRequest {
            build,
            node: node("w"),
            incarnation: Incarnation(u64::MAX - 1),
            worker: "worker-1".into(),
            random: 0xdead_beef,
        };
        self.store.claim(&request).await.unwrap()
    }

    pub async fn claim(&self, build: BuildId) -> ClaimedBuild {
        match self.try_claim(build).await {
            ClaimAnswer::Claimed(claimed) => *claimed,
            other => panic!("not claimed: {other:?}"),
        }
    }

    /// Claims a build; gives its fence.
    pub async fn start(&self, build: BuildId) -> Fence {
        self.claim(build).await.build.claim.unwrap().fence
    }

    pub async fn record(
        &self,
        build: BuildId,
        fence: Fence,
        through: u64,
        events: Vec<BuildEvent>,
    ) -> Recorded {
        let update = BuildUpdate { build, fence, through, events, at: at(5) };
        self.store.record_events(update).await.unwrap()
    }

    pub async fn build(&self, build: BuildId) -> Build {
        self.store.build(build).await.unwrap().unwrap()
    }

    /// Runs a build from its claim to its end.
    pub async fn run(&self, build: BuildId, status: BuildStatus) {
        let fence = self.start(build).await;
        self.record(build, fence, 3, vec![started(4), concluded(status, 9), finished(10)]).await;
    }

    /// Inserts a build with these versions, and runs it.
    pub async fn run_with(
        &self,
        pipeline: PipelineId,
        job: &str,
        uses: &[(&str, VersionId)],
        status: BuildStatus,
    ) -> BuildId {
        let build = self.insert(pipeline, job, uses).await;
        self.run(build, status).await;
        build
    }
}

pub fn started(seconds: i64) -> BuildEvent {
    BuildEvent::Started { at: at(seconds) }
}

pub fn concluded(status: BuildStatus, seconds: i64) -> BuildEvent {
    BuildEvent::Concluded { status, failure: None, at: at(seconds) }
}

pub fn finished(seconds: i64) -> BuildEvent {
    BuildEvent::Finished { at: at(seconds) }
}

pub fn step(path: &str, status: BuildStatus) -> BuildEvent {
    BuildEvent::Step(StepRecord {
        path: StepPath(path.to_owned()),
        kind: "task".into(),
        name: path.to_owned(),
        status,
        attempt: 1,
        exit_code: None,
        failure: None,
        version: None,
        started_at: at(4),
        duration: None,
        log_bytes: 0,
    })
}

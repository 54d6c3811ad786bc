//! A walk over a whole store: everything visible, and what must hold between its rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    build::{Build, BuildStatus, Phase, ServiceRecord, StepRecord},
    id::{BuildId, JobId},
    port::{
        Store,
        store::{JobRow, Page, PipelineRow, ResourceRow, VersionRow},
    },
    scheduling::{HeldPlace, PendingBuild, SchedulingState},
};

/// Everything that is visible of a store, but its logs and the random part of webhook tokens.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// Each pipeline with what belongs to it.
    pub pipelines: Vec<PipelineSnapshot>,
    /// Queued builds of all pipelines.
    pub pending: Vec<PendingBuild>,
    /// Held places of all pipelines.
    pub held: Vec<HeldPlace>,
    /// Builds by status.
    pub counts: BTreeMap<BuildStatus, u64>,
}

/// A pipeline with what belongs to it.
#[derive(Clone, PartialEq, Debug)]
pub struct PipelineSnapshot {
    /// Its row.
    pub row: PipelineRow,
    /// What decisions are made from.
    pub state: SchedulingState,
    /// Its jobs.
    pub jobs: Vec<JobRow>,
    /// Its resources with their versions.
    pub resources: Vec<(ResourceRow, Vec<VersionRow>)>,
    /// Its builds, newest first, with steps and services of all runs.
    pub builds: Vec<(Build, Vec<StepRecord>, Vec<ServiceRecord>)>,
}

const ALL: Page = Page { limit: 1_000_000, before: None, after: None };

/// Reads a whole store.
pub async fn snapshot(store: &dyn Store) -> Snapshot {
    let mut pipelines = Vec::new();
    for row in store.pipelines(None).await.unwrap() {
        let mut resources = Vec::new();
        for mut resource in store.resources(row.id).await.unwrap() {
            resource.webhook_token.clear();
            let versions = store.versions(resource.id, ALL).await.unwrap();
            resources.push((resource, versions));
        }
        let mut builds = Vec::new();
        for build in store.recent_builds(row.id, ALL.limit).await.unwrap() {
            let (mut steps, mut services) = (Vec::new(), Vec::new());
            for run in 1..=build.run {
                steps.extend(store.steps(build.id, run).await.unwrap());
                services.extend(store.services(build.id, run).await.unwrap());
            }
            builds.push((build, steps, services));
        }
        let state = store.scheduling_state(row.id).await.unwrap().unwrap();
        let jobs = store.jobs(row.id).await.unwrap();
        pipelines.push(PipelineSnapshot { row, state, jobs, resources, builds });
    }
    Snapshot {
        pipelines,
        pending: store.pending_builds(BuildId(0), ALL.limit).await.unwrap(),
        held: store.held_places().await.unwrap(),
        counts: store.build_counts().await.unwrap(),
    }
}

/// What must hold in every store at every moment.
pub fn assert_consistent(snapshot: &Snapshot) {
    let builds = || snapshot.pipelines.iter().flat_map(|pipeline| &pipeline.builds).map(|(build, ..)| build);
    let mut counts: BTreeMap<BuildStatus, u64> = BTreeMap::new();
    builds().for_each(|build| *counts.entry(build.status).or_default() += 1);
    assert_eq!(snapshot.counts, counts);
    let ids = |wanted: &dyn Fn(&Build) -> bool| {
        builds().filter(|build| wanted(build)).map(|build| build.id).collect::<BTreeSet<_>>()
    };
    let queued = ids(&|build| build.phase == Phase::Queued);
    assert_eq!(snapshot.pending.iter().map(|pending| pending.id).collect::<BTreeSet<_>>(), queued);
    let held = ids(&|build| !matches!(build.phase, Phase::Queued | Phase::Done));
    assert_eq!(snapshot.held.iter().map(|place| place.build).collect::<BTreeSet<_>>(), held);
    builds().for_each(assert_build);
    let mut numbers = BTreeSet::new();
    let mut causes: BTreeSet<(JobId, String)> = BTreeSet::new();
    for build in builds() {
        assert!(numbers.insert((build.job, build.number)), "{} twice", build.number);
        assert!(causes.insert((build.job, build.cause.key())), "{} twice", build.cause.key());
    }
    snapshot.pipelines.iter().for_each(assert_pipeline);
}

fn assert_build(build: &Build) {
    let id = build.id;
    assert_eq!(build.ended_at.is_some(), build.status.is_final(), "build {id}: end and status differ");
    assert!(build.phase != Phase::Done || build.status.is_final(), "build {id} is done with an open status");
    assert_eq!(build.phase == Phase::Queued, build.status == BuildStatus::Pending, "build {id}: {build:?}");
    assert!(build.phase != Phase::Queued || build.claim.is_none(), "build {id} is queued under a claim");
    assert!(
        matches!(build.phase, Phase::Queued | Phase::Done) || build.claim.is_some(),
        "build {id} runs without a claim"
    );
    assert!((1..=3).contains(&build.run), "build {id} has run {}", build.run);
}

fn assert_pipeline(pipeline: &PipelineSnapshot) {
    let open: Vec<BuildId> = pipeline
        .builds
        .iter()
        .rev()
        .map(|(build, ..)| build)
        .filter(|build| build.phase != Phase::Done)
        .map(|build| build.id)
        .collect();
    assert_eq!(pipeline.state.unfinished.iter().map(|brief| brief.id).collect::<Vec<_>>(), open);
    for (resource, versions) in &pipeline.resources {
        assert_eq!(resource.latest.as_ref(), versions.first().map(|row| &row.version));
        assert!(versions.iter().all(|row| row.version.resource == resource.id));
    }
    for job in &pipeline.jobs {
        let newest = pipeline.builds.iter().find(|(build, ..)| build.job == job.id);
        assert_eq!(job.latest.as_ref(), newest.map(|(build, ..)| build));
    }
}

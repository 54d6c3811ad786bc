//! Scheduling over random histories: what must hold whatever happens, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::executor::block_on;
use pikoci_engine::decide::schedule::schedule;
use pikoci_model::build::{Build, BuildEvent, BuildStatus, Cause};
use pikoci_model::contract::MemoryStore;
use pikoci_model::id::{BuildId, Incarnation, NodeId, PipelineId, ResourceId, VersionId};
use pikoci_model::pipeline::{CheckInterval, Job};
use pikoci_model::port::store::{
    AccountStore as _, BuildStore as _, BuildUpdate, ClaimAnswer, ClaimRequest, Page, PipelineStore as _,
    ResourceStore as _, SaveRevision, SavedRevision, SchedulingStore as _,
};
use pikoci_model::scheduling::Write;
use pikoci_model::step::{StepKind, VersionMode};

use crate::pipelines::{get, job, pipeline, version};
use crate::wire::Chance;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// A pipeline in a store, without anybody alive.
struct History {
    store: MemoryStore,
    pipeline: PipelineId,
    running: Vec<BuildId>,
    counter: u32,
}

impl History {
    fn of(resources: &[&str], jobs: Vec<Job>) -> Self {
        let store = MemoryStore::default();
        let saved = block_on(async {
            let team = store.ensure_team("main", "main").await.unwrap().id;
            let save = SaveRevision {
                team,
                name: "p".into(),
                canonical: "p".into(),
                source: vec![],
                content_hash: "1".into(),
                compiled: pipeline(resources, "say []", CheckInterval::Never, jobs),
                vars: BTreeMap::new(),
                given_secrets: BTreeMap::new(),
                public: None,
                must_exist: None,
                at: now(),
                by: "alice".into(),
            };
            store.save_revision(save).await.unwrap()
        });
        let SavedRevision::Saved { pipeline, .. } = saved else { panic!("{saved:?}") };
        History { store, pipeline, running: vec![], counter: 0 }
    }

    fn resource(&self, canonical: &str) -> ResourceId {
        block_on(self.store.resource(self.pipeline, canonical)).unwrap().unwrap().id
    }

    fn add(&mut self, canonical: &str) -> VersionId {
        self.counter += 1;
        let value = version(&self.counter.to_string());
        block_on(self.store.add_version(self.resource(canonical), &value, now())).unwrap().0
    }

    /// One decision, applied; says whether anything was due.
    fn decide(&self) -> bool {
        let state = block_on(self.store.scheduling_state(self.pipeline)).unwrap().unwrap();
        let due = schedule(&state, &BTreeMap::new(), now());
        let due_any = !due.writes.is_empty();
        for write in &due.writes {
            if let Write::InsertBuild(build) = write {
                self.check_passed(
                    &state.jobs.iter().find(|job| job.id == build.job).unwrap().name,
                    &build.versions,
                );
            }
        }
        let applied =
            block_on(self.store.apply(self.pipeline, Some(state.revision), due.writes, now())).unwrap();
        let applied = applied.expect("nobody else writes");
        assert!(applied.builds.iter().all(|build| build.new), "a decision repeated itself: {applied:?}");
        due_any
    }

    fn settle(&self) {
        for _ in 0..1000 {
            if !self.decide() {
                return;
            }
        }
        panic!("decisions never come to an end");
    }

    /// Every version of a get with `passed` went through all of its jobs.
    fn check_passed(&self, job: &str, versions: &BTreeMap<String, pikoci_model::build::BuildVersion>) {
        let definition = self.definition();
        for get in definition.job(job).unwrap().gets() {
            // A build without a version of this get is on its way to R120.
            let Some(bound) = versions.get(&*get.key) else { continue };
            for upstream in &get.step.passed {
                let passed = self.builds(upstream).into_iter().any(|build| {
                    build.status.passes() && build.versions.values().any(|version| version == bound)
                });
                assert!(passed, "{job} got {bound:?} that has not passed {upstream}");
            }
        }
    }

    fn definition(&self) -> std::sync::Arc<pikoci_model::pipeline::Pipeline> {
        let row = block_on(self.store.pipeline_by_id(self.pipeline)).unwrap().unwrap();
        block_on(self.store.revision(row.revision)).unwrap().unwrap().compiled
    }

    fn builds(&self, job: &str) -> Vec<Build> {
        let job = block_on(self.store.job(self.pipeline, job)).unwrap().unwrap().id;
        let page = Page { limit: 10_000, before: None, after: None };
        let mut builds = block_on(self.store.builds(job, page, &[])).unwrap();
        builds.reverse();
        builds
    }

    fn start_oldest(&mut self) -> bool {
        let pending = block_on(self.store.pending_builds(BuildId(0), 100)).unwrap();
        for build in pending {
            let request = ClaimRequest {
                build: build.id,
                node: NodeId("n".into()),
                incarnation: Incarnation(1),
                worker: "w".into(),
                random: 1,
            };
            if let ClaimAnswer::Claimed(_) = block_on(self.store.claim(&request)).unwrap() {
                self.running.push(build.id);
                return true;
            }
        }
        false
    }

    fn end(&mut self, index: usize, status: BuildStatus) {
        let id = self.running.swap_remove(index);
        let build = block_on(self.store.build(id)).unwrap().unwrap();
        let Some(claim) = build.claim else { return };
        let events = vec![
            BuildEvent::Started { at: now() },
            BuildEvent::Concluded { status, failure: None, at: now() },
            BuildEvent::Finished { at: now() },
        ];
        let update = BuildUpdate { build: id, fence: claim.fence, through: 3, events, at: now() };
        block_on(self.store.record_events(update)).unwrap();
    }

    fn end_random(&mut self, chance: &Chance) {
        if self.running.is_empty() {
            return;
        }
        let index = usize::try_from(chance.below(self.running.len() as u64)).unwrap();
        let status = if chance.below(4) == 0 { BuildStatus::Failed } else { BuildStatus::Succeeded };
        self.end(index, status);
    }

    /// Everything that is due is built and succeeds.
    fn finish(&mut self) {
        for _ in 0..10_000 {
            self.settle();
            while self.start_oldest() {}
            if self.running.is_empty() {
                return;
            }
            self.end(0, BuildStatus::Succeeded);
        }
        panic!("it never ends");
    }

    fn versions_of(&self, job: &str, get: &str) -> Vec<VersionId> {
        self.builds(job).iter().map(|build| build.versions[get].version).collect()
    }
}

fn random_step(
    history: &mut History,
    chance: &Chance,
    resources: &[&str],
    found: &mut Vec<(usize, VersionId)>,
) {
    match chance.below(10) {
        0..3 => {
            let index = usize::try_from(chance.below(resources.len() as u64)).unwrap();
            found.push((index, history.add(resources[index])));
        }
        3..6 => {
            history.decide();
        }
        6..8 => {
            history.start_oldest();
        }
        _ => history.end_random(chance),
    }
}

#[test]
fn every_version_is_built_once_and_nothing_overtakes_its_upstream() {
    for seed in 1..=40 {
        let jobs = vec![
            job("unit", vec![get("mem.app", true, &[])]),
            job("lint", vec![get("mem.app", true, &[])]),
            job("build", vec![get("mem.app", true, &["unit", "lint"]), get("mem.lib", true, &[])]),
            job("deploy", vec![get("mem.app", true, &["build"]), get("mem.lib", true, &["build"])]),
        ];
        let (mut history, chance, mut found) =
            (History::of(&["app", "lib"], jobs), Chance::new(seed), vec![]);
        found.push((1, history.add("mem.lib")));
        for _ in 0..300 {
            random_step(&mut history, &chance, &["mem.app", "mem.lib"], &mut found);
        }
        history.finish();
        let app: Vec<VersionId> = found.iter().filter(|(index, _)| *index == 0).map(|(_, id)| *id).collect();
        for name in ["unit", "lint"] {
            assert_eq!(history.versions_of(name, "app"), app, "seed {seed}: {name}");
        }
        the_best_is_built(&history, seed);
        deploys_are_pairs_of_one_build(&history, seed);
    }
}

/// The newest version that passed both upstream jobs was taken, if any build of `build` was to be.
fn the_best_is_built(history: &History, seed: u64) {
    let passing = |name: &str| -> BTreeSet<VersionId> {
        let builds = history.builds(name);
        builds
            .iter()
            .filter(|build| build.status.passes())
            .map(|build| build.versions["app"].version)
            .collect()
    };
    let best = passing("unit").intersection(&passing("lint")).max().copied();
    let built: BTreeSet<VersionId> = history
        .builds("build")
        .iter()
        .filter_map(|build| build.versions.get("app").map(|bound| bound.version))
        .collect();
    if let Some(best) = best {
        assert!(built.contains(&best), "seed {seed}: {best} of {built:?}");
    }
}

fn deploys_are_pairs_of_one_build(history: &History, seed: u64) {
    let upstream = history.builds("build");
    let mut pairs = BTreeSet::new();
    for deploy in history.builds("deploy") {
        let same = upstream.iter().any(|build| build.status.passes() && build.versions == deploy.versions);
        assert!(same, "seed {seed}: {:?} never went through one build", deploy.versions);
        let pair = (deploy.versions["app"].version, deploy.versions["lib"].version);
        assert!(pairs.insert(pair), "seed {seed}: {pair:?} twice");
    }
}

#[test]
fn latest_builds_the_newest_and_replaces_what_is_queued() {
    let mut newest = job("newest", vec![get("mem.app", true, &[])]);
    let StepKind::Get(root) = &mut newest.steps[0].kind else { panic!() };
    root.mode = VersionMode::Latest;
    let mut history = History::of(&["app"], vec![newest]);
    let (_, second) = (history.add("mem.app"), history.add("mem.app"));
    history.settle();
    assert_eq!(history.versions_of("newest", "app"), [second]);
    let third = history.add("mem.app");
    history.settle();
    let builds: Vec<(BuildStatus, VersionId)> =
        history.builds("newest").iter().map(|build| (build.status, build.versions["app"].version)).collect();
    assert_eq!(builds, [(BuildStatus::Cancelled, second), (BuildStatus::Pending, third)]);
    history.start_oldest();
    let fourth = history.add("mem.app");
    history.settle();
    let last = history.builds("newest");
    assert_eq!(last[1].status, BuildStatus::Started, "what runs goes on");
    assert_eq!(last[2].versions["app"].version, fourth);
}

#[test]
fn every_downstream_takes_each_version_in_order() {
    let mut each = job("each", vec![get("mem.app", true, &["unit"])]);
    let StepKind::Get(down) = &mut each.steps[0].kind else { panic!() };
    down.mode = VersionMode::Every;
    let latest = job("latest", vec![get("mem.app", true, &["unit"])]);
    let mut history = History::of(&["app"], vec![job("unit", vec![get("mem.app", true, &[])]), each, latest]);
    let versions: Vec<VersionId> = (0..4).map(|_| history.add("mem.app")).collect();
    history.settle();
    while history.start_oldest() {}
    while !history.running.is_empty() {
        history.end(0, BuildStatus::Succeeded);
    }
    history.finish();
    assert_eq!(history.versions_of("each", "app"), versions);
    assert_eq!(history.versions_of("latest", "app"), [versions[3]]);
}

#[test]
fn a_failed_or_cancelled_upstream_passes_nothing_and_a_warning_does() {
    for (status, passes) in
        [(BuildStatus::Failed, false), (BuildStatus::Cancelled, false), (BuildStatus::Warning, true)]
    {
        let jobs = vec![
            job("unit", vec![get("mem.app", true, &[])]),
            job("next", vec![get("mem.app", true, &["unit"])]),
        ];
        let mut history = History::of(&["app"], jobs);
        history.add("mem.app");
        history.settle();
        history.start_oldest();
        history.end(0, status);
        history.settle();
        assert_eq!(history.builds("next").len(), usize::from(passes), "{status}");
        let causes: Vec<&str> = history.builds("next").iter().map(|build| word(&build.cause)).collect();
        assert!(causes.iter().all(|cause| *cause == "passed"));
    }
}

#[test]
fn every_get_of_one_resource_is_a_gate_of_its_own() {
    let jobs = vec![
        job("unit", vec![get("mem.app", true, &[])]),
        job("lint", vec![get("mem.app", true, &[])]),
        job("deploy", vec![get("mem.app", true, &["unit"]), get("mem.app", true, &["lint"])]),
    ];
    for (unit, lint, passes) in [
        (BuildStatus::Failed, BuildStatus::Succeeded, false),
        (BuildStatus::Succeeded, BuildStatus::Failed, false),
        (BuildStatus::Succeeded, BuildStatus::Succeeded, true),
    ] {
        let mut history = History::of(&["app"], jobs.clone());
        let version = history.add("mem.app");
        history.settle();
        for (name, status) in [("unit", unit), ("lint", lint)] {
            while history.start_oldest() {}
            let build = history.builds(name)[0].id;
            let index = history.running.iter().position(|id| *id == build).unwrap();
            history.end(index, status);
            history.settle();
        }
        assert_eq!(history.builds("deploy").len(), usize::from(passes), "{unit}, {lint}");
        if passes {
            assert_eq!(history.versions_of("deploy", "app"), [version]);
            assert_eq!(history.versions_of("deploy", "app#2"), [version]);
        }
    }
}

fn word(cause: &Cause) -> &'static str {
    cause.word()
}

#[test]
fn a_new_job_does_not_replay_the_past() {
    let jobs = || vec![job("unit", vec![get("mem.app", true, &[])])];
    let mut history = History::of(&["app"], jobs());
    history.add("mem.app");
    history.finish();
    let with_more = [
        jobs(),
        vec![
            job("down", vec![get("mem.app", true, &["unit"])]),
            job("root", vec![get("mem.app", true, &[])]),
        ],
    ];
    let row = block_on(history.store.pipeline_by_id(history.pipeline)).unwrap().unwrap();
    let save = SaveRevision {
        team: row.team,
        name: "p".into(),
        canonical: "p".into(),
        source: vec![],
        content_hash: "2".into(),
        compiled: pipeline(&["app"], "say []", CheckInterval::Never, with_more.concat()),
        vars: BTreeMap::new(),
        given_secrets: BTreeMap::new(),
        public: None,
        must_exist: None,
        at: now(),
        by: "alice".into(),
    };
    block_on(history.store.save_revision(save)).unwrap();
    history.finish();
    assert!(history.builds("down").is_empty() && history.builds("root").is_empty());
    let new = history.add("mem.app");
    history.finish();
    assert_eq!(history.versions_of("down", "app"), [new]);
    assert_eq!(history.versions_of("root", "app"), [new]);
}

//! Several servers on one store and one transport.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use pikoci_engine::decide::lease::LeaseTimes;
use pikoci_engine::server::Settings;
use pikoci_model::build::{BuildStatus, Phase};
use pikoci_model::contract::MemoryJournal;
use pikoci_model::id::{BuildId, Fence, Incarnation, NodeId, PipelineId};
use pikoci_model::pipeline::{CheckInterval, Job, OnWorkerLoss};
use pikoci_model::port::store::{
    BuildStore as _, ClaimAnswer, ClaimRequest, ResourceStore as _, WorkerStore as _,
};
use pikoci_model::port::{Control, Signals as _, Topic, Trigger};

use crate::faults::STORM;
use crate::neighbours::Neighbour;
use crate::pipelines::{get, job, pipeline, task};
use crate::town::Town;
use crate::wire::Weather;
use crate::world::DEADLINE;

/// Short leases, so that what they lead to is seen soon.
fn brisk() -> Settings {
    let second = Duration::from_secs;
    let leases = LeaseTimes { lease: second(5), renew_every: second(1), silent_after: second(3) };
    Settings { leases, ..Settings::default() }
}

fn renewing() -> Settings {
    let leases = LeaseTimes { renew_every: Duration::from_secs(1), ..LeaseTimes::default() };
    Settings { leases, ..Settings::default() }
}

/// Prints, waits until it is let go, prints.
fn slow(name: &str) -> Job {
    job(name, vec![task("a", "say one"), task("b", "hang"), task("c", "say two")])
}

async fn met(town: &Town, others: &[&Neighbour]) {
    let all = others.len() as u64 + 1;
    town.until("all servers to know each other", async || {
        let mut known = vec![town.server().meter().read().await.servers];
        for other in others {
            known.push(other.servers().await);
        }
        known.iter().all(|servers| *servers == all)
    })
    .await;
}

async fn saved(town: &Town, name: &str, jobs: Vec<Job>) -> PipelineId {
    town.save(name, &pipeline(&[], "say []", CheckInterval::Never, jobs)).await.pipeline
}

async fn trigger(town: &Town, through: &Arc<dyn Control>, pipeline: PipelineId, name: &str) -> BuildId {
    let job = town.job(pipeline, name).await;
    let request = Trigger { pipeline, job, inputs: Default::default(), by: "alice".into() };
    through.trigger(request).await.unwrap().id
}

fn ran(town: &Town, line: &str) -> usize {
    town.host.story().iter().filter(|told| told.ends_with(line)).count()
}

async fn reached(town: &Town, line: &str) {
    tokio::time::timeout(DEADLINE, town.host.happens(line)).await.expect(line);
}

#[actix_rt::test]
async fn several_servers_share_the_work_and_each_build_runs_once() {
    let town = Town::new();
    let second = town.neighbour();
    met(&town, &[&second]).await;
    let _workers = ["a", "b", "c"].map(|name| town.worker(name, 2));
    let pipeline = saved(&town, "shared", vec![job("j", vec![task("t", "show BUILD_NUMBER")])]).await;
    let mut builds = Vec::new();
    for turn in 0..24 {
        let through = if turn % 2 == 0 { &town.control } else { &second.control };
        builds.push(trigger(&town, through, pipeline, "j").await);
    }
    for build in builds {
        let done = town.until_done(build).await;
        assert_eq!((done.status, done.run), (BuildStatus::Succeeded, 1));
        assert_eq!(town.log(build, "0").await, format!("BUILD_NUMBER={}\n", done.number));
    }
    assert_eq!(ran(&town, "show BUILD_NUMBER"), 24);
}

#[actix_rt::test]
async fn a_killed_servers_build_is_adopted_and_loses_nothing() {
    let mut town = Town::with(renewing());
    let _worker = town.worker("w", 1);
    let pipeline = saved(&town, "adopted", vec![slow("j")]).await;
    let build = town.trigger(pipeline, "j").await;
    reached(&town, "run 1#1: hang").await;
    let second = town.neighbour();
    met(&town, &[&second]).await;
    town.kill();
    // It goes on while nobody listens.
    town.host.finish("1");
    let done = town.until_done(build).await;
    assert_eq!((done.status, done.run), (BuildStatus::Succeeded, 1));
    assert_eq!((town.log(build, "0").await, town.log(build, "2").await), ("one\n".into(), "two\n".into()));
    assert_eq!((ran(&town, "say one"), ran(&town, "say two")), (1, 1));
    assert_eq!(second.server.meter().read().await.adopted, 1);
    let next = trigger(&town, &second.control, pipeline, "j").await;
    town.until("the next build", async || town.build(next).await.phase == Phase::Running).await;
}

/// The server that claimed was killed before anybody heard its go.
#[actix_rt::test]
async fn a_go_that_never_arrived_is_said_by_the_next_home() {
    let mut town = Town::new();
    let jobs = vec![job("j", vec![task("t", "say j")])];
    let hourly = CheckInterval::Every(Duration::from_secs(3600));
    let pipeline = town.save("silent", &pipeline(&["app"], "say []", hourly, jobs)).await.pipeline;
    let build = town.trigger(pipeline, "j").await;
    let app = town.resource(pipeline, "mem.app").await;
    town.kill();
    let (node, incarnation) = (NodeId("node-w".into()), Incarnation(1));
    let request = ClaimRequest { build, node: node.clone(), incarnation, worker: "w".into(), random: 7 };
    assert!(matches!(town.store.claim(&request).await.unwrap(), ClaimAnswer::Claimed(_)));
    let due = app.next_check.unwrap();
    let until = due + chrono::TimeDelta::hours(1);
    town.store.lease_check(app.id, &node, due, until).await.unwrap().expect("the lease");
    let _second = town.neighbour();
    let _worker = town.worker("w", 1);
    let done = town.until_done(build).await;
    assert_eq!(
        (done.status, done.claim.map(|claim| claim.fence)),
        (BuildStatus::Succeeded, Some(Fence::new(1, 7)))
    );
    town.until("the check", async || town.resource(pipeline, "mem.app").await.last_check.is_some()).await;
    assert_eq!((ran(&town, "say j"), ran(&town, "say []")), (1, 1));
}

#[actix_rt::test]
async fn a_build_is_cancelled_and_watched_through_any_server() {
    let town = Town::new();
    let _worker = town.worker("w", 1);
    let pipeline = saved(&town, "anywhere", vec![slow("j")]).await;
    let build = town.trigger(pipeline, "j").await;
    reached(&town, "run 1#1: hang").await;
    let second = town.neighbour();
    met(&town, &[&second]).await;
    let mut rings = second.bells.subscribe(Topic::Build(build));
    town.host.finish("1");
    while town.log(build, "2").await != "two\n" {
        tokio::time::timeout(DEADLINE, rings.next()).await.expect("it rings on the other server");
    }
    let next = trigger(&town, &second.control, pipeline, "j").await;
    town.until("the next build", async || town.build(next).await.phase == Phase::Running).await;
    second.control.cancel(next, "bob").await.unwrap();
    let done = town.until_done(next).await;
    assert_eq!((done.status, done.run), (BuildStatus::Cancelled, 1));
    assert_eq!(second.server.meter().read().await.adopted, 0, "its tracker saw to it");
}

/// Pipelines whose first check finds one version, which starts one build.
async fn checked(town: &Town, count: usize, interval: CheckInterval) -> Vec<PipelineId> {
    let mut pipelines = Vec::new();
    for number in 0..count {
        let found = format!("say [{{\"ref\":\"{number}\"}}]");
        let unit = vec![job("unit", vec![get("mem.app", true, &[])])];
        pipelines.push(
            town.save(&format!("p{number}"), &pipeline(&["app"], &found, interval.clone(), unit))
                .await
                .pipeline,
        );
    }
    for pipeline in &pipelines {
        town.until_story(*pipeline, "unit", &["1 succeeded"]).await;
    }
    pipelines
}

#[actix_rt::test]
async fn checks_and_schedules_are_done_once_and_led_on_by_another_server() {
    let mut town = Town::with(renewing());
    let second = town.neighbour();
    met(&town, &[&second]).await;
    let _workers = ["a", "b"].map(|name| town.worker(name, 2));
    let hourly = CheckInterval::Every(Duration::from_secs(3600));
    let pipelines = checked(&town, 8, hourly).await;
    let checks = |town: &Town| {
        (0..8).map(|number| ran(town, &format!("say [{{\"ref\":\"{number}\"}}]"))).sum::<usize>()
    };
    assert_eq!(checks(&town), 8);
    town.until("each server to lead its share", async || {
        let led = [town.server().meter().read().await, second.server.meter().read().await];
        let led = led.map(|metrics| metrics.pipelines_led);
        led[0] + led[1] == 8
    })
    .await;
    town.kill();
    for pipeline in &pipelines {
        let app = town.resource(*pipeline, "mem.app").await;
        second.control.check(app.id).await.unwrap();
        second.control.add_version(app.id, crate::pipelines::version("by hand")).await.unwrap();
        town.until("its check", async || {
            town.resource(*pipeline, "mem.app").await.last_check > app.last_check
        })
        .await;
        town.until_story(*pipeline, "unit", &["1 succeeded", "2 succeeded"]).await;
    }
    assert_eq!(checks(&town), 16);
    town.until("all to be led by the one that is left", async || {
        second.server.meter().read().await.pipelines_led == 8
    })
    .await;
}

#[actix_rt::test]
async fn intervals_go_on_when_their_leader_is_killed() {
    let mut town = Town::with(renewing());
    let second = town.neighbour();
    met(&town, &[&second]).await;
    let _worker = town.worker("w", 2);
    let pipelines = checked(&town, 6, CheckInterval::Every(Duration::from_secs(1))).await;
    town.kill();
    for _ in 0..2 {
        for pipeline in &pipelines {
            let before = town.resource(*pipeline, "mem.app").await.last_check;
            town.until("the next check", async || {
                town.resource(*pipeline, "mem.app").await.last_check > before
            })
            .await;
        }
    }
    for pipeline in pipelines {
        assert_eq!(town.story(pipeline, "unit").await, ["1 succeeded"]);
    }
}

#[actix_rt::test]
async fn servers_are_replaced_one_by_one_while_builds_run() {
    let mut town = Town::with(renewing());
    let _workers = ["a", "b"].map(|name| town.worker(name, 2));
    let pipeline = saved(&town, "rolling", vec![slow("j"), job("k", vec![task("t", "say k")])]).await;
    let mut builds = vec![town.trigger(pipeline, "j").await, town.trigger(pipeline, "j").await];
    for build in &builds {
        town.until("a build", async || town.build(*build).await.phase == Phase::Running).await;
    }
    let mut newest = town.neighbour();
    met(&town, &[&newest]).await;
    let first = town.server.take().unwrap();
    first.drain();
    first.stop().await;
    for _ in 0..2 {
        builds.push(trigger(&town, &newest.control, pipeline, "k").await);
        let next = town.neighbour();
        town.until("they know each other", async || next.servers().await == 2 && newest.servers().await == 2)
            .await;
        let before = std::mem::replace(&mut newest, next);
        before.server.drain();
        before.server.stop().await;
    }
    // Both wait in their step; as soon as it is let go on they end, wherever they are tracked by now.
    town.until("both to wait", async || ran(&town, "run 1#1: hang") == 2).await;
    town.host.finish("1");
    for build in builds {
        let done = town.until_done(build).await;
        assert_eq!((done.status, done.run), (BuildStatus::Succeeded, 1));
    }
    assert_eq!((ran(&town, "say one"), ran(&town, "say two"), ran(&town, "say k")), (2, 2, 2));
}

#[actix_rt::test]
async fn a_worker_that_dies_with_its_home_is_found_by_another_server() {
    let mut town = Town::with(brisk());
    let first = town.worker("first", 2);
    let fails = Job { on_worker_loss: OnWorkerLoss::Fail, ..slow("fails") };
    let pipeline = saved(&town, "lost", vec![slow("again"), fails]).await;
    let again = town.trigger(pipeline, "again").await;
    let fails = town.trigger(pipeline, "fails").await;
    for build in [again, fails] {
        town.until("a build", async || town.build(build).await.phase == Phase::Running).await;
    }
    let second = town.neighbour();
    met(&town, &[&second]).await;
    town.kill();
    town.cut("first");
    let _second_worker = town.worker("second", 2);
    let failed = town.until_done(fails).await;
    let text = failed.failure.map(|failure| failure.to_string()).unwrap_or_default();
    assert!(failed.status == BuildStatus::Failed && text.starts_with("R130"), "{} {text}", failed.status);
    town.until("the second run", async || {
        let build = town.build(again).await;
        build.run == 2 && build.worker.as_deref() == Some("second")
    })
    .await;
    drop((first, second));
}

#[actix_rt::test]
async fn a_worker_of_a_version_too_far_away_is_not_taken_in() {
    let town = Town::new();
    let journal = || Arc::new(MemoryJournal::ready());
    let _strange = town.worker_as("strange", journal(), |profile| profile.version = "7.3.1".into());
    let pipeline = saved(&town, "skew", vec![job("j", vec![task("t", "say j")])]).await;
    let build = town.trigger(pipeline, "j").await;
    let _fit = town.worker("fit", 1);
    assert_eq!(town.until_done(build).await.worker.as_deref(), Some("fit"));
    let known: Vec<String> =
        town.store.workers().await.unwrap().into_iter().map(|row| row.profile.name).collect();
    assert_eq!(known, ["fit"]);
}

async fn in_a_storm(seed: u64) {
    println!("seed {seed}");
    let mut town = Town::in_weather(renewing(), Weather { seed, ..STORM });
    let _workers = ["a", "b"].map(|name| town.worker(name, 2));
    let second = town.neighbour();
    let steps = ["one", "two", "three"].map(|name| task(name, &format!("say this is {name}")));
    let jobs = vec![
        job("first", [vec![get("mem.app", true, &[])], steps.to_vec()].concat()),
        job("then", vec![get("mem.app", true, &["first"]), task("t", "say then")]),
    ];
    let found = "say [{\"ref\":\"1\"},{\"ref\":\"2\"},{\"ref\":\"3\"},{\"ref\":\"4\"},{\"ref\":\"5\"},{\"ref\":\"6\"}]";
    let saved = town.save("storm", &pipeline(&["app"], found, CheckInterval::Never, jobs)).await;
    town.until("some to be done", async || {
        let builds = town.builds(saved.pipeline, "first").await;
        builds.iter().filter(|build| build.phase == Phase::Done).count() >= 2
    })
    .await;
    town.kill();
    let all: Vec<String> = (1..=6).map(|number| format!("{number} succeeded")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    town.until_story(saved.pipeline, "first", &all).await;
    let builds = town.builds(saved.pipeline, "first").await;
    for build in &builds {
        assert_eq!(town.until_done(build.id).await.status, BuildStatus::Succeeded);
        for (step, name) in [("1", "one"), ("2", "two"), ("3", "three")] {
            assert_eq!(town.log(build.id, step).await, format!("this is {name}\n"), "seed {seed}");
        }
    }
    let versions: BTreeSet<_> = builds.iter().map(|build| build.versions["app"].version).collect();
    assert_eq!(versions.len(), 6, "seed {seed}: each version once");
    let newest = builds.last().unwrap().versions["app"].clone();
    town.until("the newest version downstream", async || {
        let last = town.builds(saved.pipeline, "then").await.pop();
        last.is_some_and(|build| build.versions["app"] == newest && build.phase == Phase::Done)
    })
    .await;
    drop(second);
}

#[actix_rt::test]
async fn in_storms_with_a_killed_server() {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in given.map_or(1..=3, |seed| seed..=seed) {
        in_a_storm(seed).await;
    }
}

//! Builds whose shim or worker is lost: what runs again, and what is known of their services.

use std::sync::Arc;

use chrono::TimeDelta;
use pikoci_model::build::{Build, BuildStatus, Phase, ServiceState, StopReport};
use pikoci_model::contract::{MemoryJournal, Roles};
use pikoci_model::id::{BuildId, NodeId, StepPath};
use pikoci_model::message::{Envelope, Holding, StopReports};
use pikoci_model::pipeline::{CheckInterval, OnWorkerLoss, Pipeline};
use pikoci_model::port::store::{BuildStore as _, LogStore as _, Page, WorkerStore as _};
use pikoci_model::port::{Address, Bus as _, LeftBehind};

use crate::pipelines::{job, pipeline, task};
use crate::services::{service, types};
use crate::town::Town;

fn with_service(on_loss: OnWorkerLoss) -> Pipeline {
    let mut job = job("j", vec![service("started", "db"), task("t", "say here"), task("h", "hang")]);
    job.on_worker_loss = on_loss;
    let pipeline = pipeline(&[], "say []", CheckInterval::Never, vec![job]);
    Pipeline { service_types: types(), ..pipeline }
}

/// Waits until that run hangs in its last step.
async fn hangs(town: &Town, build: BuildId, run: u32) -> Build {
    town.until("the step that hangs", async || {
        let steps = town.store.steps(build, run).await.unwrap();
        steps.iter().any(|step| step.path.0 == "2")
    })
    .await;
    town.build(build).await
}

fn item(build: &Build) -> String {
    format!("b-{}-{}", build.id, build.claim.as_ref().unwrap().fence.claim())
}

#[actix_rt::test]
async fn a_build_whose_shim_is_lost_runs_three_times_and_each_log_stays() {
    let town = Town::new();
    let saved = town.save("s", &with_service(OnWorkerLoss::Retry)).await;
    let _worker = town.worker("w", 1);
    let build = town.trigger(saved.pipeline, "j").await;
    for run in 1..=3 {
        let row = hangs(&town, build, run).await;
        assert_eq!(row.run, run);
        town.host.lose_shim(&item(&row));
    }
    let done = town.until_done(build).await;
    assert_eq!((done.status, done.run), (BuildStatus::Failed, 3));
    assert_eq!(done.failure.unwrap().to_string(), "R132: the build's shim was lost");
    for run in 1..=3 {
        let log = town.store.step_log(build, run, &StepPath("1".into()), 0, usize::MAX).await.unwrap();
        assert_eq!(log.bytes, b"here\n", "run {run}");
        let services = town.store.services(build, run).await.unwrap();
        let how: Vec<_> = services.iter().map(|s| (s.state, s.stopped_by.as_deref())).collect();
        assert_eq!(how, [(ServiceState::Stopped, Some("journal"))], "run {run}");
    }
    let counts = town.server().meter().read().await.services;
    assert_eq!((counts.started, counts.stopped["journal"], counts.failed), (3, 3, 0));
    assert_eq!(counts.stop_times.iter().sum::<u64>(), 3);
}

#[actix_rt::test]
async fn a_job_that_may_not_run_twice_fails_with_its_shim() {
    let town = Town::new();
    let saved = town.save("s", &with_service(OnWorkerLoss::Fail)).await;
    let _worker = town.worker("w", 1);
    let build = town.trigger(saved.pipeline, "j").await;
    let row = hangs(&town, build, 1).await;
    town.host.lose_shim(&item(&row));
    let done = town.until_done(build).await;
    assert_eq!((done.status, done.run), (BuildStatus::Failed, 1));
    assert_eq!(done.failure.unwrap().to_string(), "R132: the build's shim was lost");
}

/// Whoever holds a token for all teams, or for the build's, is believed; others are not. The name is the announced one.
#[actix_rt::test]
async fn a_worker_speaks_of_its_own_teams_builds_and_in_its_own_name() {
    let town = Town::new();
    let saved = town.save("s", &with_service(OnWorkerLoss::Retry)).await;
    let _first = town.worker("w", 1);
    let build = town.trigger(saved.pipeline, "j").await;
    let row = hangs(&town, build, 1).await;
    let _others = [town.worker("stranger@blue", 1), town.worker("colleague@main", 1)];
    town.until("they are there", async || town.store.workers().await.unwrap().len() == 3).await;
    let known = async || town.store.services(build, 1).await.unwrap().remove(0);
    let ready = known().await;
    let report = StopReport {
        build,
        fence: row.claim.unwrap().fence,
        run: 1,
        instance: ready.instance,
        name: ready.name.clone(),
        service_type: ready.service_type.clone(),
        state: ServiceState::StopPending,
        by: "journal".into(),
        starting_at: ready.starting_at,
        at: ready.starting_at + TimeDelta::seconds(1),
        tries: 1,
        detail: String::new(),
    };
    let pen = town.hub.join(NodeId("pen".into()), Roles::WORKER);
    let say = async |node: &str, tries: u32| {
        let reports = vec![StopReport { tries, ..report.clone() }];
        let message = StopReports { worker: "w".into(), team: None, reports };
        let envelope = Envelope::encode(&NodeId(node.into()), &message).unwrap();
        pen.send(&Address::AnyServer, envelope).await.unwrap();
    };
    say("node-stranger@blue", 1).await;
    let refused = async || town.server().meter().read().await.services.refused;
    town.until("the refusal", async || refused().await == 1).await;
    assert_eq!(known().await, ready);
    say("node-colleague@main", 2).await;
    town.until("the report", async || known().await.tries == 2).await;
    assert_eq!(known().await.worker.as_deref(), Some("colleague@main"));
    say("node-of-all-teams@", 3).await;
    town.until("the next report", async || known().await.tries == 3).await;
}

#[actix_rt::test]
async fn a_worker_cannot_tell_the_end_of_a_build_of_another_team() {
    let town = Town::new();
    let saved = town.save("s", &with_service(OnWorkerLoss::Retry)).await;
    let _first = town.worker("w", 1);
    let build = town.trigger(saved.pipeline, "j").await;
    let fence = hangs(&town, build, 1).await.claim.unwrap().fence;
    let journal = Arc::new(MemoryJournal::recovering());
    let _stranger = town.worker_after("stranger@blue", 1, &[], Arc::clone(&journal));
    let renewal = async || {
        let workers = town.store.workers().await.unwrap();
        let stranger = workers.iter().find(|row| row.profile.node.0 == "node-stranger@blue");
        stranger.map_or(0, |row| row.renewal)
    };
    town.until("it is there", async || renewal().await > 0).await;
    journal.say(LeftBehind::Ended(Holding { build, fence }));
    let then = renewal().await;
    town.until("it has said so", async || renewal().await > then + 2).await;
    assert_eq!(town.build(build).await.run, 1);
}

#[actix_rt::test]
async fn what_a_dead_worker_left_runs_again_at_once_and_its_stops_are_reported() {
    let town = Town::new();
    let saved = town.save("s", &with_service(OnWorkerLoss::Retry)).await;
    let first = town.worker("w", 1);
    let build = town.trigger(saved.pipeline, "j").await;
    let row = hangs(&town, build, 1).await;
    town.cut("w");
    let journal = Arc::new(MemoryJournal::recovering());
    let _second = town.worker_after("again", 1, &[], Arc::clone(&journal));
    let fence = row.claim.unwrap().fence;
    journal.say(LeftBehind::Ended(Holding { build, fence }));
    town.until("the second run", async || town.build(build).await.run == 2).await;
    assert_eq!(town.build(build).await.phase, Phase::Queued, "the host still looks after what was left");
    let known = town.store.services(build, 1).await.unwrap().remove(0);
    assert_eq!((known.state, known.worker.as_deref()), (ServiceState::StopPending, Some("w")));
    let page = Page { limit: 9, ..Page::default() };
    assert_eq!(town.store.pending_stops(page).await.unwrap().len(), 1);
    let report = StopReport {
        build,
        fence,
        run: 1,
        instance: known.instance,
        name: known.name,
        service_type: known.service_type,
        state: ServiceState::Stopped,
        by: "shim".into(),
        starting_at: known.starting_at,
        at: known.starting_at + TimeDelta::seconds(1),
        tries: 1,
        detail: String::new(),
    };
    journal.say(LeftBehind::Stop(report));
    journal.say(LeftBehind::Ready);
    town.until("the report", async || town.store.pending_stops(page).await.unwrap().is_empty()).await;
    let known = town.store.services(build, 1).await.unwrap().remove(0);
    assert_eq!((known.state, known.stopped_by.as_deref()), (ServiceState::Stopped, Some("shim")));
    town.until("it is confirmed", async || journal.stored_instances() == [known.instance]).await;
    assert_eq!(town.server().meter().read().await.services.stopped["shim"], 1);
    hangs(&town, build, 2).await;
    drop(first);
}

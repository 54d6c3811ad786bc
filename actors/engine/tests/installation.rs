//! Server and workers together: from a trigger to the last event, and through what may go wrong.

use std::time::Duration;

use pikoci_engine::server::Settings;
use pikoci_model::build::{BuildStatus, Phase, Waiting};
use pikoci_model::pipeline::CheckInterval;
use pikoci_model::port::{CheckRequested, Refusal};

use crate::pipelines::{get, job, pipeline, put, task};
use crate::town::Town;

fn never() -> CheckInterval {
    CheckInterval::Never
}

#[actix_rt::test]
async fn a_triggered_build_runs_and_its_log_is_kept() {
    let town = Town::new();
    let _worker = town.worker("w", 2);
    let saved = town
        .save("App one", &pipeline(&[], "say []", never(), vec![job("test", vec![task("t", "say hello")])]))
        .await;
    let build = town.trigger(saved.pipeline, "test").await;
    let done = town.until_done(build).await;
    assert_eq!((done.status, done.number.to_string().as_str(), done.run), (BuildStatus::Succeeded, "1", 1));
    assert_eq!(town.log(build, "0").await, "hello\n");
    assert_eq!(done.worker.as_deref(), Some("w"));
    let metrics = town.server().meter().read().await;
    assert_eq!((metrics.workers.get("online"), metrics.envelopes.garbled), (Some(&1), 0));
}

#[actix_rt::test]
async fn versions_travel_down_a_chain_of_jobs() {
    let town = Town::new();
    let jobs = vec![
        job("unit", vec![get("mem.app", true, &[])]),
        job("build", vec![get("mem.app", true, &["unit"]), task("t", "show version_ref")]),
        job("deploy", vec![get("mem.app", true, &["build"])]),
    ];
    let saved = town.save("chain", &pipeline(&["app"], "say []", never(), jobs)).await;
    let app = town.resource(saved.pipeline, "mem.app").await.id;
    town.add(app, "a").await;
    town.add(app, "b").await;
    town.until_story(saved.pipeline, "unit", &["1 pending", "2 pending"]).await;
    let _worker = town.worker("w", 1);
    town.until_story(saved.pipeline, "unit", &["1 succeeded", "2 succeeded"]).await;
    town.until("the newest version to be deployed", async || {
        let builds = town.builds(saved.pipeline, "deploy").await;
        let newest = town.builds(saved.pipeline, "unit").await[1].versions["app"].version;
        builds.last().is_some_and(|last| last.versions["app"].version == newest && last.phase == Phase::Done)
    })
    .await;
    let upstream: Vec<_> = town.builds(saved.pipeline, "build").await;
    for build in town.builds(saved.pipeline, "deploy").await {
        assert!(upstream.iter().any(|up| up.versions["app"] == build.versions["app"] && up.status.passes()));
    }
}

#[actix_rt::test]
async fn a_check_finds_versions_and_starts_jobs() {
    let town = Town::new();
    let _worker = town.worker("w", 1);
    let jobs = vec![job("unit", vec![get("mem.app", true, &[])])];
    let found = "say [{\"ref\":\"1\"},{\"ref\":\"2\"}]";
    let saved = town.save("checked", &pipeline(&["app"], found, never(), jobs)).await;
    town.until_story(saved.pipeline, "unit", &["1 succeeded", "2 succeeded"]).await;
    let row = town.resource(saved.pipeline, "mem.app").await;
    assert!(!row.failing && row.last_check.is_some() && row.next_check.is_none(), "{row:?}");
    assert_eq!(town.control.check(row.id).await.unwrap(), CheckRequested::Queued);
    town.until("the second check", async || {
        town.resource(saved.pipeline, "mem.app").await.last_check > row.last_check
    })
    .await;
    assert_eq!(town.builds(saved.pipeline, "unit").await.len(), 2);
}

#[actix_rt::test]
async fn a_failing_check_is_shown_and_the_interval_goes_on() {
    let town = Town::new();
    let _worker = town.worker("w", 1);
    let every = CheckInterval::Every(Duration::from_secs(3600));
    let saved = town.save("bad", &pipeline(&["app"], "exit 3", every, vec![])).await;
    town.until("the failure", async || town.resource(saved.pipeline, "mem.app").await.failing).await;
    let row = town.resource(saved.pipeline, "mem.app").await;
    assert!(row.logs.contains('3'), "{}", row.logs);
    let pause = row.next_check.unwrap() - row.last_check.unwrap();
    assert_eq!(pause.num_seconds(), 3600);
}

#[actix_rt::test]
async fn a_put_creates_a_version_that_starts_jobs() {
    let town = Town::new();
    let _worker = town.worker("w", 2);
    let jobs =
        vec![job("publish", vec![put("mem.out")]), job("after", vec![get("mem.out", true, &["publish"])])];
    let saved = town.save("put", &pipeline(&["out"], "say []", never(), jobs)).await;
    town.trigger(saved.pipeline, "publish").await;
    town.until_story(saved.pipeline, "after", &["1 succeeded"]).await;
}

#[actix_rt::test]
async fn a_build_without_versions_waits_for_the_first_check_or_fails() {
    let town = Town::new();
    let jobs = vec![
        job("unit", vec![get("mem.app", false, &[])]),
        job("late", vec![get("mem.app", false, &["unit"])]),
    ];
    let saved = town.save("first", &pipeline(&["app"], "say []", never(), jobs)).await;
    let late = town.until_done(town.trigger(saved.pipeline, "late").await).await;
    assert_eq!(
        late.failure.unwrap().to_string(),
        "R120: no version of mem.app for get \"app\" has passed \"unit\""
    );
    let build = town.trigger(saved.pipeline, "unit").await;
    town.until("the reason", async || {
        town.server().waits().waiting(build) == Some(Waiting::NoVersion { resource: "mem.app".into() })
    })
    .await;
    let _worker = town.worker("w", 1);
    let done = town.until_done(build).await;
    assert_eq!(done.failure.unwrap().to_string(), "R120: no version of mem.app for get \"app\"");
    town.add(town.resource(saved.pipeline, "mem.app").await.id, "x").await;
    let done = town.until_done(town.trigger(saved.pipeline, "unit").await).await;
    assert_eq!(done.status, BuildStatus::Succeeded);
}

#[actix_rt::test]
async fn concurrency_and_serial_groups_hold_and_say_so() {
    let town = Town::new();
    let mut one = job("one", vec![task("t", "hang")]);
    one.concurrency = 1;
    let group = |name| {
        let mut job = job(name, vec![task("t", "hang")]);
        job.serial_groups = vec!["g".into()];
        job
    };
    let saved =
        town.save("held", &pipeline(&[], "say []", never(), vec![one, group("left"), group("right")])).await;
    let _worker = town.worker("w", 8);
    let first = town.trigger(saved.pipeline, "one").await;
    let second = town.trigger(saved.pipeline, "one").await;
    let left = town.trigger(saved.pipeline, "left").await;
    town.until_status(first, BuildStatus::Started).await;
    town.until_status(left, BuildStatus::Started).await;
    let right = town.trigger(saved.pipeline, "right").await;
    let waits = town.server().waits();
    town.until("both reasons", async || {
        waits.waiting(second) == Some(Waiting::Concurrency { limit: 1, held_by: vec![first] })
            && waits.waiting(right) == Some(Waiting::SerialGroup { group: "g".into(), held_by: left })
    })
    .await;
    town.control.cancel(first, "alice").await.unwrap();
    town.control.cancel(left, "alice").await.unwrap();
    town.until_status(second, BuildStatus::Started).await;
    town.until_status(right, BuildStatus::Started).await;
    assert_eq!(town.until_done(first).await.status, BuildStatus::Cancelled);
}

#[actix_rt::test]
async fn a_build_waits_for_a_worker_with_its_tags() {
    let town = Town::new();
    let mut gpu = job("gpu", vec![task("t", "true")]);
    gpu.tags = vec!["gpu".into()];
    let saved = town.save("tags", &pipeline(&[], "say []", never(), vec![gpu])).await;
    let _plain = town.worker("plain", 1);
    let build = town.trigger(saved.pipeline, "gpu").await;
    let waits = town.server().waits();
    town.until("the reason", async || {
        waits.waiting(build) == Some(Waiting::NoWorker { tags: vec!["gpu".into()] })
    })
    .await;
    let _able = town.worker_with("able", 1, &["gpu"]);
    assert_eq!(town.until_done(build).await.worker.as_deref(), Some("able"));
}

#[actix_rt::test]
async fn cancel_ends_a_queued_build_at_once_and_a_running_one_through_its_worker() {
    let town = Town::new();
    let saved =
        town.save("c", &pipeline(&[], "say []", never(), vec![job("j", vec![task("t", "hang")])])).await;
    let queued = town.trigger(saved.pipeline, "j").await;
    town.control.cancel(queued, "alice").await.unwrap();
    assert_eq!(town.build(queued).await.phase, Phase::Done);
    let refused = town.control.cancel(queued, "alice").await.unwrap_err();
    assert!(
        matches!(&refused, Refusal::Conflict(text) if text == "the build is cancelled already"),
        "{refused}"
    );
    let _worker = town.worker("w", 1);
    let running = town.trigger(saved.pipeline, "j").await;
    town.until("the step", async || town.build(running).await.phase == Phase::Running).await;
    town.control.cancel(running, "alice").await.unwrap();
    assert_eq!(town.build(running).await.status, BuildStatus::Cancelled);
    assert_eq!(town.until_done(running).await.cancel_requested.as_deref(), Some("cancelled by alice"));
}

#[actix_rt::test]
async fn an_interruptible_job_goes_on_with_its_newest_build_only() {
    let town = Town::new();
    let mut j = job("j", vec![task("t", "hang")]);
    j.interruptible = true;
    let saved = town.save("i", &pipeline(&[], "say []", never(), vec![j])).await;
    let _worker = town.worker("w", 4);
    let first = town.trigger(saved.pipeline, "j").await;
    town.until_status(first, BuildStatus::Started).await;
    town.trigger(saved.pipeline, "j").await;
    assert_eq!(town.until_done(first).await.cancel_requested.as_deref(), Some("superseded by #2"));
}

#[actix_rt::test]
async fn a_retry_takes_versions_and_a_number_of_its_own() {
    let town = Town::new();
    let _worker = town.worker("w", 2);
    let mut no = job("no", vec![]);
    no.disable_retry = true;
    let jobs = vec![job("j", vec![get("mem.app", true, &[])]), no];
    let saved = town.save("r", &pipeline(&["app"], "say []", never(), jobs)).await;
    let app = town.resource(saved.pipeline, "mem.app").await.id;
    town.add(app, "a").await;
    town.until_story(saved.pipeline, "j", &["1 succeeded"]).await;
    let source = town.builds(saved.pipeline, "j").await[0].clone();
    town.add(app, "b").await;
    town.until_story(saved.pipeline, "j", &["1 succeeded", "2 succeeded"]).await;
    let again = town.control.retry(source.id, "bob").await.unwrap();
    assert_eq!(again.number.to_string(), "1.1");
    assert_eq!(town.until_done(again.id).await.versions, source.versions);
    assert_eq!(town.control.retry(again.id, "bob").await.unwrap().number.to_string(), "1.2");
    let no = town.until_done(town.trigger(saved.pipeline, "no").await).await;
    let refused = town.control.retry(no.id, "bob").await.unwrap_err().to_string();
    assert_eq!(refused, "job \"no\" says disable_retry = true");
}

#[actix_rt::test]
async fn a_version_by_hand_starts_every_job_that_gets_it_at_its_root() {
    let town = Town::new();
    let jobs = vec![
        job("a", vec![get("mem.app", false, &[])]),
        job("b", vec![get("mem.app", false, &[])]),
        job("c", vec![get("mem.app", false, &["a"])]),
    ];
    let saved = town.save("v", &pipeline(&["app"], "say []", never(), jobs)).await;
    let app = town.resource(saved.pipeline, "mem.app").await.id;
    town.add(app, "old").await;
    town.add(app, "new").await;
    use pikoci_model::port::store::{Page, ResourceStore as _};
    let versions = town.store.versions(app, Page { limit: 9, before: None, after: None }).await.unwrap();
    let old = versions.last().unwrap().version.id;
    let started = town.control.trigger_version(app, old, "alice").await.unwrap();
    assert_eq!(started.len(), 2);
    for build in started {
        assert_eq!(town.build(build.id).await.versions["app"].version, old);
    }
}

#[actix_rt::test]
async fn a_pipeline_is_deleted_with_its_running_builds() {
    let town = Town::new();
    let _worker = town.worker("w", 1);
    let saved =
        town.save("d", &pipeline(&[], "say []", never(), vec![job("j", vec![task("t", "hang")])])).await;
    let build = town.trigger(saved.pipeline, "j").await;
    town.until_status(build, BuildStatus::Started).await;
    town.control.delete_pipeline(saved.pipeline, "alice").await.unwrap();
    use pikoci_model::port::store::PipelineStore as _;
    assert!(town.store.pipeline_by_id(saved.pipeline).await.unwrap().is_none());
}

#[actix_rt::test]
async fn a_wrong_pipeline_changes_nothing_and_the_same_one_is_no_new_revision() {
    let town = Town::new();
    let definition = pipeline(&[], "say []", never(), vec![job("j", vec![])]);
    let first = town.save("p", &definition).await;
    let second = town.save("p", &definition).await;
    assert!(first.changed && !second.changed && first.revision == second.revision);
    use pikoci_model::port::store::AccountStore as _;
    let team = town.store.ensure_team("main", "main").await.unwrap().id;
    let request = |name: &str, source: &str, must_exist| pikoci_model::port::SavePipeline {
        team,
        name: name.into(),
        source: source.into(),
        vars: None,
        public: None,
        must_exist,
        by: "alice".into(),
    };
    let wrong = town.control.save_pipeline(request("p", "{", None)).await.unwrap_err();
    assert!(matches!(&wrong, Refusal::Pipeline(found) if found.len() == 1), "{wrong}");
    let source = serde_json::to_string(&definition).unwrap();
    let exists = town.control.save_pipeline(request("P", &source, Some(false))).await.unwrap_err();
    assert!(matches!(exists, Refusal::Conflict(_)), "{exists}");
    let unknown = town.control.save_pipeline(request("q", &source, Some(true))).await.unwrap_err();
    assert!(matches!(unknown, Refusal::NotFound(_)), "{unknown}");
    let empty = town.control.save_pipeline(request("!", &source, None)).await.unwrap_err();
    assert!(matches!(empty, Refusal::Invalid(_)), "{empty}");
}

#[actix_rt::test]
async fn a_stopping_worker_hands_its_builds_to_another_without_using_up_a_run() {
    let town = Town::new();
    let saved =
        town.save("h", &pipeline(&[], "say []", never(), vec![job("j", vec![task("t", "hang")])])).await;
    let first = town.worker("first", 1);
    let build = town.trigger(saved.pipeline, "j").await;
    town.until("the step", async || town.build(build).await.phase == Phase::Running).await;
    let _second = town.worker("second", 1);
    first.stop();
    town.until("another worker", async || {
        let build = town.build(build).await;
        build.worker.as_deref() == Some("second") && build.phase == Phase::Running
    })
    .await;
    assert_eq!(town.build(build).await.run, 1);
}

#[actix_rt::test]
async fn a_lost_worker_costs_a_run_and_its_build_goes_on_elsewhere() {
    let mut settings = Settings::default();
    settings.leases.lease = Duration::from_secs(1);
    settings.leases.renew_every = Duration::from_millis(100);
    settings.leases.silent_after = Duration::from_millis(500);
    let town = Town::with(settings);
    let saved =
        town.save("l", &pipeline(&[], "say []", never(), vec![job("j", vec![task("t", "hang")])])).await;
    let first = town.worker("first", 1);
    let build = town.trigger(saved.pipeline, "j").await;
    town.until("the step", async || town.build(build).await.phase == Phase::Running).await;
    town.cut("first");
    let _second = town.worker("second", 1);
    town.until("the second run", async || town.build(build).await.run == 2).await;
    town.until("another worker", async || town.build(build).await.worker.as_deref() == Some("second")).await;
    drop(first);
}

#[actix_rt::test]
async fn a_restarted_server_adopts_what_runs() {
    let mut town = Town::new();
    let saved = town
        .save(
            "s",
            &pipeline(&[], "say []", never(), vec![job("j", vec![task("t", "hang"), task("u", "say x")])]),
        )
        .await;
    let _worker = town.worker("w", 1);
    let build = town.trigger(saved.pipeline, "j").await;
    town.until("the step", async || town.build(build).await.phase == Phase::Running).await;
    town.restart();
    town.control.cancel(build, "alice").await.unwrap();
    let done = town.until_done(build).await;
    assert_eq!((done.status, done.run), (BuildStatus::Cancelled, 1));
    let next = town.trigger(saved.pipeline, "j").await;
    town.until_status(next, BuildStatus::Started).await;
}

#[actix_rt::test]
async fn with_a_store_that_does_not_last_a_stop_fails_what_is_left() {
    let settings = Settings { fail_builds_at_stop: true, ..Settings::default() };
    let mut town = Town::with(settings);
    let saved =
        town.save("m", &pipeline(&[], "say []", never(), vec![job("j", vec![task("t", "hang")])])).await;
    let worker = town.worker("w", 1);
    let running = town.trigger(saved.pipeline, "j").await;
    let queued = town.trigger(saved.pipeline, "j").await;
    town.until("the step", async || town.build(running).await.phase == Phase::Running).await;
    let server = town.server.take().unwrap();
    server.drain();
    worker.stop();
    town.until("the end of the running build", async || town.build(running).await.phase == Phase::Done).await;
    server.stop().await;
    for build in [running, queued] {
        let build = town.build(build).await;
        let text = build.failure.map(|failure| failure.to_string()).unwrap_or_default();
        assert!(build.status == BuildStatus::Failed && text.starts_with("R131"), "{} {text}", build.status);
    }
}

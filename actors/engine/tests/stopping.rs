//! Stopping, whatever comes between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pikoci_engine::supervise::Exit;
use pikoci_engine::worker::Settings;
use pikoci_model::build::{BuildEvent, BuildStatus, ServiceRecord, ServiceState};
use pikoci_model::contract::MemoryHost;
use pikoci_model::id::{BuildId, InstanceId};
use pikoci_model::outcome::Ended;
use pikoci_model::port::{
    Item, LaunchError, Launcher, LeaseEnd, Mask, Process, ServiceEnd, ServiceLaunch, Spawn, WorkItem,
};
use pikoci_model::text::SecretValue;
use tokio::sync::watch;

use crate::pipelines::{hook, hooks, plan, task};
use crate::services::{service, stops, with_services};
use crate::world::{Ran, World};

/// A launcher whose stops go on, and which forgets its items, only when the gate is opened.
struct Gated {
    host: MemoryHost,
    gate: watch::Receiver<bool>,
}

struct GatedItem {
    closed: AtomicBool,
    inner: Arc<dyn WorkItem>,
    gate: watch::Receiver<bool>,
}

#[async_trait]
impl Launcher for Gated {
    async fn open(&self, item: Item) -> Result<Arc<dyn WorkItem>, LaunchError> {
        let inner = self.host.open(item).await?;
        Ok(Arc::new(GatedItem { closed: AtomicBool::new(false), inner, gate: self.gate.clone() }))
    }

    fn lease(&self, end: LeaseEnd) {
        self.host.lease(end);
    }
}

#[async_trait]
impl WorkItem for GatedItem {
    fn slot(&self) -> u32 {
        self.inner.slot()
    }

    fn mask(&self, values: &[SecretValue]) {
        self.inner.mask(values);
    }

    fn masker(&self) -> Arc<dyn Mask> {
        self.inner.masker()
    }

    async fn spawn(&self, spawn: Spawn) -> Result<Arc<dyn Process>, LaunchError> {
        self.inner.spawn(spawn).await
    }

    async fn start_service(&self, launch: ServiceLaunch) -> Result<Arc<dyn Process>, LaunchError> {
        self.inner.start_service(launch).await
    }

    async fn stop_service(&self, instance: InstanceId) -> ServiceEnd {
        if !self.closed.load(Ordering::Relaxed) {
            let mut gate = self.gate.clone();
            gate.wait_for(|open| *open).await.expect("the gate outlives the world");
        }
        self.inner.stop_service(instance).await
    }

    async fn close(&self) -> Result<(), Vec<Ended>> {
        self.closed.store(true, Ordering::Relaxed);
        self.inner.close().await
    }

    async fn settle(&self) {
        let mut gate = self.gate.clone();
        gate.wait_for(|open| *open).await.expect("the gate outlives the world");
        self.inner.settle().await;
    }

    async fn lost(&self) {
        self.inner.lost().await;
    }
}

fn gated() -> (World, watch::Sender<bool>) {
    gated_with(Settings::default())
}

fn gated_with(settings: Settings) -> (World, watch::Sender<bool>) {
    let host = MemoryHost::new();
    let (open, gate) = watch::channel(false);
    let launcher = Arc::new(Gated { host: host.clone(), gate });
    (World::with(host, launcher, settings), open)
}

fn last_record(ran: &Ran) -> ServiceRecord {
    let records = ran.events.iter().rev().filter_map(|event| match event {
        BuildEvent::Service(record) => Some(record.clone()),
        _ => None,
    });
    records.into_iter().next().expect("a service")
}

fn is_stopping(world: &World) -> bool {
    let events = world.events.get(&BuildId(1));
    events.is_some_and(|events| {
        let mut records = events.iter().filter_map(|event| match event {
            BuildEvent::Service(record) => Some(record.state),
            _ => None,
        });
        records.any(|state| state == ServiceState::Stopping)
    })
}

#[actix_rt::test]
async fn a_cancel_during_a_stop_lets_it_finish_and_has_its_hooks() {
    let (mut world, gate) = gated();
    let mut cancelled = with_services(1, vec![service("started", "a"), task("t", "true")]);
    cancelled.job.hooks = hooks();
    world.offer(cancelled.clone()).await;
    world.until(is_stopping).await;
    world.cancel(&cancelled).await;
    gate.send_replace(true);
    world.until(|world| world.is_over(BuildId(1))).await;
    let ran = world.ran(BuildId(1));
    assert_eq!((ran.status(), stops(&world)), (BuildStatus::Cancelled, vec!["a".to_owned()]));
    assert_eq!((ran.log("on_cancel.0").as_str(), ran.log("on_success.0").as_str()), ("cancel\n", ""));
}

#[actix_rt::test]
async fn a_cancel_during_a_jobs_hook_is_too_late_and_a_stopping_worker_ends_it() {
    let mut world = World::new();
    let mut hooked = with_services(1, vec![service("started", "a"), task("t", "true")]);
    hooked.job.hooks.on_success = hook("hang");
    hooked.job.hooks.ensure = hook("say never");
    world.offer(hooked.clone()).await;
    world.until_story("run on_success.0#1: hang").await;
    world.cancel(&hooked).await;
    // The cancel has been heard when something that was said after it has been answered.
    let other = world.run(plan(2, vec![task("t", "true")])).await;
    assert_eq!(other.status(), BuildStatus::Succeeded);
    assert!(!world.is_over(BuildId(1)));
    world.worker.stop();
    world.until(|world| world.is_over(BuildId(1))).await;
    let ran = world.ran(BuildId(1));
    assert_eq!((ran.status(), ran.log("ensure.0").as_str()), (BuildStatus::Succeeded, ""));
    assert!(matches!(ran.events.last(), Some(BuildEvent::Finished { .. })));
}

#[actix_rt::test]
async fn a_stop_that_completes_after_the_time_for_all_stops_is_told() {
    let settings = Settings { stop_budget: Duration::from_millis(30), ..Settings::default() };
    let (mut world, _gate) = gated_with(settings);
    let ran = world.run(with_services(1, vec![service("started", "a"), task("t", "true")])).await;
    assert_eq!((ran.status(), stops(&world)), (BuildStatus::Succeeded, vec!["a".to_owned()]));
    let states = ran.services();
    assert_eq!(states.last().map(String::as_str), Some("a stopped"), "{states:?}");
    assert!(states.contains(&"a stop_failed".to_owned()), "{states:?}");
    assert_eq!(last_record(&ran).worker, None);
}

#[actix_rt::test]
async fn a_worker_that_stops_renews_until_its_stops_are_done() {
    let (mut world, gate) = gated();
    world.offer(with_services(1, vec![service("started", "a"), task("t", "hang")])).await;
    world.until_story("run 1#1: hang").await;
    world.worker.stop();
    world.until(is_stopping).await;
    let then = world.host.lease_end();
    world.until(|world| world.host.lease_end().map(|end| end.term_at) > then.map(|end| end.term_at)).await;
    gate.send_replace(true);
    world.until(|world| world.goodbyes == 1).await;
    assert_eq!(stops(&world), ["a"]);
    assert_eq!(world.worker_ends().await, Exit::Stopped);
}

#[actix_rt::test]
async fn a_worker_does_not_leave_before_its_host_has_forgotten_what_is_told() {
    let (mut world, gate) = gated();
    let ran = world.run(plan(1, vec![task("t", "true")])).await;
    assert_eq!(ran.status(), BuildStatus::Succeeded);
    world.worker.stop();
    let before = world.renewals;
    world.until(|world| world.renewals > before).await;
    assert_eq!((world.goodbyes, world.host.settled_items()), (0, Vec::new()));
    gate.send_replace(true);
    assert_eq!(world.worker_ends().await, Exit::Stopped);
    assert_eq!(world.host.settled_items(), ["b-1-1"]);
}

#[actix_rt::test]
async fn a_second_request_to_stop_leaves_a_hanging_stop_behind() {
    let (mut world, gate) = gated();
    world.offer(with_services(1, vec![service("started", "a"), task("t", "hang")])).await;
    world.until_story("run 1#1: hang").await;
    world.worker.stop();
    world.until(is_stopping).await;
    world.worker.stop();
    world.worker.stop();
    assert_eq!(world.worker_ends().await, Exit::Finished, "something was left untold");
    drop(gate);
}

#[actix_rt::test]
async fn the_jobs_time_ends_a_start() {
    let mut world = World::new();
    let mut slow = with_services(1, vec![service("hanging", "s"), task("t", "true")]);
    slow.job.timeout = Some(Duration::from_millis(50));
    slow.job.hooks = hooks();
    let ran = world.run(slow).await;
    assert_eq!(
        (ran.status(), ran.failure().as_str()),
        (BuildStatus::Failed, "R141: job timed out after 50ms")
    );
    assert_eq!((ran.log("on_cancel.0").as_str(), stops(&world)), ("cancel\n", vec!["s".to_owned()]));
    let tries = world.host.story().iter().filter(|line| line.starts_with("run svc.s.stop")).count();
    assert_eq!(tries, 2, "what the start still caused is found by a second stop");
}

#[actix_rt::test]
async fn a_stop_that_hangs_is_tried_three_times_and_stands_as_pending() {
    let mut world = World::new();
    let ran = world.run(with_services(1, vec![service("stop hangs", "h"), task("t", "true")])).await;
    assert_eq!(ran.status(), BuildStatus::Succeeded);
    let record = last_record(&ran);
    assert_eq!((record.state, record.worker.as_deref()), (ServiceState::StopFailed, Some("worker")));
    assert!(record.failure.unwrap().to_string().starts_with("R152"));
    let log = ran.log("svc.h.stop");
    assert_eq!(log.matches("ended after 30s").count(), 3, "{log}");
}

#[actix_rt::test]
async fn a_stop_that_fails_twice_and_then_succeeds_has_succeeded() {
    let mut world = World::new();
    let ran = world.run(with_services(1, vec![service("stubborn", "s"), task("t", "true")])).await;
    let record = last_record(&ran);
    assert_eq!((record.state, record.stopped_by.as_deref()), (ServiceState::Stopped, Some("build")));
    assert_eq!((record.failure, record.worker), (None, None));
    assert_eq!(ran.step("svc.s.stop").status, BuildStatus::Succeeded);
    let log = ran.log("svc.s.stop");
    assert!(log.contains("try 2") && !log.contains("try 3"), "{log}");
}

#[actix_rt::test]
async fn a_service_that_dies_by_itself_fails_the_build_at_once_with_its_log() {
    let mut world = World::new();
    let mut dying = with_services(1, vec![service("foreground", "f"), task("t", "hang")]);
    dying.job.hooks = hooks();
    world.offer(dying).await;
    world.until_story("run 1#1: hang").await;
    world.host.kill("svc.f.start");
    world.until(|world| world.is_over(BuildId(1))).await;
    let ran = world.ran(BuildId(1));
    let said = "R151: service \"f\" ended by itself: it was ended by signal 9";
    assert_eq!((ran.status(), ran.failure().as_str()), (BuildStatus::Failed, said));
    assert_eq!(ran.log("svc.f.start"), format!("error: {said}\n"));
    assert!(world.host.story().contains(&"terminated 1".to_owned()), "the step does not go on");
    assert_eq!(last_record(&ran).state, ServiceState::Stopped);
}

//! Faults injected through the ports: whatever breaks, a build ends in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use pikoci_engine::worker::Settings;
use pikoci_model::build::BuildStatus;
use pikoci_model::contract::MemoryHost;
use pikoci_model::id::{BuildId, InstanceId};
use pikoci_model::outcome::Ended;
use pikoci_model::plan::BuildPlan;
use pikoci_model::port::{
    Item, LaunchError, Launcher, LeaseEnd, Mask, Process, ServiceEnd, ServiceLaunch, Spawn, WorkItem,
};
use pikoci_model::text::SecretValue;

use crate::pipelines::{hooks, plan, task};
use crate::services::{service, stops, with_services};
use crate::world::World;

/// A launcher whose work items panic when they are asked to do one thing.
struct Fragile {
    host: MemoryHost,
    mine: Mine,
}

struct FragileItem {
    inner: Arc<dyn WorkItem>,
    mine: Mine,
}

/// Goes off at one thing that a port is asked for.
#[derive(Clone)]
struct Mine {
    at: &'static str,
    once: bool,
    gone_off: Arc<AtomicBool>,
}

impl Mine {
    fn step_on(&self, what: &str) {
        if self.at == what && !(self.gone_off.swap(true, Ordering::Relaxed) && self.once) {
            panic!("planned: {what}");
        }
    }
}

#[async_trait]
impl Launcher for Fragile {
    async fn open(&self, item: Item) -> Result<Arc<dyn WorkItem>, LaunchError> {
        self.mine.step_on("open");
        Ok(Arc::new(FragileItem { inner: self.host.open(item).await?, mine: self.mine.clone() }))
    }

    fn lease(&self, end: LeaseEnd) {
        self.host.lease(end);
    }
}

#[async_trait]
impl WorkItem for FragileItem {
    fn slot(&self) -> u32 {
        self.inner.slot()
    }

    async fn settle(&self) {
        self.inner.settle().await;
    }

    fn mask(&self, values: &[SecretValue]) {
        self.mine.step_on("mask");
        self.inner.mask(values);
    }

    fn masker(&self) -> Arc<dyn Mask> {
        self.inner.masker()
    }

    async fn spawn(&self, spawn: Spawn) -> Result<Arc<dyn Process>, LaunchError> {
        self.mine.step_on(&spawn.step.0);
        self.inner.spawn(spawn).await
    }

    async fn start_service(&self, launch: ServiceLaunch) -> Result<Arc<dyn Process>, LaunchError> {
        let process = self.inner.start_service(launch.clone()).await;
        self.mine.step_on(&launch.start.step.0);
        process
    }

    async fn stop_service(&self, instance: InstanceId) -> ServiceEnd {
        self.mine.step_on("stop");
        let end = self.inner.stop_service(instance).await;
        self.mine.step_on("stopped");
        end
    }

    async fn close(&self) -> Result<(), Vec<Ended>> {
        self.mine.step_on("close");
        self.inner.close().await
    }

    async fn lost(&self) {
        self.inner.lost().await;
    }
}

fn fragile(build: i64, last: &str) -> BuildPlan {
    let steps = vec![service("started", "a"), task("t", "true"), service("checked", "b"), task("u", last)];
    let mut fragile = with_services(build, steps);
    fragile.job.hooks = hooks();
    fragile
}

fn world_with(at: &'static str, once: bool) -> World {
    let host = MemoryHost::new();
    let mine = Mine { at, once, gone_off: Arc::default() };
    let launcher = Arc::new(Fragile { host: host.clone(), mine });
    World::with(host, launcher, Settings::default())
}

#[actix_rt::test]
async fn a_panic_anywhere_fails_the_build_in_order_and_leaves_no_service() {
    for at in ["open", "mask", "1", "svc.a.start", "svc.b.ready", "on_failure.0", "on_success.0"] {
        let mut world = world_with(at, false);
        let ran = world.run(fragile(1, if at == "on_failure.0" { "false" } else { "true" })).await;
        let concluded = if at == "on_success.0" { BuildStatus::Succeeded } else { BuildStatus::Failed };
        assert_eq!(ran.status(), concluded, "{at}");
        if !at.starts_with("on_") {
            assert!(ran.failure().contains(&format!("planned: {at}")), "{at}: {}", ran.failure());
        }
        all_is_ended(&world, at);
        // The worker lives on.
        let broken = matches!(at, "open" | "mask");
        let next = if broken { BuildStatus::Failed } else { BuildStatus::Succeeded };
        assert_eq!(world.run(plan(2, vec![])).await.status(), next);
        assert!(world.roster.counts().panics >= 1, "{at}");
    }
}

/// Each service that was registered has been stopped, and nothing is left on disk.
fn all_is_ended(world: &World, at: &str) {
    let story = world.host.story();
    let started = story.iter().filter(|line| line.starts_with("register")).count();
    assert_eq!(stops(world).len(), started, "{at}: {story:?}");
    assert_eq!(world.host.workdirs(), 0, "{at}");
}

#[actix_rt::test]
async fn a_panic_while_it_ends_changes_nothing_about_the_end() {
    for at in ["stop", "stopped", "close"] {
        let mut world = world_with(at, true);
        world.run(fragile(1, "true")).await;
        all_is_ended(&world, at);
        let last: Vec<_> = world.ran(BuildId(1)).services();
        for name in ["a", "b"] {
            assert!(last.contains(&format!("{name} stopped")), "{at}: {last:?}");
        }
        assert_eq!(world.run(plan(2, vec![])).await.status(), BuildStatus::Succeeded, "{at}");
        assert_eq!(world.roster.counts().panics, 1, "{at}");
    }
}

/// A port that always breaks cannot stop anything, but it takes no more with it than that one build.
#[actix_rt::test]
async fn a_port_that_always_breaks_costs_that_build_only() {
    for at in ["stop", "close"] {
        let mut world = world_with(at, false);
        world.offer(fragile(1, "true")).await;
        world.until(|world| world.is_over(BuildId(1))).await;
        assert_eq!(world.roster.counts().restarts, 0, "{at}: the agent goes on");
    }
}

//! What must not get lost when processes, shims and workers do.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use pikoci_engine::worker::Settings;
use pikoci_model::build::{BuildEvent, BuildStatus, ServiceState, StopReport};
use pikoci_model::contract::{MemoryHost, MemoryJournal};
use pikoci_model::id::{BuildId, Fence, InstanceId};
use pikoci_model::message::{Holding, StopsStored, Void};
use pikoci_model::port::LeftBehind;

use crate::pipelines::{hook, hooks, plan, task};
use crate::services::{service, stops, with_services};
use crate::world::World;

/// The failure that a build was given because of processes that outlive their kill.
fn stuck(events: &[BuildEvent]) -> Option<String> {
    events.iter().find_map(|event| match event {
        BuildEvent::Stuck { failure, .. } => Some(failure.to_string()),
        _ => None,
    })
}

#[actix_rt::test]
async fn a_process_that_outlives_its_kill_fails_the_build_and_keeps_its_slots() {
    let mut world = World::new();
    let stuck_build = with_services(1, vec![service("stuck", "s"), task("t", "true")]);
    world.offer(stuck_build).await;
    let told = |world: &World| world.events.get(&BuildId(1)).is_some_and(|events| stuck(events).is_some());
    world.until(told).await;
    let ran = world.ran(BuildId(1));
    assert_eq!(ran.status(), BuildStatus::Succeeded, "what was concluded before");
    let words = "R133: process 4242 (stuck) could not be ended; it waits in memory";
    assert_eq!(stuck(&ran.events).unwrap(), words);
    assert!(!world.is_over(BuildId(1)), "it is not finished");
    let second = world.run(plan(2, vec![task("t", "show BUILD_SLOT")])).await;
    assert_eq!(second.log("0"), "BUILD_SLOT=1\n", "its slot of the job is taken");
    assert!(!world.is_over(BuildId(1)));
    world.host.unstick();
    world.until(|world| world.is_over(BuildId(1))).await;
    assert!(matches!(world.ran(BuildId(1)).events.last(), Some(BuildEvent::Finished { .. })));
    let third = world.run(plan(3, vec![task("t", "show BUILD_SLOT")])).await;
    assert_eq!(third.log("0"), "BUILD_SLOT=0\n");
    assert_eq!(stops(&world), ["s"]);
}

#[actix_rt::test]
async fn a_lost_shim_ends_the_attempt_with_its_services_stopped() {
    for lost_in in ["run 1#1: hang", "run 1.on_success.0#1: hang"] {
        let mut world = World::new();
        let mut slow = task("t", if lost_in.contains("on_success") { "true" } else { "hang" });
        slow.hooks.on_success = hook("hang");
        let mut lost = with_services(1, vec![service("started", "a"), slow, service("started", "never")]);
        lost.job.hooks = hooks();
        world.offer(lost).await;
        world.until_story(lost_in).await;
        world.host.lose_shim("b-1-1");
        world.until(|world| world.is_over(BuildId(1))).await;
        let ran = world.ran(BuildId(1));
        assert!(matches!(ran.events.last(), Some(BuildEvent::Lost { .. })), "{:?}", ran.events.last());
        assert!(!ran.events.iter().any(|event| matches!(event, BuildEvent::Concluded { .. })));
        assert_eq!(stops(&world), ["a"]);
        let stopped = ran.events.iter().rev().find_map(|event| match event {
            BuildEvent::Service(record) => Some((record.state, record.stopped_by.clone())),
            _ => None,
        });
        assert_eq!(stopped, Some((ServiceState::Stopped, Some("journal".to_owned()))));
        if lost_in.starts_with("run 1#") {
            let failure = ran.step("1").failure.clone().unwrap().to_string();
            assert!(failure.starts_with("R132"), "{failure}");
        }
        assert_eq!(world.host.workdirs(), 0);
        world.until(|world| world.host.settled_items() == ["b-1-1"]).await;
    }
}

/// It is no fault of the service: the build runs again instead of failing.
#[actix_rt::test]
async fn a_shim_that_is_lost_while_a_service_starts_ends_the_attempt() {
    for (service_type, at) in [
        ("hanging", "run svc.s.start#1: hang"),
        ("foreground", "run svc.s.ready#1: fail-before 1000000 refused"),
    ] {
        let mut world = World::new();
        let mut lost = with_services(1, vec![service(service_type, "s"), task("t", "true")]);
        let mut patient = lost.types.service_types["deaf"].ready_check.clone().unwrap();
        patient.timeout = Duration::from_secs(600);
        lost.types.service_types.get_mut("foreground").unwrap().ready_check = Some(patient);
        world.offer(lost).await;
        world.until_story(at).await;
        world.host.lose_shim("b-1-1");
        world.until(|world| world.is_over(BuildId(1))).await;
        let ran = world.ran(BuildId(1));
        assert!(matches!(ran.events.last(), Some(BuildEvent::Lost { .. })), "{:?}", ran.events.last());
        assert!(!ran.events.iter().any(|event| matches!(event, BuildEvent::Concluded { .. })));
    }
}

#[actix_rt::test]
async fn the_end_of_the_lease_is_handed_to_what_runs() {
    let mut world = World::new();
    world.lease = Duration::from_secs(90);
    world.run(plan(1, vec![task("t", "true")])).await;
    let first = world.host.lease_end().expect("a lease");
    assert_eq!(first.kill_at - first.term_at, Duration::from_secs(4));
    world.until(|world| world.host.lease_end().is_some_and(|end| end.term_at > first.term_at)).await;
    let mut endless = World::new();
    endless.lease = Duration::MAX;
    endless.run(plan(1, vec![task("t", "true")])).await;
    assert_eq!(endless.host.lease_end(), None);
}

#[actix_rt::test]
async fn an_acknowledged_end_settles_the_item() {
    let mut world = World::new();
    world.acknowledging = false;
    world.run(plan(1, vec![task("t", "true")])).await;
    assert_eq!(world.host.settled_items(), [""; 0], "nobody has it yet");
    world.acknowledging = true;
    world.until(|world| world.host.settled_items() == ["b-1-1"]).await;
}

fn report(number: u128, state: ServiceState, seconds: i64) -> StopReport {
    StopReport {
        build: BuildId(7),
        fence: Fence::new(1, 1),
        run: 1,
        instance: InstanceId(uuid::Uuid::from_u128(number)),
        name: "db".into(),
        service_type: "pg".into(),
        state,
        by: "shim".into(),
        starting_at: DateTime::UNIX_EPOCH,
        at: DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds),
        tries: 1,
        detail: String::new(),
    }
}

#[actix_rt::test]
async fn no_work_is_taken_before_what_was_left_is_looked_after() {
    let host = MemoryHost::new();
    let launcher = Arc::new(host.clone());
    let mut world = World::with_journal(host, launcher, Settings::default(), MemoryJournal::recovering());
    world.until(|world| world.last_announce.is_some()).await;
    assert_eq!(world.last_announce.as_ref().unwrap().free_slots, 0);
    let ended = Holding { build: BuildId(7), fence: Fence::new(1, 1) };
    world.journal.say(LeftBehind::Ended(ended));
    world.until(|world| world.last_announce.as_ref().is_some_and(|said| said.ended == [ended])).await;
    assert!(!world.ready);
    world.journal.say(LeftBehind::Ready);
    assert_eq!(world.run(plan(1, vec![task("t", "true")])).await.status(), BuildStatus::Succeeded);
}

#[actix_rt::test]
async fn reports_of_stops_are_repeated_until_they_are_stored() {
    let mut world = World::new();
    world.storing = false;
    world.journal.say(LeftBehind::Stop(report(1, ServiceState::StopPending, 1)));
    world.until(|world| world.reports.len() > 2).await;
    assert_eq!(world.journal.stored_instances(), []);
    // A newer one takes its place; a late confirmation of the older one does not count for it.
    world.journal.say(LeftBehind::Stop(report(1, ServiceState::Stopped, 2)));
    world.until(|world| world.reports.last().is_some_and(|last| last.state == ServiceState::Stopped)).await;
    let old = report(1, ServiceState::StopPending, 1);
    world.say(&StopsStored { stored: vec![(old.instance, old.at)] }).await;
    let many = world.reports.len() + 2;
    world.until(|world| world.reports.len() > many).await;
    assert_eq!(world.journal.stored_instances(), []);
    world.storing = true;
    let instance = old.instance;
    world.until(|world| world.journal.stored_instances() == [instance]).await;
}

#[actix_rt::test]
async fn what_a_void_claim_cannot_tell_is_reported() {
    let mut world = World::new();
    let lost =
        with_services(1, vec![service("started", "a"), service("unstoppable", "u"), task("t", "hang")]);
    world.offer(lost.clone()).await;
    world.until_story("run 2#1: hang").await;
    world.say(&Void { build: lost.build, fence: lost.fence }).await;
    world.until(|world| world.reports.len() >= 2).await;
    let mut said: Vec<String> =
        world.reports.iter().map(|r| format!("{} {} {}", r.name, r.state.word(), r.by)).collect();
    said.sort();
    said.dedup();
    assert_eq!(said, ["a stopped build", "u stop_failed build"]);
    world.until(|world| world.host.settled_items() == ["b-1-1"]).await;
}

/// The status is fixed when it is stored, and hooks follow what is stored.
#[actix_rt::test]
async fn a_cancel_that_comes_before_the_status_is_stored_has_its_hooks() {
    let mut world = World::new();
    let mut late = with_services(1, vec![service("started", "a"), task("t", "true")]);
    late.job.hooks = hooks();
    world.offer(late.clone()).await;
    let concluded = |world: &World| {
        let events = world.events.get(&BuildId(1));
        events.is_some_and(|events| events.iter().any(|event| matches!(event, BuildEvent::Concluded { .. })))
    };
    world.until(|world| world.host.story().contains(&"stopped a".to_owned())).await;
    world.acknowledging = false;
    world.until(concluded).await;
    world.cancel(&late).await;
    let cancelled =
        |event: &BuildEvent| matches!(event, BuildEvent::Concluded { status: BuildStatus::Cancelled, .. });
    world.until(|world| world.events[&BuildId(1)].iter().any(cancelled)).await;
    world.acknowledging = true;
    world.until(|world| world.is_over(BuildId(1))).await;
    let ran = world.ran(BuildId(1));
    assert_eq!((ran.log("on_cancel.0").as_str(), ran.log("on_success.0").as_str()), ("cancel\n", ""));
    assert_eq!(ran.log("ensure.0"), "ensure\n");
}

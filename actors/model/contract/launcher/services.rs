//! Services: what is started is stopped.

use super::{Act, LauncherWorld, exited, open, run, service, spawn};
use crate::{
    id::InstanceId,
    outcome::Ended,
    port::{EndedStop, ServiceLaunch, WorkItem},
};

const NONE: [&str; 0] = [];

/// Starts it and waits for the end of its start.
async fn start(item: &dyn WorkItem, launch: &ServiceLaunch) -> Ended {
    item.start_service(launch.clone()).await.unwrap().wait().await.ended
}

pub async fn a_stop_runs_once(world: &dyn LauncherWorld) {
    let item = open(world).await;
    let launch = service(world, Act::Mark("start"), Act::Mark("stop"));
    assert_eq!(start(&*item, &launch).await, exited(0));
    assert_eq!(run(&*item, spawn(world, Act::Exit(1))).await.ended, exited(1));
    assert_eq!(world.marks(), ["start"], "a failed step stops no service by itself");
    let (first, second) =
        futures::join!(item.stop_service(launch.instance), item.stop_service(launch.instance));
    assert!(first.stopped && second.stopped);
    assert_eq!(first.tries, [EndedStop::Ended(exited(0))]);
    assert_eq!((first.tries, first.process), (second.tries, second.process));
    assert_eq!(item.close().await, Ok(()));
    assert_eq!(world.marks(), ["start", "stop"]);
}

pub async fn whatever_was_attempted_is_stopped(world: &dyn LauncherWorld) {
    let item = open(world).await;
    for act in [Act::Exit(4), Act::Missing] {
        let launch = service(world, act, Act::Mark("stop"));
        assert!(!start(&*item, &launch).await.is_success());
        assert!(item.stop_service(launch.instance).await.stopped);
    }
    assert_eq!(world.marks(), ["stop", "stop"]);
}

/// A stop that comes while the start runs ends that first; what the start had on its way is found by a second stop.
pub async fn a_start_that_is_cut_is_stopped_twice(world: &dyn LauncherWorld) {
    let item = open(world).await;
    let launch = service(world, Act::Hang, Act::Mark("stop"));
    let process = item.start_service(launch.clone()).await.unwrap();
    let end = item.stop_service(launch.instance).await;
    assert!(end.stopped);
    assert_eq!(end.tries, vec![EndedStop::Ended(exited(0)); 2]);
    assert_eq!(end.process, Some(Ended::Signalled(15)));
    assert_eq!(process.wait().await.ended, Ended::Signalled(15));
    assert_eq!(world.marks(), ["stop", "stop"]);
}

pub async fn a_failing_stop_is_tried_again_and_told(world: &dyn LauncherWorld) {
    let item = open(world).await;
    let (bad, good) =
        (service(world, Act::Exit(0), Act::Exit(5)), service(world, Act::Exit(0), Act::Mark("good")));
    for launch in [&bad, &good] {
        assert_eq!(start(&*item, launch).await, exited(0));
    }
    let (failed, done) = futures::join!(item.stop_service(bad.instance), item.stop_service(good.instance));
    assert_eq!(failed.tries, vec![EndedStop::Ended(exited(5)); 3]);
    assert!(!failed.stopped && done.stopped, "one that cannot be stopped keeps no other");
    assert_eq!(world.marks(), ["good"]);
}

fn foreground(world: &dyn LauncherWorld, act: Act<'_>) -> ServiceLaunch {
    ServiceLaunch { foreground: true, stop: None, ..service(world, act, Act::Exit(0)) }
}

pub async fn a_foreground_service_is_terminated(world: &dyn LauncherWorld) {
    let item = open(world).await;
    let launch = foreground(world, Act::Hang);
    let process = item.start_service(launch.clone()).await.unwrap();
    let end = item.stop_service(launch.instance).await;
    assert!(end.stopped && end.tries.is_empty());
    assert_eq!(end.process, Some(Ended::Signalled(15)));
    assert_eq!(process.wait().await.ended, Ended::Signalled(15));
}

pub async fn a_foreground_service_that_ends_is_told(world: &dyn LauncherWorld) {
    let item = open(world).await;
    let launch = foreground(world, Act::Exit(9));
    assert_eq!(start(&*item, &launch).await, exited(9));
    let end = item.stop_service(launch.instance).await;
    assert_eq!((end.stopped, end.process), (true, Some(exited(9))));
}

pub async fn a_service_without_an_end_is_refused(world: &dyn LauncherWorld) {
    let item = open(world).await;
    let endless = ServiceLaunch { stop: None, ..service(world, Act::Mark("start"), Act::Exit(0)) };
    assert!(item.start_service(endless).await.is_err());
    assert_eq!(item.close().await, Ok(()));
    assert_eq!(world.marks(), NONE);
}

pub async fn a_stranger_counts_as_stopped(world: &dyn LauncherWorld) {
    let end = open(world).await.stop_service(InstanceId(uuid::Uuid::now_v7())).await;
    assert!(end.stopped && end.tries.is_empty() && end.process.is_none());
}

pub async fn closing_stops_in_reverse_order(world: &dyn LauncherWorld) {
    let item = open(world).await;
    for (group, word) in [(0, "first"), (1, "second"), (2, "third")] {
        let launch = ServiceLaunch { group, ..service(world, Act::Exit(0), Act::Mark(word)) };
        start(&*item, &launch).await;
    }
    assert_eq!(item.close().await, Ok(()));
    assert_eq!(world.marks(), ["third", "second", "first"]);
    let late = item.start_service(service(world, Act::Mark("late"), Act::Exit(0))).await;
    assert!(late.is_err() && world.marks().len() == 3, "a closed item starts nothing");
}

/// Whoever drops an item without closing it is like a worker that is lost.
pub async fn a_lost_item_is_stopped_as_well(world: &dyn LauncherWorld) {
    let item = open(world).await;
    start(&*item, &service(world, Act::Exit(0), Act::Mark("stop"))).await;
    drop(item);
    world.marked("stop").await;
    assert_eq!(world.marks(), ["stop"]);
}

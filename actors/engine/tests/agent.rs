//! What an agent promises to the servers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pikoci_engine::supervise::Exit;
use pikoci_model::build::{BuildEvent, BuildStatus};
use pikoci_model::id::{BuildId, NodeId};
use pikoci_model::message::{Hail, Void};

use crate::pipelines::{plan, task};
use crate::world::World;

#[actix_rt::test]
async fn events_that_are_not_acknowledged_are_sent_again_and_arrive_once() {
    let mut world = World::new();
    world.acknowledging = false;
    world.offer(plan(1, vec![task("one", "say hello")])).await;
    world.until(|world| world.is_over(BuildId(1))).await;
    let first = world.ran(BuildId(1)).events.len();
    // The tracker forgets what it had: everything must come again, from the first event on.
    world.events.clear();
    world.until(|world| world.is_over(BuildId(1))).await;
    let ran = world.ran(BuildId(1));
    assert_eq!((ran.events.len(), ran.log("0").as_str()), (first, "hello\n"));
    world.acknowledging = true;
    world.events.clear();
    world.until(|world| world.is_over(BuildId(1))).await;
}

#[actix_rt::test]
async fn a_worker_that_cannot_renew_ends_its_builds_and_says_nothing_more() {
    let mut world = World::new();
    world.lease = Duration::from_secs(4);
    world.offer(plan(1, vec![task("slow", "hang")])).await;
    world.until_story("run 0#1: hang").await;
    world.renewing = false;
    world.until_story("close b-1-1").await;
    assert!(!world.is_over(BuildId(1)));
    assert!(world.host.story().contains(&"terminated 0".to_owned()));
    world.renewing = true;
    // The first of these renewals that is answered begins another lease; without one nothing is taken.
    let before = world.renewals;
    world.until(|world| world.renewals > before + 1).await;
    assert_eq!(world.run(plan(2, vec![task("t", "true")])).await.status(), BuildStatus::Succeeded);
}

#[actix_rt::test]
async fn a_void_claim_is_ended_without_a_word() {
    let mut world = World::new();
    let void = plan(1, vec![task("slow", "hang")]);
    world.offer(void.clone()).await;
    world.until_story("run 0#1: hang").await;
    world.say(&Void { build: void.build, fence: void.fence }).await;
    world.until_story("close b-1-1").await;
    let ran = world.run(plan(2, vec![task("t", "true")])).await;
    assert!(matches!(ran.events.last(), Some(BuildEvent::Finished { .. })));
    assert!(!world.is_over(BuildId(1)));
}

#[actix_rt::test]
async fn a_drain_lets_what_runs_finish_and_takes_nothing_new() {
    let mut world = World::new();
    let slow = plan(1, vec![task("slow", "hang")]);
    world.offer(slow.clone()).await;
    world.until_story("run 0#1: hang").await;
    world.worker.drain();
    world.offer(plan(2, vec![task("never", "true")])).await;
    world.cancel(&slow).await;
    world.until(|world| world.goodbyes == 1).await;
    assert_eq!(world.worker_ends().await, Exit::Stopped);
    assert_eq!(world.ran(BuildId(1)).status(), BuildStatus::Cancelled);
    assert!(world.ran(BuildId(2)).events.is_empty());
}

#[actix_rt::test]
async fn an_idle_worker_stops_at_once() {
    let mut world = World::new();
    world.until(|world| world.last_announce.is_some()).await;
    world.worker.stop();
    assert_eq!(world.worker_ends().await, Exit::Stopped);
}

#[actix_rt::test]
async fn an_agent_that_panics_comes_back_as_a_new_life_that_holds_nothing() {
    let mut world = World::new();
    world.offer(plan(1, vec![task("slow", "hang")])).await;
    world.until_story("run 0#1: hang").await;
    let first = world.last_announce.clone().unwrap().profile.incarnation;
    world.clock.breaks.store(true, Ordering::Relaxed);
    world.until_story("terminated 0").await;
    world.until(|world| world.last_announce.as_ref().unwrap().profile.incarnation != first).await;
    assert!(world.last_announce.as_ref().unwrap().holding.is_empty());
    // What the first life had may run again as soon as nothing of it is alive.
    world.until(|world| world.last_announce.as_ref().unwrap().ended.len() == 1).await;
    assert_eq!((world.host.workdirs(), world.host.settled_items()), (0, vec!["b-1-1".to_owned()]));
    assert_eq!(world.run(plan(2, vec![task("t", "true")])).await.status(), BuildStatus::Succeeded);
    assert!(!world.is_over(BuildId(1)));
    assert_eq!(world.roster.counts().restarts, 1);
}

#[actix_rt::test]
async fn a_refused_worker_goes_on_asking() {
    let mut world = World::new();
    world.refusing = true;
    world.until(|world| world.announces >= 2).await;
    world.refusing = false;
    assert_eq!(world.run(plan(1, vec![task("t", "true")])).await.status(), BuildStatus::Succeeded);
}

#[actix_rt::test]
async fn a_hail_moves_only_whose_home_is_lost_or_has_forgotten() {
    let mut world = World::new();
    world.run(plan(1, vec![task("t", "true")])).await;
    let home = NodeId("home".into());
    // The first is too soon after the announcement, or is followed; either way renewals go on.
    let before = world.announces;
    world.renewing = false;
    world.until(|world| world.announces > before).await;
    world.renewing = true;
    assert_eq!(world.run(plan(2, vec![task("t", "true")])).await.status(), BuildStatus::Succeeded);
    let before = world.announces;
    while world.announces == before {
        world.say(&Hail { lost: vec![home.clone()] }).await;
        let renewed = world.renewals;
        world.until(|world| world.renewals > renewed || world.announces > before).await;
    }
    assert_eq!(world.run(plan(3, vec![task("t", "true")])).await.status(), BuildStatus::Succeeded);
}

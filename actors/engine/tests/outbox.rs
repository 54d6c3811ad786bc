//! What a build says while nobody takes it.

use std::time::Duration;

use pikoci_model::build::BuildStatus;
use pikoci_model::id::BuildId;
use pikoci_model::port::Clock;
use pikoci_model::step::Step;

use crate::pipelines::{plan, task};
use crate::world::World;

const LONG: usize = 5 << 20;
const SHORT: usize = 200 << 10;

/// More than fits into memory.
fn talk() -> Vec<Step> {
    let say = |what: &str, bytes: usize| format!("say {}", what.repeat(bytes));
    vec![task("long", &say("x", LONG)), task("short", &say("y", SHORT)), task("end", "say over")]
}

/// Nobody acknowledges anything until the build has ended.
async fn ended_unheard(world: &mut World) {
    world.acknowledging = false;
    world.offer(plan(1, talk())).await;
    world.until_story("close b-1-1").await;
}

async fn is_told(world: &mut World) {
    world.acknowledging = true;
    world.until(|world| world.is_over(BuildId(1))).await;
    let ran = world.ran(BuildId(1));
    assert_eq!((ran.status(), ran.log("0").len()), (BuildStatus::Succeeded, LONG + 1));
    assert_eq!((ran.log("1").len(), ran.log("2").as_str()), (SHORT + 1, "over\n"));
}

#[actix_rt::test]
async fn a_build_ends_unheard_and_is_told_from_the_disk() {
    let mut world = World::new();
    ended_unheard(&mut world).await;
    world.until(|world| world.host.spilled() > SHORT).await;
    assert!(!world.is_over(BuildId(1)));
    is_told(&mut world).await;
    world.until(|world| world.host.spilled() == 0).await;
}

#[actix_rt::test]
async fn a_disk_that_takes_nothing_costs_nothing_that_was_said() {
    let mut world = World::new();
    world.host.set_spill_limit(1000);
    ended_unheard(&mut world).await;
    is_told(&mut world).await;
    assert_eq!(world.host.spilled(), 0);
}

#[actix_rt::test]
async fn a_build_whose_words_are_lost_on_disk_is_given_up() {
    let mut world = World::new();
    world.acknowledging = false;
    let mut steps = talk();
    steps.push(task("slow", "hang"));
    world.offer(plan(1, steps)).await;
    world.until_story("run 3#1: hang").await;
    world.until(|world| world.host.spilled() > 0).await;
    world.host.break_spills();
    world.acknowledging = true;
    world.until_story("close b-1-1").await;
    assert!(world.host.story().contains(&"terminated 3".to_owned()));
    let before = world.announces;
    world.renewing = false;
    world.until(|world| world.announces > before).await;
    assert_eq!(world.last_announce.as_ref().unwrap().holding, [], "the servers see that it is not held");
    world.renewing = true;
    assert_eq!(world.run(plan(2, vec![task("t", "true")])).await.status(), BuildStatus::Succeeded);
    assert!(!world.is_over(BuildId(1)));
}

#[actix_rt::test]
async fn what_ended_in_time_is_told_after_the_lease_is_over() {
    let mut world = World::new();
    world.lease = Duration::from_secs(4);
    world.acknowledging = false;
    world.offer(plan(1, vec![task("t", "say hello")])).await;
    world.until_story("close b-1-1").await;
    world.renewing = false;
    let end = world.host.lease_end().unwrap().term_at;
    world.until(|world| end + Duration::from_secs(1) < world.clock.monotonic()).await;
    world.events.clear();
    (world.renewing, world.acknowledging) = (true, true);
    world.until(|world| world.is_over(BuildId(1))).await;
    assert_eq!(world.ran(BuildId(1)).log("0"), "hello\n");
}

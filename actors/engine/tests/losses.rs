//! What must not get lost when processes, shims and workers do.

use pikoci_model::build::{BuildEvent, BuildStatus};
use pikoci_model::id::BuildId;

use crate::services::{service, stops, with_services};
use crate::world::{World, plan, task};

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

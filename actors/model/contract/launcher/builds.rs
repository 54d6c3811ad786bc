//! Items of builds: their slot, and what the host remembers of them.

use std::sync::Arc;

use super::{Act, LauncherWorld, open, service};
use crate::{
    id::{BuildId, Fence},
    port::{Item, ItemBuild, WorkItem},
};

async fn open_build(world: &dyn LauncherWorld, build: i64, job: &str) -> Arc<dyn WorkItem> {
    let of = ItemBuild {
        build: BuildId(build),
        fence: Fence::new(1, 7),
        run: 1,
        number: build.to_string(),
        job: job.to_owned(),
    };
    let item = Item { name: format!("b-{build}-1"), workdir: world.directory(), build: Some(of) };
    world.launcher().open(item).await.unwrap()
}

pub async fn the_smallest_free_slot_is_given(world: &dyn LauncherWorld) {
    let zero = open_build(world, 1, "main/p/j").await;
    let one = open_build(world, 2, "main/p/j").await;
    let other = open_build(world, 3, "main/p/other").await;
    assert_eq!((zero.slot(), one.slot(), other.slot()), (0, 1, 0));
    assert_eq!(zero.close().await, Ok(()));
    zero.settle().await;
    // What runs the item ends right after its last word; until then its slot is its own.
    let mut build = 4;
    loop {
        let next = open_build(world, build, "main/p/j").await;
        let slot = next.slot();
        assert_eq!(next.close().await, Ok(()));
        if slot == 0 {
            break;
        }
        build += 1;
    }
    assert_eq!((one.close().await, other.close().await), (Ok(()), Ok(())));
}

pub async fn an_item_without_a_build_has_no_slot(world: &dyn LauncherWorld) {
    let build = open_build(world, 1, "main/p/j").await;
    let plain = open(world).await;
    assert_eq!((build.slot(), plain.slot()), (0, 0));
    assert_eq!((build.close().await, plain.close().await), (Ok(()), Ok(())));
}

pub async fn settling_forgets_nothing_that_runs(world: &dyn LauncherWorld) {
    let item = open_build(world, 1, "main/p/j").await;
    let launch = service(world, Act::Exit(0), Act::Mark("stop"));
    item.start_service(launch).await.unwrap().wait().await;
    assert_eq!(item.close().await, Ok(()));
    item.settle().await;
    item.settle().await;
    assert_eq!(world.marks(), ["stop"]);
    assert_eq!(item.close().await, Ok(()));
}

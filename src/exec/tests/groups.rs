//! Control groups of the second version, where they can be had: a build has its own, and leaves none.

use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::ending::shim_of;
use crate::fixture::{Kept, directory, launcher, lines, open, run, service, shell, within};

/// The group of a step, as a directory; none where this program may make none.
async fn group_of_steps(item: &std::sync::Arc<dyn pikoci_model::port::WorkItem>) -> Option<PathBuf> {
    let kept = std::sync::Arc::<Kept>::default();
    run(item, shell("sed -n 's/^0:://p' /proc/self/cgroup", Some(&kept))).await;
    let group = kept.out().trim().to_owned();
    let mounts = lines(std::path::Path::new("/proc/self/mounts"));
    let mount = mounts.iter().find_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        (fields[2] == "cgroup2").then(|| fields[1].to_owned())
    })?;
    group.ends_with("/steps").then(|| PathBuf::from(mount).join(group.trim_start_matches('/')))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_has_groups_of_its_own_and_leaves_none() {
    let place = directory();
    let launcher = launcher();
    for (shim_dies, nursery_dies) in [(false, false), (true, false), (true, true)] {
        let item = open(&launcher).await;
        let Some(steps) = group_of_steps(&item).await else {
            eprintln!("no control groups can be made here");
            return;
        };
        assert!(!steps.display().to_string().contains("/worker/"), "beside the worker's, never in it");
        let of_service = place.path().join("group");
        let start = format!("sed -n 's/^0:://p' /proc/self/cgroup > {}; sleep 1000 &", of_service.display());
        let launch = service(&start, "true", 0);
        within(item.start_service(launch.clone()).await.unwrap().wait()).await;
        assert!(lines(&of_service)[0].ends_with("/services"));
        if shim_dies {
            kill_shim(&item, nursery_dies).await;
            assert!(within(item.stop_service(launch.instance)).await.stopped);
        }
        within(item.close()).await.unwrap();
        assert_removed(&steps);
    }
}

/// Nothing is owed, and so nobody needs another nursery but for this.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_without_services_leaves_none_when_its_nursery_dies_too() {
    let item = open(&launcher()).await;
    let Some(steps) = group_of_steps(&item).await else { return };
    kill_shim(&item, true).await;
    within(item.close()).await.unwrap();
    assert_removed(&steps);
}

async fn kill_shim(item: &std::sync::Arc<dyn pikoci_model::port::WorkItem>, and_nursery: bool) {
    let shim = shim_of(item).await;
    if and_nursery {
        kill(Pid::from_raw(crate::unruly::parent_of(shim)), Signal::SIGKILL).unwrap();
    }
    kill(Pid::from_raw(shim), Signal::SIGKILL).unwrap();
    within(item.lost()).await;
}

/// Whoever hears that an item is closed may end at once, and all that it has with it.
fn assert_removed(steps: &std::path::Path) {
    assert!(!steps.parent().is_some_and(std::path::Path::exists), "{} is left", steps.display());
}

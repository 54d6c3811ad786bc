//! When the worker, the shim or the nursery goes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pikoci_exec::journal::{StrikeState, Striker, read_strike};
use pikoci_model::outcome::Ended;
use pikoci_model::port::{LaunchError, Launcher, LeaseEnd};

use crate::entry::WORKER;
use crate::fixture::{
    Holders, children_of, directory, files_of, in_order, is_root, launcher, launcher_with, lines, open,
    open_build, processes, run, service, settings, settings_in, shell, sockets_of, wait_for_shims, within,
};

/// The scenario: a step, a daemon that a step left, two services, of which one's start still runs.
pub async fn play_worker(place: &Path) {
    let launcher = launcher_with(settings_in(&place.join("state")));
    let item = open_build(&launcher, 1).await;
    let log = place.join("log");
    let hold = format!("exec 9>{}", place.join("alive").display());
    let stop = |name: &str| format!("echo {name} >> {}; echo some output; echo more >&2", log.display());
    let first =
        service(&format!("{hold}; setsid sleep 1000 >/dev/null 2>&1 & echo up >&9"), &stop("first"), 0);
    within(item.start_service(first).await.unwrap().wait()).await;
    let left = format!("{hold}; setsid sleep 1000 >/dev/null 2>&1 & echo up >&9");
    run(&item, shell(&left, None)).await;
    let step = format!("{hold}; trap '' TERM INT HUP QUIT; setsid sleep 1000 & echo up >&9; sleep 1000");
    let running = item.spawn(shell(&step, None)).await.unwrap();
    let starting = format!("{hold}; echo up >&9; sleep 1000");
    let second = item.start_service(service(&starting, &stop("second"), 1)).await.unwrap();
    running.wait().await;
    second.wait().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_whose_lease_is_over_is_lost_with_its_services_stopped() {
    let place = directory();
    let launcher = launcher_with(settings_in(&place.path().join("state")));
    let item = open_build(&launcher, 1).await;
    let log = place.path().join("log");
    let launch =
        service("setsid sleep 1000 >/dev/null 2>&1 &", &format!("echo stop >> {}", log.display()), 0);
    within(item.start_service(launch.clone()).await.unwrap().wait()).await;
    launcher.lease(LeaseEnd { term_at: Duration::ZERO, kill_at: Duration::ZERO });
    within(item.lost()).await;
    assert!(matches!(item.spawn(shell("true", None)).await, Err(LaunchError::ShimLost)));
    assert!(within(item.stop_service(launch.instance)).await.stopped);
    within(item.close()).await.unwrap();
    assert_eq!(lines(&log), ["stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_service_that_comes_too_late_for_its_shim_no_stop_is_owed() {
    let place = directory();
    let state = place.path().join("state");
    let launcher = launcher_with(settings_in(&state));
    let item = open_build(&launcher, 1).await;
    kill(Pid::from_raw(shim_of(&item).await), Signal::SIGKILL).unwrap();
    within(item.lost()).await;
    assert!(item.start_service(service("true", "true", 0)).await.is_err());
    within(item.close()).await.unwrap();
    assert!(intents_in(&state).is_empty());
}

fn intents_in(state: &Path) -> Vec<std::path::PathBuf> {
    let items = fs::read_dir(state.join("items")).unwrap().flatten();
    let files = items.flat_map(|item| fs::read_dir(item.path()).unwrap().flatten());
    let files = files.map(|file| file.path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "intent")).collect()
}

/// Somebody else had stopped it, and that is stored: the journal has forgotten it.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_journal_has_forgotten_is_not_stopped_again() {
    let place = directory();
    let state = place.path().join("state");
    let launcher = launcher_with(settings_in(&state));
    let item = open_build(&launcher, 1).await;
    let log = place.path().join("log");
    let launch =
        service("setsid sleep 1000 >/dev/null 2>&1 &", &format!("echo stop >> {}", log.display()), 0);
    within(item.start_service(launch.clone()).await.unwrap().wait()).await;
    intents_in(&state).iter().for_each(|intent| fs::remove_file(intent).unwrap());
    kill(Pid::from_raw(shim_of(&item).await), Signal::SIGKILL).unwrap();
    within(item.lost()).await;
    assert!(within(item.stop_service(launch.instance)).await.stopped);
    within(item.close()).await.unwrap();
    assert!(lines(&log).is_empty());
}

/// A worker whose lease is over still runs the stops of those whose shims were lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_others_owe_needs_no_lease() {
    let place = directory();
    let launcher = launcher_with(settings_in(&place.path().join("state")));
    let item = open_build(&launcher, 1).await;
    let log = place.path().join("log");
    let launch =
        service("setsid sleep 1000 >/dev/null 2>&1 &", &format!("echo stop >> {}", log.display()), 0);
    within(item.start_service(launch.clone()).await.unwrap().wait()).await;
    let shim = Pid::from_raw(shim_of(&item).await);
    kill(shim, Signal::SIGSTOP).unwrap();
    launcher.lease(LeaseEnd { term_at: Duration::ZERO, kill_at: Duration::ZERO });
    kill(shim, Signal::SIGKILL).unwrap();
    within(item.lost()).await;
    assert!(within(item.stop_service(launch.instance)).await.stopped);
    within(item.close()).await.unwrap();
    assert_eq!(lines(&log), ["stop"]);
}

pub fn start_worker(place: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "entry::worker", "--nocapture"])
        .env(WORKER, place)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_worker_leaves_nothing_and_its_stops_run() {
    let place = directory();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut holders = Holders::new(place.path(), "alive");
    let mut worker = start_worker(place.path());
    holders.wait_for_lines(4);
    worker.kill().unwrap();
    worker.wait().unwrap();
    holders.wait_until_gone();
    wait_for_shims(&place.path().join("state"));
    assert_eq!(in_order(&place.path().join("log")), ["first", "second", "second"]);
    let items = fs::read_dir(place.path().join("state/items")).unwrap().flatten();
    let files = items.flat_map(|item| fs::read_dir(item.path()).unwrap().flatten());
    let logs = files.filter(|file| file.file_name().to_string_lossy().ends_with(".stop.log"));
    let mut kept: Vec<_> = logs.map(|log| lines(&log.path()).len()).collect();
    kept.sort_unstable();
    assert_eq!(kept, [2, 4], "what the stops printed is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_dropped_without_close_is_cleared() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let log = place.path().join("log");
    let launcher = launcher();
    let item = open(&launcher).await;
    within(
        item.start_service(service("true", &format!("echo stop >> {}", log.display()), 0))
            .await
            .unwrap()
            .wait(),
    )
    .await;
    let process =
        item.spawn(shell(&format!("{}; echo up >&9; sleep 1000", holders.hold()), None)).await.unwrap();
    holders.wait_for_lines(1);
    drop(item);
    holders.wait_until_gone();
    assert_eq!(within(process.wait()).await.ended, Ended::ShimLost);
}

/// The shim above a command: the parent of its reaper.
pub async fn shim_of(item: &std::sync::Arc<dyn pikoci_model::port::WorkItem>) -> i32 {
    let script = "reaper=$PPID; while read key value; do test $key = PPid: && echo $value; done < /proc/$reaper/status";
    let end = run(item, shell(script, None)).await;
    String::from_utf8(end.captured.last_line.unwrap()).unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_shim_takes_its_processes_along_and_its_stops_still_run() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let log = place.path().join("log");
    let launcher = launcher();
    let item = open(&launcher).await;
    let start = format!("{}; setsid sleep 1000 >/dev/null 2>&1 & echo up >&9", holders.hold());
    let launch = service(&start, &format!("echo stop >> {}", log.display()), 0);
    within(item.start_service(launch.clone()).await.unwrap().wait()).await;
    let step =
        item.spawn(shell(&format!("{}; echo up >&9; sleep 1000", holders.hold()), None)).await.unwrap();
    holders.wait_for_lines(2);
    kill(Pid::from_raw(shim_of(&item).await), Signal::SIGKILL).unwrap();
    within(item.lost()).await;
    assert_eq!(within(step.wait()).await.ended, Ended::ShimLost);
    holders.wait_until_gone();
    let stopped = within(item.stop_service(launch.instance)).await;
    assert!(stopped.stopped, "{stopped:?}");
    assert_eq!(lines(&log), ["stop"]);
    within(item.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reaper_loses_nothing_that_it_kept() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open(&launcher).await;
    let script =
        format!("{}; setsid sleep 1000 >/dev/null 2>&1 & echo $PPID >&9; sleep 1000", holders.hold());
    let step = item.spawn(shell(&script, None)).await.unwrap();
    holders.wait_for_lines(1);
    let reaper: i32 = holders.heard().trim().parse().unwrap();
    kill(Pid::from_raw(reaper), Signal::SIGKILL).unwrap();
    assert_eq!(within(step.wait()).await.ended, Ended::ShimLost);
    holders.wait_until_gone();
    assert!(run(&item, shell("true", None)).await.ended.is_success());
    within(item.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_nursery_is_replaced_and_running_items_do_not_notice() {
    let launcher = launcher();
    let item = open(&launcher).await;
    let shim = shim_of(&item).await;
    let status = fs::read_to_string(format!("/proc/{shim}/status")).unwrap();
    let nursery = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap();
    assert!(children_of(nursery).iter().any(|(_, name)| name == "pikoci-shim"));
    kill(Pid::from_raw(nursery), Signal::SIGKILL).unwrap();
    assert!(run(&item, shell("true", None)).await.ended.is_success());
    let other = open(&launcher).await;
    assert!(run(&other, shell("true", None)).await.ended.is_success());
    within(item.close()).await.unwrap();
    within(other.close()).await.unwrap();
}

/// A second copy of a control socket anywhere would hide the worker's death; one of the slot would keep it taken, and one
/// of the lock that is closed would free it.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_shim_holds_its_sockets_its_lock_or_its_slot() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open_build(&launcher, 42).await;
    let launch = service("setsid sleep 1000 >/dev/null 2>&1 &", "true", 0);
    within(item.start_service(launch).await.unwrap().wait()).await;
    let script = format!("{}; echo $PPID >&9; ls -l /proc/self/fd; sleep 1000", holders.hold());
    let step = item.spawn(shell(&script, None)).await.unwrap();
    holders.wait_for_lines(1);
    let reaper: i32 = holders.heard().trim().parse().unwrap();
    let leader = children_of(reaper).first().unwrap().0;
    assert!(sockets_of(leader).is_empty());
    if is_root() {
        let shim = shim_of(&item).await;
        let own = sockets_of(shim);
        assert_eq!(
            (sockets_of(reaper).len(), own.len()),
            (1, 3),
            "a reaper has one, the shim its own and those of two reapers"
        );
        let kept = settings().state.path().to_owned();
        let names = |pid: i32| -> Vec<String> {
            let files = files_of(pid).into_iter().filter(|file| file.starts_with(&kept));
            files.map(|file| file.strip_prefix(&kept).unwrap().display().to_string()).collect()
        };
        let of_shim = names(shim);
        let (lock, slot) = (
            of_shim.iter().find(|name| name.ends_with("/lock")),
            of_shim.iter().find(|name| name.starts_with("slots/")),
        );
        let (lock, slot) = (lock.expect("its lock"), slot.expect("its slot"));
        assert_eq!(of_shim.iter().filter(|name| *name == lock).count(), 1, "opened once");
        for other in processes().into_iter().filter(|pid| *pid != shim) {
            assert!(sockets_of(other).iter().all(|socket| !own.contains(socket)), "{other} holds one too");
            assert!(names(other).iter().all(|name| name != lock && name != slot), "{other} holds one too");
        }
        let environment = fs::read(format!("/proc/{shim}/environ")).unwrap();
        assert!(environment.iter().all(|byte| *byte == 0));
        let arguments = fs::read(format!("/proc/{shim}/cmdline")).unwrap();
        assert_eq!(arguments.split(|byte| *byte == 0).next(), Some(&b"pikoci-shim"[..]));
    }
    step.terminate(std::time::Duration::ZERO);
    within(step.wait()).await;
    within(item.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_reaper_was_lost_is_spared_until_its_stop() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open(&launcher).await;
    let start = format!(
        "{}; echo $PPID >&9; setsid sh -c 'echo up >&9; sleep 1000' >/dev/null 2>&1 &",
        holders.hold()
    );
    let launch = service(&start, "true", 0);
    within(item.start_service(launch.clone()).await.unwrap().wait()).await;
    holders.wait_for_lines(2);
    let reaper: i32 = holders.heard().lines().find_map(|line| line.parse().ok()).unwrap();
    kill(Pid::from_raw(reaper), Signal::SIGKILL).unwrap();
    run(&item, shell("sleep 0.1", None)).await;
    let shim = shim_of(&item).await;
    assert!(children_of(shim).iter().any(|(_, name)| name == "sh"), "the daemon lives, adopted by the shim");
    assert!(within(item.stop_service(launch.instance)).await.stopped);
    holders.wait_until_gone();
    within(item.close()).await.unwrap();
}

/// A stop has run, and the shim is lost while what it has left is still being ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_has_run_is_not_run_again_when_its_shim_is_lost_then() {
    let place = directory();
    let state = place.path().join("state");
    let launcher = launcher_with(settings_in(&state));
    let item = open_build(&launcher, 1).await;
    let mut holders = Holders::new(place.path(), "alive");
    let log = place.path().join("log");
    let start = format!("{}; trap '' TERM; echo up >&9; while :; do sleep 1000; done", holders.hold());
    let mut launch = service(&start, &format!("echo stop >> {}", log.display()), 0);
    launch.foreground = true;
    item.start_service(launch.clone()).await.unwrap();
    holders.wait_for_lines(1);
    let shim = Pid::from_raw(shim_of(&item).await);
    let stopping = tokio::spawn({
        let item = std::sync::Arc::clone(&item);
        async move { item.stop_service(launch.instance).await }
    });
    let [intent] = <[_; 1]>::try_from(intents_in(&state)).unwrap();
    let has_run = || read_strike(fs::File::open(&intent).unwrap()).unwrap().state == StrikeState::Ran;
    within(async {
        while !has_run() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    kill(shim, Signal::SIGKILL).unwrap();
    assert!(within(stopping).await.unwrap().stopped);
    within(item.close()).await.unwrap();
    holders.wait_until_gone();
    assert_eq!(lines(&log), ["stop"]);
    let strike = read_strike(fs::File::open(&intent).unwrap()).unwrap();
    assert_eq!((strike.state, strike.by, strike.tries), (StrikeState::Stopped, Striker::Build, 1));
}

//! More than one of worker, nursery and shim is gone: what they owed is run from the journal.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Gid, Pid, Uid, chown};
use pikoci_exec::journal::StateDirectory;
use pikoci_exec::nursery::{NurseryHandle, harden_worker};
use pikoci_exec::{HostJournal, Keep, LauncherSettings, NurseryLauncher, replay_now};
use pikoci_model::build::ServiceState;
use pikoci_model::port::{Journal, LeftBehind};

use crate::ending::start_worker;
use crate::entry::NURSERY;
use crate::fixture::{
    Holders, children_of, directory, in_order, is_root, launcher_with, lines, settings_in, wait_for_shims,
    within,
};

/// The command with which a nursery has the program run an item's stops.
pub const REPLAY: &[u8] = b"worker";

/// Plays it: `worker journal replay --wait --item ITEM --state-dir DIR`.
pub fn play_replay(nursery: NurseryHandle) {
    let words: Vec<String> = std::env::args().collect();
    let after = |word: &str| words[words.iter().position(|found| found == word).unwrap() + 1].clone();
    harden_worker().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let state = Arc::new(StateDirectory::open(Path::new(&after("--state-dir"))).unwrap());
        let settings = LauncherSettings::new(std::str::from_utf8(NURSERY).unwrap(), state);
        let launcher = NurseryLauncher::new(nursery, settings);
        replay_now(&launcher, Some(&after("--item")), true).await.unwrap();
    });
}

fn descendants(of: i32) -> Vec<(i32, String)> {
    let mut found = children_of(of);
    let mut at = 0;
    while at < found.len() {
        found.extend(children_of(found[at].0));
        at += 1;
    }
    found
}

fn end(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// The one with an item has reapers that have something; the one that waits has one that waits.
fn busy_shim(worker: i32) -> i32 {
    let below = descendants(worker);
    let shims = below.iter().filter(|(pid, name)| name == "pikoci-shim" && descendants(*pid).len() > 1);
    let shims: Vec<i32> = shims.map(|(pid, _)| *pid).collect();
    assert_eq!(shims.len(), 1);
    shims[0]
}

/// A worker that was stopped with all its threads, so that it does not see that its shim is killed.
fn stopped_worker_without_shim(place: &Path, holders: &mut Holders) -> Child {
    let worker = start_worker(place);
    holders.wait_for_lines(4);
    let id = i32::try_from(worker.id()).unwrap();
    let shim = busy_shim(id);
    end(id, Signal::SIGSTOP);
    waitpid(Pid::from_raw(id), Some(WaitPidFlag::WUNTRACED)).unwrap();
    end(shim, Signal::SIGKILL);
    worker
}

#[test]
fn with_worker_and_shim_dead_the_nursery_has_the_stops_run() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let mut worker = stopped_worker_without_shim(place.path(), &mut holders);
    worker.kill().unwrap();
    worker.wait().unwrap();
    holders.wait_until_gone();
    // What was started last of all is let go by the shim that runs the stops now.
    wait_for_shims(&place.path().join("state"));
    assert_eq!(in_order(&place.path().join("log")), ["first", "second", "second"]);
}

/// How many services a worker that begins on this journal tells to be stopped, and how many builds to be over.
async fn told(state: &Path) -> (usize, usize) {
    let launcher = launcher_with(settings_in(state));
    let journal = HostJournal::start(&launcher, Keep { workdirs: true, records: true }).unwrap();
    let (mut stopped, mut ended) = (0, 0);
    loop {
        match within(journal.next()).await.unwrap() {
            LeftBehind::Stop(report) => stopped += usize::from(report.state == ServiceState::Stopped),
            LeftBehind::Ended(_) => ended += 1,
            LeftBehind::Ready => return (stopped, ended),
        }
    }
}

/// What one has, the other stops if nobody does; but only the one says so, as long as it lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_tells_nothing_of_builds_of_another_that_lives() {
    let place = directory();
    let state = place.path().join("state");
    let mut holders = Holders::new(place.path(), "alive");
    let mut worker = stopped_worker_without_shim(place.path(), &mut holders);
    wait_for_shims(&state);
    assert_eq!(told(&state).await, (0, 0));
    assert_eq!(in_order(&place.path().join("log")), ["first", "second", "second"]);
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(told(&state).await, (2, 1));
    holders.wait_until_gone();
}

/// `kill -9 -1` of an ordinary user, in a space of numbers of its own so that it hits nobody else: nobody is left, nothing
/// has been stopped, and everything that is needed for it is on disk.
#[test]
fn after_everything_was_killed_at_once_the_stops_stand_and_can_be_run() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let (user, group) = (Uid::from_raw(65534), Gid::from_raw(65534));
    let unshare = ["--pid", "--fork", "--mount-proc", "--kill-child"];
    let may = Command::new("unshare").args(unshare).arg("true").stderr(Stdio::null()).status();
    if !is_root() || !may.is_ok_and(|status| status.success()) {
        return;
    }
    for path in [place.path(), &holders.path] {
        chown(path, Some(user), Some(group)).unwrap();
    }
    let script = r#"
        PIKOCI_TEST_WORKER=$1 "$0" --exact entry::worker --nocapture >/dev/null 2>&1 &
        until test -e "$1/kill"; do sleep 0.02; done
        kill -9 -1
        wait
        echo killed >"$1/killed"
        until test -e "$1/replay"; do sleep 0.02; done
        for item in "$1"/state/items/*; do
            "$0" worker journal replay --wait --item "${item##*/}" --state-dir "$1/state"
        done
    "#;
    let mut container = Command::new("unshare")
        .args(unshare)
        .args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(place.path())
        .current_dir("/")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    holders.wait_for_lines(4);
    fs::write(place.path().join("kill"), "").unwrap();
    holders.wait_until_gone();
    let log = place.path().join("log");
    assert!(lines(&log).is_empty());
    fs::write(place.path().join("replay"), "").unwrap();
    assert!(container.wait().unwrap().success());
    assert_eq!(in_order(&log), ["first", "second", "second"]);
}

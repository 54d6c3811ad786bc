//! Processes that do what they can to stay: chains of forks, children of threads, leaders whose first thread is gone.

use std::ffi::CString;
use std::fs;
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pikoci_model::outcome::Ended;
use pikoci_model::port::{Process, WorkItem};

use crate::fixture::{
    DEADLINE, Holders, children_of, command, directory, is_root, launcher, open, run, service, shell, within,
};

/// Started with a width and a pipe: so many processes that each live for one fork.
pub const CHAINS: &str = "fork-chains";
/// Started with a pipe: a child of another thread than the first, which ends.
pub const THREADS: &str = "thread-with-child";

/// If nobody ends them, they end by themselves.
const AT_MOST: Duration = Duration::from_secs(90);

/// Plays one of them, in a process with one thread.
pub fn play(which: &str, mut arguments: impl Iterator<Item = String>) -> ! {
    match which {
        CHAINS => {
            let width = arguments.next().unwrap().parse().unwrap();
            play_chains(width, &arguments.next().unwrap())
        }
        _ => play_threads(&arguments.next().unwrap()),
    }
}

/// Open for writing, also in whatever is forked or executed.
fn hold(pipe: &str) -> RawFd {
    let path = CString::new(pipe).unwrap();
    // SAFETY: opens a file; the descriptor stays open until this process ends.
    unsafe { libc::open(path.as_ptr(), libc::O_WRONLY) }
}

fn say_up(pipe: RawFd) {
    // SAFETY: writes from a constant.
    unsafe { libc::write(pipe, b"up\n".as_ptr().cast(), 3) };
}

fn play_chains(width: usize, pipe: &str) -> ! {
    let pipe = hold(pipe);
    let until = Instant::now() + AT_MOST;
    for _ in 0..width {
        // SAFETY: this process has one thread.
        if unsafe { libc::fork() } == 0 {
            say_up(pipe);
            chain(until);
        }
    }
    std::thread::sleep(AT_MOST);
    std::process::exit(0);
}

/// Each link has a session of its own, makes the next and ends.
fn chain(until: Instant) -> ! {
    while Instant::now() < until {
        // SAFETY: this process has one thread.
        unsafe {
            libc::setsid();
            if libc::fork() != 0 {
                libc::_exit(0);
            }
        }
    }
    std::process::exit(0);
}

fn play_threads(pipe: &str) -> ! {
    let pipe = hold(pipe);
    std::thread::spawn(move || {
        let mut child = std::process::Command::new("/bin/sleep").arg("1000").spawn().unwrap();
        say_up(pipe);
        let _ = child.wait();
        std::thread::sleep(AT_MOST);
    });
    // SAFETY: ends the first thread only: the process goes on, and looks dead.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("the first thread is gone")
}

async fn start(item: &Arc<dyn WorkItem>, arguments: &[&str]) -> Arc<dyn Process> {
    let program = std::env::current_exe().unwrap().display().to_string();
    let argv: Vec<&str> = std::iter::once(program.as_str()).chain(arguments.iter().copied()).collect();
    within(item.spawn(command(&argv, None))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_of_forks_end_with_their_step() {
    let launcher = launcher();
    for width in [1, 8, 64] {
        let place = directory();
        let mut holders = Holders::new(place.path(), "alive");
        let item = open(&launcher).await;
        let step = start(&item, &[CHAINS, &width.to_string(), holders.path.to_str().unwrap()]).await;
        holders.wait_for_lines(width);
        step.terminate(Duration::ZERO);
        assert_eq!(within(step.wait()).await.ended, Ended::Signalled(9));
        holders.wait_until_gone();
        within(item.close()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_that_a_step_or_a_service_left_end_with_the_item() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open(&launcher).await;
    let program = std::env::current_exe().unwrap().display().to_string();
    let left = format!("{program} {CHAINS} 4 {} >/dev/null 2>&1 &", holders.path.display());
    assert!(run(&item, shell(&left, None)).await.ended.is_success());
    within(item.start_service(service(&left, "true", 0)).await.unwrap().wait()).await;
    holders.wait_for_lines(8);
    within(item.close()).await.unwrap();
    holders.wait_until_gone();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_first_thread_is_gone_is_alive_and_ends_with_its_children() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open(&launcher).await;
    let step = start(&item, &[THREADS, holders.path.to_str().unwrap()]).await;
    holders.wait_for_lines(1);
    assert!(run(&item, shell("true", None)).await.ended.is_success());
    let waiting = tokio::spawn({
        let step = Arc::clone(&step);
        async move { step.wait().await }
    });
    assert!(run(&item, shell("true", None)).await.ended.is_success());
    assert!(!waiting.is_finished(), "it only looks dead");
    step.terminate(Duration::ZERO);
    assert_eq!(within(waiting).await.unwrap().ended, Ended::Signalled(9));
    holders.wait_until_gone();
    within(item.close()).await.unwrap();
}

/// A group of the first version that freezes what is put in: KILL does not end it before it is thawed.
struct Freezer(std::path::PathBuf);

impl Freezer {
    fn make(name: &str) -> Option<Self> {
        let group =
            Path::new("/sys/fs/cgroup/freezer").join(format!("pikoci-exec-{name}-{}", std::process::id()));
        (is_root() && fs::create_dir(&group).is_ok()).then(|| Self(group))
    }

    fn freeze(&self, process: &str) {
        fs::write(self.0.join("cgroup.procs"), process).unwrap();
        fs::write(self.0.join("freezer.state"), "FROZEN").unwrap();
    }

    fn thaw(&self) {
        fs::write(self.0.join("freezer.state"), "THAWED").unwrap();
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.thaw();
        let until = Instant::now() + DEADLINE;
        while fs::remove_dir(&self.0).is_err() && Instant::now() < until {
            std::thread::yield_now();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_step_keeps_its_slot_until_it_is_gone() {
    let Some(freezer) = Freezer::make("step") else { return };
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = crate::fixture::open_build(&launcher, 4711).await;
    let script = format!("{}; echo $$ >&9; exec sleep 1000", holders.hold());
    let step = item.spawn(shell(&script, None)).await.unwrap();
    holders.wait_for_lines(1);
    let leader = holders.heard();
    freezer.freeze(leader.trim());
    step.terminate(Duration::ZERO);
    let ended = within(step.wait()).await.ended;
    assert!(matches!(&ended, Ended::Stuck { pid, .. } if pid.to_string() == leader.trim()), "{ended}");
    let stuck = within(item.close()).await.unwrap_err();
    assert!(matches!(stuck[0], Ended::Stuck { .. }));
    let next = crate::fixture::open_build(&launcher, 4712).await;
    assert_ne!(next.slot(), item.slot());
    freezer.thaw();
    within(item.close()).await.unwrap();
    holders.wait_until_gone();
    let last = crate::fixture::open_build(&launcher, 4713).await;
    assert_eq!(last.slot(), item.slot());
    within(next.close()).await.unwrap();
    within(last.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_cannot_be_ended_does_not_hold_its_stop_for_ever() {
    let Some(freezer) = Freezer::make("service") else { return };
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open(&launcher).await;
    let start = format!("{}; setsid sh -c 'echo $$ >&9; sleep 1000' >/dev/null 2>&1 &", holders.hold());
    let launch = service(&start, "true", 0);
    within(item.start_service(launch.clone()).await.unwrap().wait()).await;
    holders.wait_for_lines(1);
    freezer.freeze(holders.heard().trim());
    let stopped = within(item.stop_service(launch.instance)).await;
    assert!(!stopped.stopped, "{stopped:?}");
    assert!(matches!(within(item.close()).await.unwrap_err()[0], Ended::Stuck { .. }));
    freezer.thaw();
    within(item.close()).await.unwrap();
    holders.wait_until_gone();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_cannot_be_ended_is_told_and_runs_again_when_it_is_gone() {
    let Some(freezer) = Freezer::make("stop") else { return };
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let tried = place.path().join("tried");
    let item = open(&launcher()).await;
    let stop = format!(
        "[ ! -e {0} ] || exit 0; touch {0}; {1}; echo $$ >&9; exec sleep 1000",
        tried.display(),
        holders.hold()
    );
    let mut launch = service("true", &stop, 0);
    if let Some(stop) = &mut launch.stop {
        stop.limit = Duration::from_secs(4);
    }
    let instance = launch.instance;
    within(item.start_service(launch).await.unwrap().wait()).await;
    let stopping = tokio::spawn({
        let item = Arc::clone(&item);
        async move { item.stop_service(instance).await }
    });
    holders.wait_for_lines(1);
    freezer.freeze(holders.heard().trim());
    assert!(!within(stopping).await.unwrap().stopped);
    assert!(matches!(within(item.close()).await.unwrap_err()[0], Ended::Stuck { .. }));
    freezer.thaw();
    within(item.close()).await.unwrap();
    holders.wait_until_gone();
    assert!(within(item.stop_service(instance)).await.stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_nursery_and_its_shim_dead_a_build_still_stops_its_services() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let log = place.path().join("log");
    let launcher = launcher();
    let item = open(&launcher).await;
    let start = format!("{}; setsid sleep 1000 >/dev/null 2>&1 & echo up >&9", holders.hold());
    let launch = service(&start, &format!("echo stop >> {}", log.display()), 0);
    within(item.start_service(launch.clone()).await.unwrap().wait()).await;
    let shim = crate::ending::shim_of(&item).await;
    let nursery = parent_of(shim);
    assert!(children_of(nursery).iter().any(|(pid, _)| *pid == shim));
    kill(Pid::from_raw(nursery), Signal::SIGSTOP).unwrap();
    assert!(run(&item, shell("true", None)).await.ended.is_success(), "a stopped nursery hinders no step");
    kill(Pid::from_raw(nursery), Signal::SIGKILL).unwrap();
    kill(Pid::from_raw(shim), Signal::SIGKILL).unwrap();
    within(item.lost()).await;
    assert!(within(item.stop_service(launch.instance)).await.stopped);
    within(item.close()).await.unwrap();
    holders.wait_until_gone();
    assert_eq!(crate::fixture::lines(&log), ["stop"]);
}

pub fn parent_of(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap()
}

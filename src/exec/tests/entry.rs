//! What this test program does when it is executed for another purpose than its tests.

use std::ffi::{CStr, c_char, c_int};
use std::path::Path;
use std::process::{Command, Stdio};

use pikoci_exec::nursery::{fork_nursery, nursery_main};

use crate::{fixture, losses, unruly};

pub const NURSERY: &[u8] = b"nursery-exec";
/// Plays a worker that forks its nursery, as `main` does.
pub const FORKING: &[u8] = b"forking-worker";
/// Set for an execution that plays a worker.
pub const WORKER: &str = "PIKOCI_TEST_WORKER";
/// Set for the executions under other circumstances.
const REPEATED: &str = "PIKOCI_TEST_REPEATED";

/// Runs before `main`, and so before the test harness makes threads: a nursery has none, and whoever forks one neither.
extern "C" fn become_another(count: c_int, arguments: *const *const c_char) {
    // SAFETY: the C library hands over the program's arguments.
    let command = (count >= 2).then(|| unsafe { CStr::from_ptr(*arguments.add(1)) });
    match command.map(CStr::to_bytes) {
        Some(NURSERY) => std::process::exit(nursery_main(0)),
        Some(FORKING) => {
            let nursery = fork_nursery().unwrap();
            crate::birth::play_forking_worker(nursery);
            std::process::exit(0);
        }
        Some(losses::REPLAY) => {
            let nursery = fork_nursery().unwrap();
            losses::play_replay(nursery);
            std::process::exit(0);
        }
        Some(other) if [unruly::CHAINS, unruly::THREADS].map(str::as_bytes).contains(&other) => {
            // The arguments behind the command, which the standard library does not know yet.
            let rest = (2..count).map(|at| {
                // SAFETY: the C library hands over the program's arguments.
                let argument = unsafe { CStr::from_ptr(*arguments.add(usize::try_from(at).unwrap())) };
                argument.to_str().unwrap().to_owned()
            });
            unruly::play(std::str::from_utf8(other).unwrap(), rest);
        }
        _ => {}
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn(c_int, *const *const c_char) = become_another;

/// Plays a worker that opens an item, runs what the scenario says, and waits to be killed.
#[tokio::test(flavor = "multi_thread")]
async fn worker() {
    if let Ok(directory) = std::env::var(WORKER) {
        crate::ending::play_worker(Path::new(&directory)).await;
    }
}

/// Without any right, and without control groups, everything holds as well.
#[test]
fn all_of_it_as_an_ordinary_user() {
    repeat("setpriv", &["--reuid=65534", "--regid=65534", "--clear-groups"]);
}

/// And so it does as process 1 of a container that has control groups of the first version only: there orphans that
/// nobody adopts come to this process.
#[test]
fn all_of_it_as_process_1_with_old_control_groups() {
    let unshare = ["--pid", "--fork", "--mount-proc", "--kill-child"];
    let may = Command::new("unshare").args(unshare).arg("true").stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("this machine allows no space of process numbers");
        return;
    }
    let script = "umount -a -t cgroup2 2>/dev/null; exec \"$0\"";
    repeat("unshare", &[&unshare[..], &["sh", "-c", script]].concat());
}

/// Runs all tests of this program once more, through another.
fn repeat(through: &str, arguments: &[&str]) {
    if !fixture::is_root() || std::env::var_os(REPEATED).is_some() {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new(through)
        .args(arguments)
        .arg(program)
        .env(REPEATED, "1")
        .current_dir("/")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

//! What this test program does when it is executed for another purpose than its tests.

use std::ffi::{CStr, c_char, c_int};
use std::path::Path;
use std::process::Command;

use pikoci_exec::nursery::{fork_nursery, nursery_main};

use crate::fixture;

pub const NURSERY: &[u8] = b"nursery-exec";
/// Plays a worker that forks its nursery, as `main` does.
pub const FORKING: &[u8] = b"forking-worker";
/// Set for an execution that plays a worker.
pub const WORKER: &str = "PIKOCI_TEST_WORKER";
/// Set for the execution as an ordinary user.
const ORDINARY: &str = "PIKOCI_TEST_ORDINARY";

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
    if !fixture::is_root() || std::env::var_os(ORDINARY).is_some() {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program)
        .env(ORDINARY, "1")
        .current_dir("/")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

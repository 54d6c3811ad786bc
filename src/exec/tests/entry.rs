//! What this test program does when it is executed for another purpose than its tests.

use std::ffi::{CStr, c_char, c_int};
use std::path::Path;
use std::process::Command;

use pikoci_exec::nursery::nursery_main;

use crate::fixture;

pub const NURSERY: &str = "nursery-exec";
/// Set for an execution that plays a worker.
pub const WORKER: &str = "PIKOCI_TEST_WORKER";
/// Set for the execution as an ordinary user.
const ORDINARY: &str = "PIKOCI_TEST_ORDINARY";

/// Runs before `main`, and so before the test harness makes threads: a nursery has none.
extern "C" fn become_nursery(count: c_int, arguments: *const *const c_char) {
    // SAFETY: the C library hands over the program's arguments.
    let command = (count == 2).then(|| unsafe { CStr::from_ptr(*arguments.add(1)) });
    if command.is_some_and(|command| command.to_bytes() == NURSERY.as_bytes()) {
        std::process::exit(nursery_main(0));
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn(c_int, *const *const c_char) = become_nursery;

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

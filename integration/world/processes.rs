//! What is alive: every process that carries a test's mark in its environment.

use std::{fs, process::Command, thread, time::Instant};

use super::{
    deadline::{LOOK_AGAIN, PATIENCE},
    program::MARK,
};

/// A process.
#[derive(Debug, Clone)]
pub struct Found {
    #[expect(dead_code, reason = "read by whoever looks at a failure")]
    pid: i32,
    pub command: String,
}

/// Which processes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kin {
    /// What builds and checks started.
    Work,
    /// The program's own too: server, worker, nursery, shims.
    All,
}

/// Living processes with this mark; those that have ended and are not reaped do not count.
pub fn alive(mark: &str, kin: Kin) -> Vec<Found> {
    let wanted = format!("{MARK}={mark}");
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        // Of an ended process there is nothing to be read.
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let carries = environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes());
        let command = arguments(pid).join(" ");
        let program = ["pikoci server", "pikoci worker"].iter().any(|own| command.contains(own));
        let own = program || command.starts_with("pikoci-");
        (carries && (kin == Kin::All || !own)).then_some(Found { pid, command })
    })
    .collect()
}

/// Waits until nothing with this mark is alive.
pub fn none_left(mark: &str, kin: Kin) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = alive(mark, kin);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "still alive: {left:?}");
        thread::sleep(LOOK_AGAIN);
    }
}

/// Kills every process of this name below an ancestor; gives how many they were.
pub fn kill_below(ancestor: i32, name: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_named =
        |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
    let is_below =
        |pid: &i32| std::iter::successors(Some(*pid), |pid| parent(*pid)).any(|pid| pid == ancestor);
    let found: Vec<i32> = pids.filter(is_named).filter(is_below).collect();
    // All at one moment: whoever does the work of one that is dead already would be hit in the middle of it.
    let killed = Command::new("kill").arg("-KILL").args(found.iter().map(i32::to_string)).status().unwrap();
    // Some may just have ended by themselves.
    if matches!(killed.code(), Some(0 | 64)) { found.len() } else { 0 }
}

fn parent(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// The arguments of a process; empty if it is gone.
pub fn arguments(pid: i32) -> Vec<String> {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    raw.split(|byte| *byte == 0)
        .filter(|a| !a.is_empty())
        .map(|a| String::from_utf8_lossy(a).into_owned())
        .collect()
}

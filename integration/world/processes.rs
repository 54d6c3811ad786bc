//! What is alive: every process that carries a test's mark in its environment.

use std::fs;

use super::{deadline::until, program::MARK};

/// A process.
#[derive(Debug, Clone)]
pub struct Found {
    pub pid: i32,
    pub command: String,
}

/// Living processes with this mark, without zombies, and without the program's own (server, nursery).
pub fn marked(mark: &str) -> Vec<Found> {
    let wanted = format!("{MARK}={mark}");
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let carries = environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes());
        let command = arguments(pid).join(" ");
        let own = command.contains("pikoci server") || command.starts_with("pikoci-");
        (carries && !own).then_some(Found { pid, command })
    })
    .collect()
}

/// Waits until nothing with this mark is alive.
pub fn none_left(mark: &str) {
    until(&format!("the end of all processes, alive: {:?}", marked(mark)), || {
        marked(mark).is_empty().then_some(())
    });
}

/// The arguments of a process; empty if it is gone.
pub fn arguments(pid: i32) -> Vec<String> {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    raw.split(|byte| *byte == 0)
        .filter(|a| !a.is_empty())
        .map(|a| String::from_utf8_lossy(a).into_owned())
        .collect()
}

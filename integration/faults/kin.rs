//! Whose process is whose.

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use crate::kernel::Held;

/// Killed processes are gone sooner.
const PATIENCE: Duration = Duration::from_secs(20);
/// The variable that marks everything that a server of the harness starts.
pub const MARK: &str = "PIKOCI_FAULTS_MARK";

/// How the processes of one yard are known.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The value of [`MARK`], and the name of the yard's control groups.
    pub name: String,
    /// The yard's control group, where there is one. Its processes cannot leave it by themselves.
    pub group: Option<PathBuf>,
}

impl Mark {
    /// Whether a process belongs to the yard.
    pub fn is_on(&self, pid: i32) -> bool {
        let in_group = || {
            // Of a process whose main thread has ended only the other threads are in a group.
            let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
            let groups =
                threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("cgroup")).ok());
            groups
                .into_iter()
                .any(|groups| groups.lines().any(|line| line.split('/').any(|part| part == self.name)))
        };
        let in_environment = || {
            let wanted = format!("{MARK}={}", self.name);
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
        };
        if self.group.is_some() { in_group() } else { in_environment() }
    }

    /// Living processes of the yard. The state letter misleads: one whose main thread has ended is alive.
    pub fn processes(&self) -> Vec<i32> {
        let alive = |pid: &i32| Held::open(*pid).is_some_and(|held| held.is_alive());
        all().into_iter().filter(|pid| self.is_on(*pid) && alive(pid)).collect()
    }

    /// Ends all of them at one moment, as far as that can be had; says whether none is left.
    ///
    /// Not by the group's own kill: some kernels then end whatever enters a newer group from an older one.
    pub fn kill_all(&self) -> bool {
        let freeze = |frozen: &str| {
            if let Some(group) = &self.group {
                // Without it some may escape the first look, not the next.
                let _ = fs::write(group.join("cgroup.freeze"), frozen);
            }
        };
        freeze("1");
        let deadline = Instant::now() + PATIENCE;
        let mut left = self.processes();
        while !left.is_empty() && Instant::now() < deadline {
            left.iter().filter_map(|pid| Held::open(*pid)).for_each(|process| process.signal(libc::SIGKILL));
            thread::sleep(Duration::from_millis(1));
            left = self.processes();
        }
        freeze("0");
        left.is_empty()
    }
}

/// All process numbers.
fn all() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The name of a process; empty if it is gone.
pub fn name(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// What a process was started with, for people.
pub fn command(pid: i32) -> String {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&raw).replace('\0', " ");
    format!("{pid} [{}] {}", name(pid), text.trim())
}

/// Whether somebody has stopped it.
pub fn is_stopped(pid: i32) -> bool {
    after_name(pid).is_some_and(|fields| fields.starts_with('T'))
}

/// A process's parent.
pub fn parent(pid: i32) -> Option<i32> {
    after_name(pid)?.split(' ').nth(1)?.parse().ok()
}

fn after_name(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.to_owned())
}

/// The nearest ancestor of this name.
pub fn ancestor(pid: i32, wanted: &str) -> Option<i32> {
    let chain = std::iter::successors(parent(pid), |pid| parent(*pid)).take_while(|pid| *pid > 1);
    chain.take(64).find(|pid| name(*pid) == wanted)
}

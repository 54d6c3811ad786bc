//! Children: which there are, how they ended, and that none is left.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpgid};

use crate::protocol::Exit;

/// What [`reap_any`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Reaped {
    /// A child had ended and is gone now.
    One(Pid, Exit),
    /// There are children and none has ended.
    Running,
    /// There is no child at all: the proof of emptiness.
    NoChild,
}

/// Takes away one child that has ended.
pub fn reap_any() -> Reaped {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return Reaped::Running,
            Ok(status) => {
                if let Some((pid, exit)) = ended(status) {
                    return Reaped::One(pid, exit);
                }
            }
            Err(Errno::EINTR) => {}
            Err(_) => return Reaped::NoChild,
        }
    }
}

/// How this child ended, if it has; it is left as it is, so that its number stays its own.
pub fn peek(child: Pid) -> Option<Exit> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    ended(waitid(Id::Pid(child), flags).ok()?).map(|(_, exit)| exit)
}

/// Lets a child of ours go on that somebody has stopped. It must not have been reaped: its number has to be its own.
pub fn resume(child: Pid) {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    if waitid(Id::Pid(child), flags).is_ok() {
        let _ = kill(child, Signal::SIGCONT);
    }
}

/// Takes away this child if it has ended.
pub fn reap(child: Pid) -> Option<Exit> {
    ended(waitpid(child, Some(WaitPidFlag::WNOHANG)).ok()?).map(|(_, exit)| exit)
}

fn ended(status: WaitStatus) -> Option<(Pid, Exit)> {
    match status {
        WaitStatus::Exited(pid, code) => Some((pid, Exit::Code(code))),
        WaitStatus::Signaled(pid, signal, _) => Some((pid, Exit::Signal(signal as i32))),
        _ => None,
    }
}

/// The unreaped children of this (single-threaded) process, zombies included. Their numbers cannot be given to anybody
/// else before this process reaps them, so they are safe to signal.
pub fn children() -> Vec<Pid> {
    match fs::read_to_string("/proc/thread-self/children") {
        Ok(list) => {
            list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
        }
        Err(_) => children_by_parent().unwrap_or_default(),
    }
}

/// The same for a kernel that keeps no list of children.
fn children_by_parent() -> io::Result<Vec<Pid>> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if super::status::stat_field(pid, super::status::PARENT) == Some(u64::from(own.unsigned_abs())) {
            found.push(Pid::from_raw(pid));
        }
    }
    Ok(found)
}

/// Sends KILL to every child. Called again for each that ends, until [`reap_any`] says there is none: what a killed
/// child leaves is handed to this process before the end of the child is told.
pub fn kill_children() {
    for child in children() {
        let _ = kill(child, Signal::SIGKILL);
    }
}

/// Whether a direct child other than the leader belongs to the leader's process group.
pub fn group_has_others(leader: Pid) -> bool {
    children()
        .into_iter()
        .any(|child| child != leader && getpgid(Some(child)) == Ok(leader) && peek(child).is_none())
}

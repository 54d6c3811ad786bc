//! Children: which there are, how they ended, and that none is left.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
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

/// So many are taken away in a row before anything else has its turn: chains of forks end as fast as they are reaped.
const IN_A_ROW: usize = 256;

/// What [`reap_some`] left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// There is no child at all: the proof of emptiness.
    NoChild,
    /// There are children and none has ended.
    Running,
    /// Others may have ended by now, of whom no signal tells any more: to be called again before any sleep.
    More,
}

/// Takes away some of the children that have ended.
pub fn reap_some(each: impl FnMut(Pid, Exit)) -> Left {
    reap_at_most(IN_A_ROW, each)
}

/// Takes away all of them: after [`let_children_go`] they become no more meanwhile, and as long as they are there each
/// look at the children goes past them.
pub fn reap_all(each: impl FnMut(Pid, Exit)) -> Left {
    reap_at_most(usize::MAX, each)
}

fn reap_at_most(most: usize, mut each: impl FnMut(Pid, Exit)) -> Left {
    for _ in 0..most {
        match reap_any() {
            Reaped::One(pid, exit) => each(pid, exit),
            Reaped::Running => return Left::Running,
            Reaped::NoChild => return Left::NoChild,
        }
    }
    Left::More
}

/// Takes away some of the children that have ended, but not this one, which lives as far as is known.
pub fn reap_some_but(living: Pid, mut each: impl FnMut(Pid, Exit)) -> Left {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    for _ in 0..IN_A_ROW {
        match waitid(Id::All, flags).ok().and_then(ended) {
            Some((pid, exit)) if pid != living => {
                reap(pid);
                each(pid, exit);
            }
            _ => return Left::Running,
        }
    }
    Left::More
}

/// From now on a child that ends is gone at once, without a signal: where they end faster than they can be taken away,
/// those that have ended would bury those that live. How they end is not known then, and their numbers are their own only
/// as long as they live: see [`kill_children_surely`].
pub fn let_children_go() {
    // SAFETY: no handler function is installed.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) };
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
    listed("/proc/thread-self/children").unwrap_or_else(|_| children_by_parent().unwrap_or_default())
}

fn listed(path: &str) -> io::Result<Vec<Pid>> {
    let list = fs::read_to_string(path)?;
    Ok(list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect())
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

/// Sends KILL to every child and what it has made. Called again for each that ends, until [`reap_any`] says there is
/// none: what a killed child leaves is handed to this process before the end of the child is told.
pub fn kill_children() {
    for child in children() {
        if peek(child).is_none() {
            let made = made_by(child, || true);
            let _ = kill(child, Signal::SIGKILL);
            made.iter().for_each(Handle::kill);
        }
    }
}

/// The same after [`let_children_go`]. A number may be another's by now, so each is held by a handle, through which only
/// a parent can wait.
pub fn kill_children_surely() {
    for child in children() {
        if let Some(held) = Handle::open(child).filter(Handle::is_living_child) {
            let made = made_by(child, || held.is_living_child());
            held.kill();
            made.iter().for_each(Handle::kill);
        }
    }
}

/// What a child has made and not yet left to this process. It is sent KILL with the child: the next link of a chain of
/// forks has its successor by the time it is left to anybody, so whoever only kills what was left to him is always too
/// late. Not before the child, which might say that it was killed, and end by itself.
///
/// The number of the child has to be its own as long as the child lives, which is asked after each parent was read.
fn made_by(child: Pid, lives: impl Fn() -> bool) -> Vec<Handle> {
    let held = |made: Pid| {
        let held = Handle::open(made)?;
        let parent = super::status::stat_field(made.as_raw(), super::status::PARENT);
        (parent == u64::try_from(child.as_raw()).ok() && lives()).then_some(held)
    };
    let made = listed(&format!("/proc/{child}/task/{child}/children")).unwrap_or_default();
    made.into_iter().filter_map(held).collect()
}

/// A process, whoever gets its number.
struct Handle(OwnedFd);

impl Handle {
    fn open(process: Pid) -> Option<Self> {
        // SAFETY: a system call with numbers; what it opens is owned here.
        let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, process.as_raw(), 0) };
        let handle = i32::try_from(opened).ok().filter(|handle| *handle >= 0)?;
        // SAFETY: it has just been opened, and nobody else has it.
        Some(Self(unsafe { OwnedFd::from_raw_fd(handle) }))
    }

    /// False if it is gone, or was never ours.
    fn is_living_child(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        waitid(Id::PIDFd(self.0.as_fd()), flags) == Ok(WaitStatus::StillAlive)
    }

    fn kill(&self) {
        let (signal, nothing) = (libc::SIGKILL, std::ptr::null::<u8>());
        // SAFETY: a system call with an open descriptor and no memory. What is gone needs no signal.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), signal, nothing, 0) };
    }
}

/// Whether a direct child other than the leader belongs to the leader's process group.
pub fn group_has_others(leader: Pid) -> bool {
    children()
        .into_iter()
        .any(|child| child != leader && getpgid(Some(child)) == Ok(leader) && peek(child).is_none())
}

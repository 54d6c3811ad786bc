//! A process that cannot be taken for another with the same number.

use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};

use crate::sys::status::{START_TIME, stat_field};

/// See the module. Means something in one life of a host and one space of process numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLife {
    /// Its number.
    pub pid: i32,
    /// When it began, in the kernel's ticks since the host's start; 0 if that could not be read.
    pub since: u64,
}

impl ProcessLife {
    /// Of a process that lives.
    pub fn of(pid: i32) -> Self {
        Self { pid, since: stat_field(pid, START_TIME).unwrap_or(0) }
    }

    /// Of this process.
    pub fn own() -> Self {
        Self::of(nix::unistd::getpid().as_raw())
    }

    /// Whether it lives. One that has ended and that nobody has taken away yet is still listed, with its number and its
    /// beginning.
    pub fn is_alive(self) -> bool {
        let handle = open_process(self.pid);
        let same = stat_field(self.pid, START_TIME) == Some(self.since);
        handle.is_some_and(|handle| {
            let mut ended = [PollFd::new(handle.as_fd(), PollFlags::POLLIN)];
            same && matches!(poll(&mut ended, PollTimeout::ZERO), Ok(0))
        })
    }
}

/// A handle that cannot come to mean another process.
pub(crate) fn open_process(pid: i32) -> Option<OwnedFd> {
    // SAFETY: a system call without memory.
    let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let raw = i32::try_from(raw).ok().filter(|raw| *raw >= 0)?;
    // SAFETY: the kernel has just made this descriptor.
    Some(unsafe { OwnedFd::from_raw_fd(raw) })
}

//! What a dead shim left where nobody waits for it: the reapers of its services, which keep what they keep until they are
//! told. They are known by their session, which is the dead shim's, and told through a handle that cannot mean another
//! process.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::off_thread::off_thread;
use crate::journal::ShimLife;
use crate::sys::status::{START_TIME, stat_field};

/// Field of the session in `/proc/PID/stat`.
const SESSION: usize = 6;
const REAPER: &str = "pikoci-reaper";
/// What a reaper needs to end what it keeps; one that is stuck is left.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells every reaper of the dead shim to end what it keeps, and waits for their end.
pub async fn clear(shim: ShimLife) {
    off_thread("orphans", move || clear_now(shim)).await;
}

fn clear_now(shim: ShimLife) {
    if shim.pid <= 1 || lives(shim) {
        return;
    }
    let told: Vec<OwnedFd> = processes().filter_map(|pid| tell(pid, shim.pid)).collect();
    for reaper in &told {
        let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
        let _ = poll(&mut [PollFd::new(reaper.as_fd(), PollFlags::POLLIN)], patience);
    }
}

/// One that has ended and that nobody has taken away yet is still listed, with its number and its beginning.
fn lives(shim: ShimLife) -> bool {
    let handle = open(shim.pid);
    let same = stat_field(shim.pid, START_TIME) == Some(shim.since);
    handle.is_some_and(|handle| {
        let mut ended = [PollFd::new(handle.as_fd(), PollFlags::POLLIN)];
        same && matches!(poll(&mut ended, PollTimeout::ZERO), Ok(0))
    })
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Looked at, opened, and looked at again: what is told is what was looked at.
fn tell(pid: i32, session: i32) -> Option<OwnedFd> {
    let is_reaper = || -> Option<u64> {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        let of_session = stat_field(pid, SESSION)? == u64::try_from(session).ok()?;
        stat_field(pid, START_TIME).filter(|_| of_session && name.trim_end() == REAPER)
    };
    let before = is_reaper()?;
    let handle = open(pid)?;
    (is_reaper()? == before).then_some(())?;
    // SAFETY: a system call with an open descriptor and no memory.
    let told = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            handle.as_raw_fd(),
            libc::SIGUSR2,
            std::ptr::null::<u8>(),
            0,
        )
    };
    (told == 0).then_some(handle)
}

fn open(pid: i32) -> Option<OwnedFd> {
    // SAFETY: a system call without memory.
    let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let raw = i32::try_from(raw).ok().filter(|raw| *raw >= 0)?;
    // SAFETY: the kernel has just made this descriptor.
    Some(unsafe { OwnedFd::from_raw_fd(raw) })
}

//! What a dead shim left where nobody waits for it: the reapers of its services, which keep what they keep until they are
//! told. They are known by their session, which is the dead shim's, and told through a handle that cannot mean another
//! process.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::off_thread::off_thread;
use crate::journal::{ProcessLife, open_process};
use crate::sys::status::{START_TIME, stat_field};

/// Field of the session in `/proc/PID/stat`.
const SESSION: usize = 6;
const REAPER: &str = "pikoci-reaper";
/// What a reaper needs to end what it keeps; one that is stuck is left.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells every reaper of the dead shim to end what it keeps, and waits for their end.
pub async fn clear(shim: ProcessLife) {
    off_thread("orphans", move || clear_now(shim)).await;
}

fn clear_now(shim: ProcessLife) {
    if shim.pid <= 1 || shim.is_alive() {
        return;
    }
    let told: Vec<OwnedFd> = processes().filter_map(|pid| tell(pid, shim.pid)).collect();
    for reaper in &told {
        let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
        let _ = poll(&mut [PollFd::new(reaper.as_fd(), PollFlags::POLLIN)], patience);
    }
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
    let handle = open_process(pid)?;
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

//! Waiting for processes to be gone, without looking again and again.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::{Duration, Instant},
};

use crate::Fallible;

/// A process that is watched: readable when it has ended.
pub struct Watched(OwnedFd);

/// Begins to watch a process.
pub fn watch(pid: u32) -> io::Result<Watched> {
    // SAFETY: no memory is handed over; the answer is checked before it is used as a descriptor.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(fd).unwrap_or(-1);
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given it to us, and nobody else knows it.
    Ok(Watched(unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// Asks a process to end.
pub fn terminate(process: &Watched) -> io::Result<()> {
    let none: *const libc::siginfo_t = std::ptr::null();
    // SAFETY: the descriptor is open, and no memory is handed over.
    let sent =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.0.as_raw_fd(), libc::SIGTERM, none, 0) };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Waits until all of them have ended; says when the last one did.
pub fn wait(processes: &[Watched], patience: Duration) -> Fallible<Instant> {
    let deadline = Instant::now() + patience;
    for process in processes {
        let mut watched = libc::pollfd { fd: process.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).as_millis();
            // SAFETY: one descriptor that is open, and the memory of one `pollfd`.
            let ready = unsafe { libc::poll(&raw mut watched, 1, i32::try_from(left).unwrap_or(i32::MAX)) };
            match ready {
                1 => break,
                0 => return Err(format!("a process is still there after {patience:?}").into()),
                _ => {}
            }
        }
    }
    Ok(Instant::now())
}

//! Open descriptors: which stay, where they stand.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::sys::stat::Mode;

/// Above every number that a command is handed a file at; sources are moved here before they are put in place, so that
/// putting one in place never overwrites another.
const OUT_OF_THE_WAY: RawFd = 512;

/// Closes every descriptor but these and the three standard ones.
pub fn close_all_but(kept: &[BorrowedFd<'_>]) {
    let mut kept: Vec<u32> = kept.iter().filter_map(|fd| u32::try_from(fd.as_raw_fd()).ok()).collect();
    kept.sort_unstable();
    let mut from = 3;
    for fd in kept.into_iter().filter(|fd| *fd >= 3) {
        close_range(from, fd.saturating_sub(1));
        from = fd + 1;
    }
    close_range(from, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    if first <= last {
        // SAFETY: called only by a process that has just been born and owns none of what is closed.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    }
}

/// The standard three become the null device: nothing of the worker's stays open here, whoever reads its output must
/// see its end.
pub fn standard_to_null() -> io::Result<()> {
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    for target in 0..=2 {
        put_at(null.as_fd(), target)?;
    }
    Ok(())
}

/// A second descriptor of the same thing, with a number nobody asks for, closed by `exec`.
pub fn out_of_the_way(source: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let raw = fcntl(source, FcntlArg::F_DUPFD_CLOEXEC(OUT_OF_THE_WAY))?;
    // SAFETY: the call has just made this descriptor.
    Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(raw) })
}

/// Puts `source` at the number `target`, where it survives `exec`.
pub fn put_at(source: BorrowedFd<'_>, target: RawFd) -> io::Result<()> {
    if source.as_raw_fd() == target {
        fcntl(source, FcntlArg::F_SETFD(FdFlag::empty()))?;
        return Ok(());
    }
    // SAFETY: whoever calls owns this number: a process before `exec`, or one that has just been born.
    if unsafe { libc::dup2(source.as_raw_fd(), target) } < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// A pipe, both ends closed by `exec`.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(nix::unistd::pipe2(OFlag::O_CLOEXEC)?)
}

/// Reading from or writing to this never waits.
pub fn never_wait(descriptor: impl AsFd) -> io::Result<()> {
    fcntl(descriptor.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

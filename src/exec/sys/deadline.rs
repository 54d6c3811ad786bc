//! Waiting for descriptors with a deadline.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How long `poll` may sleep; rounded up to its milliseconds, so that the deadline has passed when it returns.
pub fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else { return PollTimeout::NONE };
    let left = until.saturating_duration_since(Instant::now());
    let rounded_up = left + Duration::from_micros(999);
    PollTimeout::try_from(rounded_up).unwrap_or(PollTimeout::MAX)
}

/// Whether there is something to read, or the end.
pub fn readable(descriptor: BorrowedFd<'_>) -> bool {
    let mut watched = [PollFd::new(descriptor, PollFlags::POLLIN)];
    matches!(poll(&mut watched, PollTimeout::ZERO), Ok(found) if found > 0)
}

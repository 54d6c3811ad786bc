//! Waiting for descriptors with a deadline.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

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

/// Kills this process unless it has become another program by then: `exec` takes the timer away. If there is none to be
/// had, it waits as long as it has to.
pub fn die_unless_executed_within(limit: Duration) {
    let kill = SigEvent::new(SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 });
    if let Ok(mut timer) = Timer::new(ClockId::CLOCK_MONOTONIC, kill) {
        let _ = timer.set(Expiration::OneShot(limit.into()), TimerSetTimeFlags::empty());
        std::mem::forget(timer);
    }
}

//! The clock of leases. It goes on while the machine sleeps, which the clock behind `poll` and `Instant` does not.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::clock_gettime;

/// Now, since boot.
pub fn now() -> Duration {
    // The clock is there on every kernel that this program runs on; without it every lease would be over.
    clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).map_or(Duration::MAX, Duration::from)
}

/// Wakes a sleeper at one moment.
pub struct Alarm {
    moment: Duration,
    /// None when the system has no descriptor left: then the moment is found by the other clock, late by the sleep of the
    /// machine.
    timer: Option<TimerFd>,
}

impl Alarm {
    pub fn at(moment: Duration) -> Self {
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, flags).ok();
        let mut alarm = Self { moment, timer };
        alarm.set(moment);
        alarm
    }

    /// Another moment, instead of the one before.
    pub fn set(&mut self, moment: Duration) {
        self.moment = moment;
        if let Some(timer) = &self.timer {
            let expiration = Expiration::OneShot(TimeSpec::from(moment.max(Duration::from_nanos(1))));
            if timer.set(expiration, TimerSetTimeFlags::TFD_TIMER_ABSTIME).is_err() {
                self.timer = None;
            }
        }
    }

    /// Whether the moment has come.
    pub fn is_due(&self) -> bool {
        now() >= self.moment
    }

    /// Readable from that moment on.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.timer.as_ref().map(AsFd::as_fd)
    }

    /// When to look, where there is no descriptor.
    pub fn deadline(&self) -> Option<Instant> {
        self.timer.is_none().then(|| Instant::now() + self.moment.saturating_sub(now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::deadline::readable;

    #[test]
    fn an_alarm_becomes_readable_at_its_moment_and_quiet_when_it_is_put_off() {
        let mut alarm = Alarm::at(Duration::ZERO);
        assert!(alarm.is_due() && readable(alarm.descriptor().unwrap()));
        alarm.set(now() + Duration::from_secs(3600));
        assert!(!alarm.is_due() && !readable(alarm.descriptor().unwrap()));
        assert!(alarm.deadline().is_none());
    }
}

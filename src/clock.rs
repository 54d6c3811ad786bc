//! The system clock: the one place where the machine's time is read.

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use nix::time::{ClockId, clock_gettime};
use pikoci_model::port::{Clock, Monotonic};

/// Reads the machine's clocks. Its monotonic time is the kernel's since boot, sleep included: the same for all
/// processes of the host, so that a moment of it can be handed to another.
#[derive(Clone, Copy, Default)]
pub struct SystemClock {
    ahead: TimeDelta,
}

impl SystemClock {
    /// The machine's clocks.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a wall clock that is wrong by so much.
    pub fn ahead(ahead: TimeDelta) -> Self {
        Self { ahead }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the system clock")]
    fn now(&self) -> DateTime<Utc> {
        let now = Utc::now() + self.ahead;
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    fn monotonic(&self) -> Monotonic {
        // Linux has had this clock since 2.6.39; a kernel without it refuses nothing else either.
        clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
    }
}

//! The system clock: the one place where the machine's time is read.

use std::time::Instant;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use pikoci_model::port::{Clock, Monotonic};

/// Reads the machine's clocks.
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts counting.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the system clock")]
    fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    fn monotonic(&self) -> Monotonic {
        self.start.elapsed()
    }
}

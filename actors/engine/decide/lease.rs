//! Whether a worker counts as alive: by its renewal counter, seen on our own monotonic clock, never by a wall clock.

use std::time::Duration;

use pikoci_model::port::{LeaseEnd, Monotonic};
use pikoci_model::worker::WorkerState;

/// The times that decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    /// How long a renewal holds.
    pub lease: Duration,
    /// How often a worker renews.
    pub renew_every: Duration,
    /// Shown as silent after this.
    pub silent_after: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(90),
            renew_every: Duration::from_secs(5),
            silent_after: Duration::from_secs(15),
        }
    }
}

/// A lease ends this much after the worker believes it does: clocks drift, messages travel.
const MARGIN: Duration = Duration::from_secs(2);

/// Before the end of a worker's own lease: steps get TERM, and KILL.
const TERM_BEFORE: Duration = Duration::from_secs(8);
const KILL_BEFORE: Duration = Duration::from_secs(4);

/// When what a worker runs must end if its lease, of this length, is over at `until`: early enough that nothing of it
/// is alive when somebody else may run it. Short leases have shorter margins.
#[must_use]
pub fn end_of_lease(until: Monotonic, length: Duration) -> LeaseEnd {
    LeaseEnd {
        term_at: until.saturating_sub(TERM_BEFORE.min(length / 4)),
        kill_at: until.saturating_sub(KILL_BEFORE.min(length / 8)),
    }
}

/// What is known of a worker's renewals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// The highest renewal number seen.
    pub counter: u64,
    /// When it was seen first, or when patience began anew.
    pub since: Monotonic,
    /// It takes no new work.
    pub draining: bool,
}

impl Pulse {
    /// Takes note of a renewal. Repeated and late ones change nothing.
    pub fn beat(&mut self, counter: u64, now: Monotonic) {
        if counter > self.counter {
            (self.counter, self.since) = (counter, now);
        }
    }

    /// Where the worker stands: lost only when the counter stood still for the whole lease and the margin.
    pub fn judge(&self, times: &LeaseTimes, now: Monotonic) -> WorkerState {
        let still = now.saturating_sub(self.since);
        if still >= times.lease + MARGIN {
            WorkerState::Lost
        } else if still >= times.silent_after {
            WorkerState::Silent
        } else if self.draining {
            WorkerState::Draining
        } else {
            WorkerState::Online
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_end_before_the_lease_does() {
        let second = Duration::from_secs;
        let ends = |until, length| {
            let end = end_of_lease(second(until), second(length));
            (end.term_at.as_secs_f32(), end.kill_at.as_secs_f32())
        };
        assert_eq!(ends(100, 90), (92.0, 96.0));
        assert_eq!(ends(100, 16), (96.0, 98.0));
        assert_eq!(ends(2, 90), (0.0, 0.0));
    }

    #[test]
    fn a_worker_is_lost_after_lease_and_margin_on_our_clock() {
        let (times, second) = (LeaseTimes::default(), Duration::from_secs);
        let mut pulse = Pulse { counter: 7, since: second(100), draining: false };
        pulse.beat(6, second(150));
        pulse.beat(7, second(150));
        let cases = [
            (100, WorkerState::Online),
            (114, WorkerState::Online),
            (115, WorkerState::Silent),
            (191, WorkerState::Silent),
            (192, WorkerState::Lost),
            (50, WorkerState::Online),
        ];
        for (now, expected) in cases {
            assert_eq!(pulse.judge(&times, second(now)), expected, "{now}");
        }
        pulse.beat(8, second(191));
        assert_eq!(pulse.judge(&times, second(192)), WorkerState::Online);
        pulse.draining = true;
        assert_eq!(pulse.judge(&times, second(192)), WorkerState::Draining);
    }
}

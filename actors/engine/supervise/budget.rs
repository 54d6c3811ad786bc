//! How often and how fast an actor may be rebuilt: a pure decision.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// At most `restarts` rebuilds within `within`: the first at once, before the others a pause that doubles from `first` up
/// to `longest`.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Rebuilds allowed inside the window.
    pub restarts: usize,
    /// Length of the sliding window.
    pub within: Duration,
    /// Pause before the second rebuild of a window.
    pub first: Duration,
    /// Longest pause.
    pub longest: Duration,
}

impl Default for Budget {
    /// Ten rebuilds a minute, pauses from 10 ms to 5 s: a single fault is not noticed, a loop of faults is
    /// escalated within about 10 s.
    fn default() -> Self {
        Budget {
            restarts: 10,
            within: Duration::from_secs(60),
            first: Duration::from_millis(10),
            longest: Duration::from_secs(5),
        }
    }
}

/// What to do about a fault.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Rebuild { after: Duration },
    GiveUp,
}

/// The faults of one actor inside its window.
#[derive(Debug, Default)]
pub(super) struct Faults {
    at: VecDeque<Instant>,
}

impl Faults {
    /// Records a fault at `now` and decides.
    pub(super) fn record(&mut self, budget: &Budget, now: Instant) -> Verdict {
        while self.at.front().is_some_and(|at| now.duration_since(*at) > budget.within) {
            self.at.pop_front();
        }
        if self.at.len() >= budget.restarts {
            return Verdict::GiveUp;
        }
        let after = match u32::try_from(self.at.len()).unwrap_or(u32::MAX).min(31) {
            0 => Duration::ZERO,
            earlier => budget.first.saturating_mul(1 << (earlier - 1)).min(budget.longest),
        };
        self.at.push_back(now);
        Verdict::Rebuild { after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_at_once_pauses_double_then_the_budget_ends_and_the_window_slides() {
        let budget = Budget {
            restarts: 4,
            within: Duration::from_secs(10),
            first: Duration::from_secs(1),
            longest: Duration::from_secs(3),
        };
        let (mut faults, start) = (Faults::default(), Instant::now());
        let pause = |seconds| Verdict::Rebuild { after: Duration::from_secs(seconds) };
        assert_eq!(faults.record(&budget, start), pause(0));
        assert_eq!(faults.record(&budget, start), pause(1));
        assert_eq!(faults.record(&budget, start), pause(2));
        assert_eq!(faults.record(&budget, start), pause(3));
        assert_eq!(faults.record(&budget, start), Verdict::GiveUp);
        assert_eq!(faults.record(&budget, start + Duration::from_secs(11)), pause(0));
    }
}

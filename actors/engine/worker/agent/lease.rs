//! The worker's own view of its lease: it runs from when a renewal was *sent*, once that renewal is acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use pikoci_model::port::{LeaseEnd, Monotonic};

use crate::decide::lease::end_of_lease;

/// Renewals whose acknowledgement may still come.
const REMEMBERED: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Lease {
    length: Duration,
    counter: u64,
    sent: VecDeque<(u64, Monotonic)>,
    until: Option<Monotonic>,
    /// It was over, and no other has begun.
    lost: bool,
}

impl Lease {
    pub(super) fn new(length: Duration) -> Self {
        Lease { length, counter: 0, sent: VecDeque::new(), until: None, lost: false }
    }

    /// The server said how long a renewal holds.
    pub(super) fn set_length(&mut self, length: Duration) {
        self.length = length;
    }

    /// A renewal leaves now; gives its number.
    pub(super) fn renewal(&mut self, now: Monotonic) -> u64 {
        self.counter += 1;
        self.sent.push_back((self.counter, now));
        if self.sent.len() > REMEMBERED {
            self.sent.pop_front();
        }
        self.counter
    }

    /// A server took the worker in, which had announced itself at `sent`: that begins the first lease. A lease that
    /// runs is made longer by renewals only.
    pub(super) fn taken_in(&mut self, sent: Monotonic) -> Option<LeaseEnd> {
        self.until = self.until.or(sent.checked_add(self.length));
        self.lost = false;
        self.end()
    }

    /// Renewal `counter` counts. Gives the moments at which the builds must end unless another one counts.
    pub(super) fn acknowledged(&mut self, counter: u64) -> Option<LeaseEnd> {
        let (_, sent) = *self.sent.iter().find(|(number, _)| *number == counter)?;
        self.sent.retain(|(number, _)| *number > counter);
        self.until = self.until.max(sent.checked_add(self.length));
        self.lost = false;
        self.end()
    }

    /// Whether the builds must have ended by now. Timers stand still while a machine sleeps, the clock does not.
    pub(super) fn is_over(&self, now: Monotonic) -> bool {
        self.end().is_some_and(|end| end.term_at <= now)
    }

    /// Whether something may begin: it would not have to end soon, unless another renewal counts. With a lease that is
    /// lost, or one that began with an announcement that arrived late, nothing lives long enough to be worth a run.
    pub(super) fn is_fresh(&self, now: Monotonic) -> bool {
        let rest = self.length / 4;
        !self.lost && self.end().is_none_or(|end| now.saturating_add(rest) < end.term_at)
    }

    /// None while there is no lease, and for one that never ends.
    fn end(&self) -> Option<LeaseEnd> {
        self.until.map(|until| end_of_lease(until, self.length))
    }

    /// Nothing holds any more: the next lease begins with the next acknowledged renewal.
    pub(super) fn forget(&mut self) {
        self.until = None;
        self.lost = true;
        self.sent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lease_counts_from_when_the_acknowledged_renewal_was_sent() {
        let seconds = Duration::from_secs;
        let ends = |until: u64| Some(LeaseEnd { term_at: seconds(until - 8), kill_at: seconds(until - 4) });
        let mut lease = Lease::new(seconds(90));
        assert_eq!(lease.end(), None);
        assert_eq!(lease.taken_in(seconds(2)), ends(92));
        assert_eq!(lease.taken_in(seconds(9)), ends(92));
        let first = lease.renewal(seconds(10));
        let second = lease.renewal(seconds(15));
        assert_eq!(lease.acknowledged(second), ends(105));
        assert_eq!(lease.acknowledged(first), None);
        assert_eq!(lease.acknowledged(99), None);
        assert_eq!(lease.end(), ends(105));
        lease.forget();
        assert_eq!((lease.end(), lease.acknowledged(second)), (None, None));
        assert!(!lease.is_over(seconds(500)), "there is none");
        let third = lease.renewal(seconds(510));
        lease.acknowledged(third);
        assert!(!lease.is_over(seconds(591)) && lease.is_over(seconds(592)));
        let mut endless = Lease::new(Duration::MAX);
        assert_eq!(endless.taken_in(seconds(2)), None);
        let counter = endless.renewal(seconds(3));
        assert_eq!(endless.acknowledged(counter), None);
    }

    #[test]
    fn nothing_begins_in_a_lease_that_is_lost_or_ends_soon() {
        let seconds = |seconds| Monotonic::ZERO + Duration::from_secs(seconds);
        let mut lease = Lease::new(Duration::from_secs(15));
        assert!(lease.is_fresh(seconds(0)), "no server has said anything yet");
        lease.taken_in(seconds(100));
        assert!(lease.is_fresh(seconds(105)));
        assert!(!lease.is_fresh(seconds(108)), "its builds would have to end three seconds later");
        lease.forget();
        assert!(!lease.is_fresh(seconds(109)));
        let renewal = lease.renewal(seconds(110));
        assert!(!lease.is_fresh(seconds(110)), "not acknowledged");
        lease.acknowledged(renewal);
        assert!(lease.is_fresh(seconds(111)));
    }
}

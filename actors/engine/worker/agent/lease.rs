//! The worker's own view of its lease: it runs from when a renewal was *sent*, once that renewal is acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use pikoci_model::port::Monotonic;

/// A worker that cannot renew ends its builds this long before the lease can be given to another.
const MARGIN: Duration = Duration::from_secs(8);
/// Renewals whose acknowledgement may still come.
const REMEMBERED: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Lease {
    length: Duration,
    counter: u64,
    sent: VecDeque<(u64, Monotonic)>,
    until: Option<Monotonic>,
}

impl Lease {
    pub(super) fn new(length: Duration) -> Self {
        Lease { length, counter: 0, sent: VecDeque::new(), until: None }
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
    pub(super) fn taken_in(&mut self, sent: Monotonic) -> Option<Monotonic> {
        self.until.get_or_insert(sent + self.length);
        self.fence_at()
    }

    /// Renewal `counter` counts. Gives the moment at which the builds must end unless another one counts.
    pub(super) fn acknowledged(&mut self, counter: u64) -> Option<Monotonic> {
        let (_, sent) = *self.sent.iter().find(|(number, _)| *number == counter)?;
        self.sent.retain(|(number, _)| *number > counter);
        self.until = self.until.max(Some(sent + self.length));
        self.fence_at()
    }

    fn fence_at(&self) -> Option<Monotonic> {
        self.until.map(|until| until.saturating_sub(MARGIN.min(self.length / 4)))
    }

    /// Nothing holds any more: the next lease begins with the next acknowledged renewal.
    pub(super) fn forget(&mut self) {
        self.until = None;
        self.sent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lease_counts_from_when_the_acknowledged_renewal_was_sent() {
        let seconds = Duration::from_secs;
        let mut lease = Lease::new(seconds(90));
        assert_eq!(lease.fence_at(), None);
        assert_eq!(lease.taken_in(seconds(2)), Some(seconds(2 + 90 - 8)));
        assert_eq!(lease.taken_in(seconds(9)), Some(seconds(2 + 90 - 8)));
        let first = lease.renewal(seconds(10));
        let second = lease.renewal(seconds(15));
        assert_eq!(lease.acknowledged(second), Some(seconds(15 + 90 - 8)));
        assert_eq!(lease.acknowledged(first), None);
        assert_eq!(lease.acknowledged(99), None);
        assert_eq!(lease.fence_at(), Some(seconds(97)));
        lease.forget();
        assert_eq!((lease.fence_at(), lease.acknowledged(second)), (None, None));
    }
}

//! The item's deadline: a worker that is stopped, hung or cut off cannot let its steps live beyond its lease.

use std::time::Duration;

use super::serve::Shim;
use crate::protocol::{Lease, Task};
use crate::sys::boottime::{self, Alarm};

/// The reapers of steps hold the lease by themselves this much later, in case the shim does not run.
const REAPERS_LATER: Duration = Duration::from_secs(1);

/// A lease, watched.
pub struct Deadline {
    lease: Lease,
    steps_asked: bool,
    pub alarm: Alarm,
}

/// What a moment of the lease asks for.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    /// Steps are asked to end, and have this long.
    AskSteps(Duration),
    EndItem,
}

impl Deadline {
    pub fn new(lease: Lease) -> Self {
        Self { lease, steps_asked: false, alarm: Alarm::at(lease.term_at) }
    }

    fn renew(&mut self, lease: Lease) {
        self.lease = lease;
        self.steps_asked = false;
        self.alarm.set(lease.term_at);
    }

    fn look(&mut self, now: Duration) -> Due {
        if now >= self.lease.kill_at {
            return Due::EndItem;
        }
        if now < self.lease.term_at || self.steps_asked {
            return Due::Nothing;
        }
        self.steps_asked = true;
        self.alarm.set(self.lease.kill_at);
        Due::AskSteps(self.lease.kill_at.saturating_sub(now))
    }

    fn for_reapers(&self) -> Duration {
        self.lease.kill_at + REAPERS_LATER
    }
}

impl Shim {
    /// Looked at first after any sleep: what was sent meanwhile comes too late if the lease is over.
    pub(super) fn look_at_lease(&mut self) {
        let due = self.deadline.as_mut().map_or(Due::Nothing, |deadline| deadline.look(boottime::now()));
        match due {
            Due::Nothing => {}
            Due::AskSteps(grace) => self.tell_steps(&Task::End { grace }),
            Due::EndItem => {
                self.deadline = None;
                self.lease_lost = true;
                self.begin_ending();
            }
        }
    }

    pub(super) fn renew(&mut self, lease: Lease) {
        if self.ending.is_some() {
            return;
        }
        match &mut self.deadline {
            Some(deadline) => deadline.renew(lease),
            None => self.deadline = Some(Deadline::new(lease)),
        }
        if let Some(kill_at) = self.steps_killed_at() {
            self.tell_steps(&Task::Lease { kill_at });
        }
    }

    /// When the reapers of steps end them by themselves.
    pub(super) fn steps_killed_at(&self) -> Option<Duration> {
        self.deadline.as_ref().map(Deadline::for_reapers)
    }

    /// Whether steps are being asked to end because the lease is nearly over.
    pub(super) fn lease_ends(&self) -> bool {
        self.deadline.as_ref().is_some_and(|deadline| deadline.steps_asked)
    }

    pub(super) fn tell_steps(&self, task: &Task) {
        let steps = self.units.values().filter(|unit| unit.service.is_none());
        for keeper in steps.filter_map(|unit| unit.keeper.as_ref()) {
            keeper.tell(task);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_asked_once_and_the_end_comes_at_its_moment() {
        let seconds = Duration::from_secs;
        let lease = |term_at, kill_at| Lease { term_at: seconds(term_at), kill_at: seconds(kill_at) };
        let mut deadline = Deadline::new(lease(10, 14));
        assert_eq!(deadline.look(seconds(9)), Due::Nothing);
        assert_eq!(deadline.look(seconds(11)), Due::AskSteps(seconds(3)));
        assert_eq!(deadline.look(seconds(12)), Due::Nothing);
        deadline.renew(lease(20, 24));
        assert_eq!(deadline.look(seconds(14)), Due::Nothing);
        assert_eq!(deadline.look(seconds(20)), Due::AskSteps(seconds(4)));
        assert_eq!(deadline.look(seconds(24)), Due::EndItem);
        assert_eq!(Deadline::new(lease(10, 14)).look(seconds(90)), Due::EndItem);
    }
}

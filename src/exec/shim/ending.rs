//! The end of the item: steps first, then the stops, group by group, then whatever is left.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::lifecycle::Input;
use super::serve::{LOOK_AGAIN, Shim};
use super::unit::Unit;
use crate::protocol::{Event, NO_UNIT, Task, UnitId};
use crate::reaper::Patience;
use crate::sys::wait::{self, Left};

/// The stops begin as soon as the steps are gone, and at the latest after this time.
const STEPS_FIRST: Duration = Duration::from_millis(200);

/// How far the end of the item has come.
pub struct Ending {
    since: Instant,
    pub steps_ended: bool,
    /// After this no stop is tried any more.
    budget_until: Instant,
    /// With the strays, once nothing else is left.
    patience: Patience,
}

impl Ending {
    fn begin(now: Instant, stop_budget: Duration) -> Self {
        let budget_until = now + stop_budget;
        Self { since: now, steps_ended: false, budget_until, patience: Patience::default() }
    }

    /// When it has to be looked at again.
    pub fn deadlines(&self, now: Instant, no_units: bool) -> impl Iterator<Item = Instant> {
        let steps = (!self.steps_ended).then_some(self.since + STEPS_FIRST);
        let strays = (self.steps_ended && no_units).then_some(now + LOOK_AGAIN);
        let budget = (self.budget_until > now).then_some(self.budget_until);
        [steps, strays, budget].into_iter().flatten()
    }
}

impl Shim {
    pub(super) fn lose_worker(&mut self) {
        self.worker_lost = true;
        self.outbox.clear();
        self.begin_ending();
    }

    /// Kills every step at once: a second attempt elsewhere must never meet a living step of this one.
    pub(super) fn begin_ending(&mut self) {
        if self.ending.is_some() {
            return;
        }
        let now = Instant::now();
        self.ending = Some(Ending::begin(now, self.hatch.stop_budget));
        self.ready = None;
        self.deadline = None;
        self.tell_steps(&Task::Clear);
        if let Some(groups) = &self.groups {
            groups.kill_steps();
        }
    }

    /// Goes on with the end, and says whether nothing is left.
    pub(super) fn end_is_complete(&mut self) -> bool {
        let now = Instant::now();
        let steps_gone = self.units.values().all(|unit| unit.service.is_some());
        let Some(ending) = &mut self.ending else { return false };
        ending.steps_ended |= steps_gone || now >= ending.since + STEPS_FIRST;
        if !ending.steps_ended {
            return false;
        }
        let out_of_time = now >= ending.budget_until;
        self.stop_next_group(out_of_time);
        if !self.units.is_empty() {
            return false;
        }
        if let Some(groups) = self.groups.as_ref().filter(|groups| groups.populated()) {
            groups.kill_all();
            self.tell_stuck_strays(now);
            return false;
        }
        let empty = self.reap() == Left::NoChild;
        if !empty {
            self.tell_stuck_strays(now);
        }
        empty
    }

    /// What is left now belongs to no unit.
    fn tell_stuck_strays(&mut self, now: Instant) {
        let Some(ending) = &mut self.ending else { return };
        ending.patience.begin_once(now);
        let cleaners = &self.cleaners;
        let strays = || wait::children().into_iter().filter(|child| !cleaners.contains(child)).collect();
        if let Some(processes) = ending.patience.lost(now, strays) {
            self.say(Event::Stuck { unit: NO_UNIT, processes });
        }
    }

    fn stop_next_group(&mut self, out_of_time: bool) {
        let services = self.units.values().filter_map(|unit| unit.service.as_ref());
        let services =
            services.map(|service| (service.plan.group, service.life.waits_for_second() || service.stuck));
        let Some(highest) = next_group(services) else { return };
        let of_group =
            |unit: &Unit| unit.service.as_ref().is_some_and(|service| service.plan.group == highest);
        let next: Vec<UnitId> =
            self.units.iter().filter(|(_, unit)| of_group(unit)).map(|(unit, _)| *unit).collect();
        for unit in next {
            self.drive(unit, if out_of_time { Input::GiveUp } else { Input::Stop { grace: Duration::ZERO } });
        }
    }

    /// Kills children that are nobody's: what a killed reaper kept. A service's daemon among them is spared until its
    /// stop has run.
    pub(super) fn kill_strays(&mut self) {
        let at_the_end =
            self.ending.as_ref().is_some_and(|ending| ending.steps_ended) && self.units.is_empty();
        let service_lost =
            self.units.values().filter_map(|unit| unit.service.as_ref()).any(|service| service.lost);
        if !at_the_end && (!self.strays || service_lost) {
            return;
        }
        let ready = self.ready.as_ref().map(|ready| ready.pid);
        let known: BTreeSet<Pid> = self
            .units
            .values()
            .flat_map(reapers_of)
            .chain(self.cleaners.iter().copied())
            .chain(ready)
            .collect();
        let strays: Vec<Pid> = wait::children().into_iter().filter(|child| !known.contains(child)).collect();
        self.strays = !strays.is_empty();
        for stray in strays {
            let _ = kill(stray, Signal::SIGKILL);
        }
    }
}

/// The services of the highest group that stands are stopped together; a lower group waits for them, but not for the
/// second look at what was stopped, nor for what cannot be ended. Of each service its group, and whether it is that.
fn next_group(services: impl Iterator<Item = (u32, bool)>) -> Option<u32> {
    services.map(|(group, waits)| (!waits, group)).max().map(|(_, group)| group)
}

fn reapers_of(unit: &Unit) -> impl Iterator<Item = Pid> {
    let stopping = unit.service.as_ref().and_then(|service| service.stopping.as_ref());
    unit.keeper.as_ref().into_iter().chain(stopping).map(|keeper| keeper.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_does_not_wait_for_the_second_look_at_a_higher_one() {
        let next = |services: &[(u32, bool)]| next_group(services.iter().copied());
        assert_eq!(next(&[(0, false), (2, false), (1, false)]), Some(2));
        assert_eq!(next(&[(0, false), (2, true), (1, false)]), Some(1));
        assert_eq!(next(&[(2, true), (1, true)]), Some(2));
        assert_eq!(next(&[]), None);
    }
}

//! Doing what a service's lifecycle decides.

use std::os::fd::AsFd;
use std::time::Instant;

use super::cleaning::mend_directory;
use super::lifecycle::{Act, Input, TryEnd};
use super::orders::no_fork;
use super::serve::Shim;
use super::unit::Unit;
use crate::protocol::{Event, Role, StopOutcome, Task, UnitId};

impl Shim {
    pub(super) fn drive(&mut self, unit: UnitId, input: Input) {
        let Some(service) = self.service(unit) else { return };
        for act in service.life.on(input, Instant::now()) {
            self.act(unit, act);
        }
    }

    fn act(&mut self, unit: UnitId, act: Act) {
        match act {
            Act::EndLeader { grace } => self.tell_reaper(unit, &Task::End { grace }),
            Act::Clear => self.tell_reaper(unit, &Task::Clear),
            Act::RunStop => self.run_stop(unit),
            Act::KillStop => {
                if let Some(keeper) = self.service(unit).and_then(|service| service.stopping.as_ref()) {
                    keeper.tell(&Task::Clear);
                }
            }
            Act::TellTry(outcome) => self.tell_try(unit, outcome),
            Act::Done { success } => self.finish_service(unit, success),
        }
    }

    pub(super) fn tell_reaper(&self, unit: UnitId, task: &Task) {
        if let Some(keeper) = self.units.get(&unit).and_then(|known| known.keeper.as_ref()) {
            keeper.tell(task);
        }
    }

    fn run_stop(&mut self, unit: UnitId) {
        let (worker_lost, lease_lost) = (self.worker_lost, self.lease_lost);
        let Some(service) = self.service(unit) else { return };
        let Some(stop) = &service.plan.stop else { return };
        let mut command = stop.command.clone();
        mend_directory(&mut command);
        let by = service.striker(worker_lost || lease_lost);
        let role = Role::Stop { by, last: service.life.next_success_is_last() };
        // Without a descriptor to spare its success is noted a moment later.
        let intent = service.intent.as_ref().and_then(|intent| intent.try_clone().ok());
        let intent = intent.as_ref().map(AsFd::as_fd);
        let started = service
            .output
            .pipe_for_try()
            .and_then(|output| self.start(role, command, [&output, &output], intent));
        match started {
            Ok(keeper) => {
                if let Some(service) = self.service(unit) {
                    service.stopping = Some(keeper);
                }
            }
            Err(error) => self.drive(unit, Input::TryEnded(TryEnd::NotStarted(no_fork(&error)))),
        }
    }

    fn tell_try(&mut self, unit: UnitId, outcome: StopOutcome) {
        if let Some(service) = self.service(unit) {
            service.tries = service.tries.saturating_add(1);
            service.last_try = Some(outcome.clone());
        }
        self.say(Event::StopTried { unit, outcome });
    }

    fn finish_service(&mut self, unit: UnitId, success: bool) {
        if let Some(service) = self.units.remove(&unit).and_then(|known| known.service) {
            self.clean_after(service, success);
        }
        self.say(Event::Stopped { unit, success });
    }

    pub(super) fn take_outputs(&mut self) {
        let all: Vec<UnitId> = self.units.keys().copied().collect();
        for unit in all {
            self.take_output(unit);
        }
    }

    pub(super) fn take_output(&mut self, unit: UnitId) {
        let blocks = self.service(unit).map(|service| service.output.take()).unwrap_or_default();
        for bytes in blocks {
            self.say(Event::StopOutput { unit, bytes });
        }
    }

    pub(super) fn look_at_clock(&mut self) {
        let now = Instant::now();
        let is_due = |unit: &Unit| {
            unit.service
                .as_ref()
                .and_then(|service| service.life.deadline())
                .is_some_and(|deadline| deadline <= now)
        };
        let due: Vec<UnitId> =
            self.units.iter().filter(|(_, unit)| is_due(unit)).map(|(unit, _)| *unit).collect();
        for unit in due {
            self.drive(unit, Input::Time);
        }
    }
}

//! Reports of the reapers.

use super::lifecycle::{Input, TryEnd};
use super::serve::Shim;
use super::unit::Service;
use crate::protocol::{Event, Exit, Report, SpawnFault, StuckProcess, UnitId};

impl Shim {
    pub(super) fn hear_reapers(&mut self) {
        let all: Vec<UnitId> = self.units.keys().copied().collect();
        for unit in all {
            self.hear_main_reaper(unit);
            self.hear_stop_reaper(unit);
        }
    }

    fn hear_main_reaper(&mut self, unit: UnitId) {
        while let Some(keeper) = self.units.get(&unit).and_then(|known| known.keeper.as_ref()) {
            match keeper.hear() {
                Ok(None) => return,
                Ok(Some(report)) => self.on_report(unit, report),
                Err(()) => self.lose_reaper(unit),
            }
        }
    }

    fn on_report(&mut self, unit: UnitId, report: Report) {
        match report {
            Report::NotStarted { fault } => self.not_started(unit, fault),
            Report::Exited { exit, alone } => {
                self.say(Event::Exited { unit, exit, alone });
                self.mark_ended(unit);
                if alone {
                    self.gone(unit);
                }
            }
            Report::GroupGone => self.drive(unit, Input::GroupGone),
            Report::Stuck { processes } => self.tell_stuck(unit, processes),
            Report::Empty { killed } => {
                self.say(Event::Gone { unit, killed });
                self.gone(unit);
            }
        }
    }

    fn mark_ended(&mut self, unit: UnitId) {
        if let Some(known) = self.units.get_mut(&unit) {
            known.ended = true;
        }
        self.drive(unit, Input::LeaderEnded);
    }

    pub(super) fn not_started(&mut self, unit: UnitId, fault: SpawnFault) {
        self.say(Event::NotStarted { unit, fault });
        self.mark_ended(unit);
        self.gone(unit);
    }

    fn gone(&mut self, unit: UnitId) {
        let Some(known) = self.units.get_mut(&unit) else { return };
        known.keeper = None;
        if known.service.is_some() {
            self.drive(unit, Input::Gone);
        } else {
            self.units.remove(&unit);
        }
    }

    /// A reaper that goes without a word was killed. Its leader dies with it, everything else is now our child.
    fn lose_reaper(&mut self, unit: UnitId) {
        let Some(known) = self.units.get_mut(&unit) else { return };
        self.strays = true;
        if let Some(service) = &mut known.service {
            service.lost = true;
        }
        if !known.ended {
            self.drive(unit, Input::KeeperLost);
            self.say(Event::Exited { unit, exit: Exit::Lost, alone: false });
            self.mark_ended(unit);
        }
        self.say(Event::Gone { unit, killed: 0 });
        self.gone(unit);
    }

    fn hear_stop_reaper(&mut self, unit: UnitId) {
        while let Some(keeper) = self.service(unit).and_then(|service| service.stopping.as_ref()) {
            let report = keeper.hear();
            match report {
                Ok(None) => return,
                Ok(Some(Report::NotStarted { fault })) => self.end_try(unit, Some(TryEnd::NotStarted(fault))),
                Ok(Some(Report::Exited { exit, alone })) => {
                    self.note_try(unit, TryEnd::Exit(exit));
                    if alone {
                        self.end_try(unit, None);
                    }
                }
                Ok(Some(Report::Empty { .. })) => self.end_try(unit, None),
                Ok(Some(Report::Stuck { processes })) => self.tell_stuck(unit, processes),
                Ok(Some(Report::GroupGone)) => {}
                Err(()) => self.end_try(unit, None),
            }
        }
    }

    fn tell_stuck(&mut self, unit: UnitId, processes: Vec<StuckProcess>) {
        if let Some(service) = self.service(unit) {
            service.stuck = true;
        }
        self.say(Event::Stuck { unit, processes });
    }

    fn note_try(&mut self, unit: UnitId, end: TryEnd) {
        if let Some(service) = self.service(unit) {
            service.try_end = Some(end);
        }
    }

    /// The try and all that it left are gone.
    fn end_try(&mut self, unit: UnitId, end: Option<TryEnd>) {
        self.take_output(unit);
        let Some(service) = self.service(unit) else { return };
        service.stopping = None;
        service.stuck = false;
        let end = end.or(service.try_end.take()).unwrap_or(TryEnd::Exit(Exit::Lost));
        self.drive(unit, Input::TryEnded(end));
    }

    pub(super) fn service(&mut self, unit: UnitId) -> Option<&mut Service> {
        self.units.get_mut(&unit).and_then(|known| known.service.as_mut())
    }
}

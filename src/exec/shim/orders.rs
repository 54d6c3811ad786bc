//! Orders of the worker.

use std::os::fd::OwnedFd;

use super::lifecycle::Input;
use super::serve::Shim;
use super::unit::{Keeper, Service, Unit};
use crate::protocol::{
    Charge, Command, Event, Order, Role, ServicePlan, SpawnFault, SpawnStage, Task, UnitId,
};
use crate::sys::packet::{self, Received};

impl Shim {
    pub(super) fn hear_worker(&mut self) {
        while !self.worker_lost {
            match packet::receive(&self.control) {
                Ok(Received::Message(order, descriptors)) => self.obey(order, descriptors),
                Ok(Received::Refused(reason)) => self.say(Event::Refused { unit: None, reason }),
                Ok(Received::Nothing) => return,
                Ok(Received::Closed) | Err(_) => self.lose_worker(),
            }
        }
    }

    fn obey(&mut self, order: Order, descriptors: Vec<OwnedFd>) {
        match order {
            Order::Run { unit, command } => self.run(unit, command, descriptors),
            Order::Serve { unit, service } => self.begin_service(unit, service, descriptors),
            Order::End { unit, grace } if self.service(unit).is_some() => {
                self.drive(unit, Input::Cut { grace })
            }
            Order::End { unit, grace } => self.tell_reaper(unit, &Task::End { grace }),
            Order::Stop { unit, grace } => self.drive(unit, Input::Stop { grace }),
            Order::Lease(_) => {}
            Order::Finish => self.begin_ending(),
        }
    }

    /// The two output descriptors of a request, or the reason why it is refused.
    fn accept(&self, unit: UnitId, descriptors: Vec<OwnedFd>) -> Result<[OwnedFd; 2], &'static str> {
        if self.ending.is_some() {
            return Err("the item is ending");
        }
        if self.units.contains_key(&unit) {
            return Err("the unit is there already");
        }
        descriptors.try_into().map_err(|_| "two output descriptors are needed")
    }

    fn refuse(&mut self, unit: UnitId, reason: &str) {
        self.say(Event::Refused { unit: Some(unit), reason: reason.to_owned() });
    }

    fn run(&mut self, unit: UnitId, command: Command, descriptors: Vec<OwnedFd>) {
        let [output, errors] = match self.accept(unit, descriptors) {
            Ok(both) => both,
            Err(reason) => return self.refuse(unit, reason),
        };
        match self.start(Charge { role: Role::Step, command }, [&output, &errors]) {
            Ok(keeper) => {
                self.units.insert(unit, Unit { keeper: Some(keeper), ended: false, service: None });
            }
            Err(error) => self.say(Event::NotStarted { unit, fault: no_fork(&error) }),
        }
    }

    /// Starts a leader below the reaper that is ready, or else below a new one.
    pub(super) fn start(&mut self, charge: Charge, outputs: [&OwnedFd; 2]) -> std::io::Result<Keeper> {
        let group = self.groups.as_ref().map(|groups| match charge.role {
            Role::Step => groups.steps(),
            Role::Service | Role::Stop => groups.services(),
        });
        if let Some(ready) = self.ready.take()
            && ready.begin(&charge, outputs, group).is_ok()
        {
            return Ok(ready);
        }
        let keeper = Keeper::fork()?;
        keeper.begin(&charge, outputs, group)?;
        Ok(keeper)
    }

    /// The stop is stored before the start is forked.
    fn begin_service(&mut self, unit: UnitId, plan: Box<ServicePlan>, descriptors: Vec<OwnedFd>) {
        let [output, errors] = match self.accept(unit, descriptors) {
            Ok(both) => both,
            Err(reason) => return self.refuse(unit, reason),
        };
        let service = Service::register(plan);
        let charge = Charge { role: Role::Service, command: service.plan.start.clone().unwrap_or_default() };
        let keeper = self.start(charge, [&output, &errors]);
        let (keeper, fault) = match keeper {
            Ok(keeper) => (Some(keeper), None),
            Err(error) => (None, Some(no_fork(&error))),
        };
        self.units.insert(unit, Unit { keeper, ended: false, service: Some(service) });
        if let Some(fault) = fault {
            self.not_started(unit, fault);
        }
    }
}

/// The system gave no process.
pub(super) fn no_fork(error: &std::io::Error) -> SpawnFault {
    SpawnFault { stage: SpawnStage::Fork, errno: error.raw_os_error().unwrap_or_default() }
}

//! Orders of the worker.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

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
            Order::Lease(lease) => self.renew(lease),
            Order::Finish => self.begin_ending(),
        }
    }

    /// Why a request for a new unit is refused.
    fn objection(&self, unit: UnitId) -> Option<&'static str> {
        match () {
            () if self.ending.is_some() => Some("the item is ending"),
            () if self.units.contains_key(&unit) => Some("the unit is there already"),
            () => None,
        }
    }

    fn refuse(&mut self, unit: UnitId, reason: &str) {
        self.say(Event::Refused { unit: Some(unit), reason: reason.to_owned() });
    }

    fn run(&mut self, unit: UnitId, command: Command, descriptors: Vec<OwnedFd>) {
        if let Some(reason) = self.objection(unit) {
            return self.refuse(unit, reason);
        }
        if self.lease_ends() {
            return self.refuse(unit, "the lease is ending");
        }
        let Ok([output, errors]) = <[OwnedFd; 2]>::try_from(descriptors) else {
            return self.refuse(unit, "two output descriptors are needed");
        };
        match self.start(Role::Step, command, [&output, &errors], None) {
            Ok(keeper) => {
                self.units.insert(unit, Unit { keeper: Some(keeper), ended: false, service: None });
            }
            Err(error) => self.say(Event::NotStarted { unit, fault: no_fork(&error) }),
        }
    }

    /// Starts a leader below the reaper that is ready, or else below a new one.
    pub(super) fn start(
        &mut self,
        role: Role,
        command: Command,
        outputs: [&OwnedFd; 2],
        intent: Option<BorrowedFd<'_>>,
    ) -> std::io::Result<Keeper> {
        let group = self.groups.as_ref().map(|groups| match role {
            Role::Step => groups.steps(),
            Role::Service(_) | Role::Stop { .. } => groups.services(),
        });
        let kill_at = if role == Role::Step { self.steps_killed_at() } else { None };
        let charge = Charge { role, command, grouped: group.is_some(), intent: intent.is_some(), kill_at };
        if let Some(ready) = self.ready.take()
            && ready.begin(&charge, outputs, group, intent).is_ok()
        {
            return Ok(ready);
        }
        let keeper = Keeper::fork()?;
        keeper.begin(&charge, outputs, group, intent)?;
        Ok(keeper)
    }

    /// The stop is stored before the start is forked.
    fn begin_service(&mut self, unit: UnitId, plan: Box<ServicePlan>, descriptors: Vec<OwnedFd>) {
        if let Some(reason) = self.objection(unit) {
            return self.refuse(unit, reason);
        }
        let Some((outputs, intent)) = handed(&plan, descriptors) else {
            return self.refuse(unit, "its two outputs if it is started, and then its intent, are needed");
        };
        let mut service = Service::register(plan, intent);
        let (Some(command), Some([output, errors])) = (service.plan.start.take(), outputs) else {
            // Nothing of it runs below this shim.
            self.units.insert(unit, Unit { keeper: None, ended: true, service: Some(service) });
            return;
        };
        let role = Role::Service(service.without_shim());
        let intent = service.intent.as_ref().map(AsFd::as_fd);
        let (keeper, fault) = match self.start(role, command, [&output, &errors], intent) {
            Ok(keeper) => (Some(keeper), None),
            Err(error) => (None, Some(no_fork(&error))),
        };
        self.units.insert(unit, Unit { keeper, ended: false, service: Some(service) });
        if let Some(fault) = fault {
            self.not_started(unit, fault);
        }
    }
}

type Handed = (Option<[OwnedFd; 2]>, Option<OwnedFd>);

/// What came along with a service: its outputs if it is to be started, and its intent if it has one.
fn handed(plan: &ServicePlan, descriptors: Vec<OwnedFd>) -> Option<Handed> {
    let mut descriptors = descriptors.into_iter();
    let outputs = match plan.start {
        Some(_) => Some([descriptors.next()?, descriptors.next()?]),
        None => None,
    };
    let intent = descriptors.next();
    descriptors.next().is_none().then_some((outputs, intent))
}

/// The system gave no process.
pub(super) fn no_fork(error: &std::io::Error) -> SpawnFault {
    SpawnFault { stage: SpawnStage::Fork, errno: error.raw_os_error().unwrap_or_default() }
}

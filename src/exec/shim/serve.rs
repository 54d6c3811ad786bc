//! The shim's loop: orders from the worker, reports from the reapers, output of stops, the clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;

use super::lifecycle::{Act, Input, TryEnd};
use super::unit::{Keeper, Service, Unit};
use crate::protocol::{
    Command, Event, Exit, Hatch, Order, Report, ServicePlan, SpawnFault, SpawnStage, Task, UnitId,
};
use crate::reaper::Role;
use crate::sys::cgroup::{ItemGroups, Place};
use crate::sys::harden::{self, ArgumentMemory};
use crate::sys::identity::Identity;
use crate::sys::packet::{self, Received};
use crate::sys::wait::{self, Reaped};
use crate::sys::{deadline, descriptors, fork, signals};

/// When the item ends, the stops begin as soon as the steps are gone, and at the latest after this time.
const STEPS_FIRST: Duration = Duration::from_millis(200);
/// While strays are being killed, they are looked at again after this time even if nobody's end was told.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a new shim is told at its birth.
pub struct Birth {
    pub hatch: Hatch,
    pub control: OwnedFd,
    pub place: Option<Place>,
    pub arguments: Option<ArgumentMemory>,
}

/// The whole life of a shim, in a process that has just been forked from the nursery. Gives the exit code.
pub fn become_shim(birth: Birth) -> i32 {
    let Birth { hatch, control, place, arguments } = birth;
    descriptors::close_all_but(&[control.as_fd()]);
    let _ = nix::unistd::setsid();
    harden::be_called(c"pikoci-shim");
    if let Some(memory) = arguments {
        memory.show(c"pikoci-shim");
    }
    let (Ok(()), Ok(children)) = (harden::adopt_orphans(), signals::ends_of_children()) else { return 1 };
    let Some(process) = i32::try_from(std::process::id()).ok().and_then(Identity::of) else { return 1 };
    let mut shim = Shim {
        hatch,
        control,
        children,
        place,
        groups: None,
        units: BTreeMap::new(),
        cleaners: BTreeSet::new(),
        strays: false,
        outbox: VecDeque::new(),
        worker_lost: false,
        ending: None,
    };
    shim.say(Event::Ready { process });
    shim.serve();
    0
}

/// How far the end of the item has come.
struct Ending {
    since: Instant,
    steps_ended: bool,
    /// After this no stop is tried any more.
    budget_until: Instant,
}

struct Shim {
    hatch: Hatch,
    control: OwnedFd,
    children: SignalFd,
    place: Option<Place>,
    groups: Option<ItemGroups>,
    units: BTreeMap<UnitId, Unit>,
    /// Processes that remove the data of stopped services.
    cleaners: BTreeSet<Pid>,
    /// A reaper was killed from outside; what it kept is among our children.
    strays: bool,
    outbox: VecDeque<Event>,
    worker_lost: bool,
    ending: Option<Ending>,
}

impl Shim {
    fn serve(&mut self) {
        loop {
            self.flush();
            self.sleep();
            signals::drain(&self.children);
            self.reap();
            self.hear_worker();
            self.hear_reapers();
            self.take_outputs();
            self.look_at_clock();
            self.kill_strays();
            if self.ending.is_some() && self.end_is_complete() {
                self.groups = None;
                self.say(Event::Empty);
                self.flush();
                return;
            }
        }
    }

    fn say(&mut self, event: Event) {
        if !self.worker_lost {
            self.outbox.push_back(event);
        }
    }

    /// Sends what fits; the rest when the worker reads again.
    fn flush(&mut self) {
        while let Some(event) = self.outbox.front() {
            match packet::send(&self.control, event, &[]) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                _ => self.outbox.pop_front(),
            };
        }
    }

    fn sleep(&self) {
        let mut watched = vec![PollFd::new(self.children.as_fd(), PollFlags::POLLIN)];
        if !self.worker_lost {
            let writing = if self.outbox.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
            watched.push(PollFd::new(self.control.as_fd(), PollFlags::POLLIN | writing));
        }
        let others = self.units.values().flat_map(descriptors_of);
        watched.extend(others.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)));
        let _ = poll(&mut watched, deadline::timeout(self.next_deadline()));
    }

    fn next_deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        let services = self.units.values().filter_map(|unit| unit.service.as_ref());
        let of_services = services.filter_map(|service| service.life.deadline());
        let of_ending = self.ending.iter().flat_map(|ending| {
            let steps = (!ending.steps_ended).then_some(ending.since + STEPS_FIRST);
            let strays = (ending.steps_ended && self.units.is_empty()).then_some(now + LOOK_AGAIN);
            [steps, strays, (ending.budget_until > now).then_some(ending.budget_until)].into_iter().flatten()
        });
        let of_strays = self.strays.then_some(now + LOOK_AGAIN);
        of_services.chain(of_ending).chain(of_strays).min()
    }

    /// Takes away reapers, cleaners and strays that have ended; the reapers' last words come through their sockets.
    fn reap(&mut self) {
        while let Reaped::One(pid, _) = wait::reap_any() {
            self.cleaners.remove(&pid);
        }
    }
}

fn descriptors_of(unit: &Unit) -> impl Iterator<Item = BorrowedFd<'_>> {
    let service = unit.service.as_ref();
    let stopping = service.and_then(|service| service.stopping.as_ref()).map(Keeper::descriptor);
    let output = service.and_then(|service| service.output.descriptor());
    unit.keeper.as_ref().map(Keeper::descriptor).into_iter().chain(stopping).chain(output)
}

/// Orders of the worker.
impl Shim {
    fn hear_worker(&mut self) {
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
            Order::Run { unit, command } => self.run(unit, &command, descriptors),
            Order::Serve { unit, service } => self.begin_service(unit, service, descriptors),
            Order::End { unit, grace } if self.service(unit).is_some() => {
                self.drive(unit, Input::Cut { grace })
            }
            Order::End { unit, grace } => self.tell_reaper(unit, &Task::End { grace }),
            Order::Stop { unit, grace } => self.drive(unit, Input::Stop { grace }),
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

    fn run(&mut self, unit: UnitId, command: &Command, descriptors: Vec<OwnedFd>) {
        let [output, errors] = match self.accept(unit, descriptors) {
            Ok(both) => both,
            Err(reason) => return self.refuse(unit, reason),
        };
        self.make_groups();
        let group = self.groups.as_ref().map(ItemGroups::steps);
        match Keeper::start(Role::Step, command, output, errors, group) {
            Ok(keeper) => {
                self.units.insert(unit, Unit { keeper: Some(keeper), ended: false, service: None });
            }
            Err(error) => self.say(Event::NotStarted { unit, fault: no_fork(&error) }),
        }
    }

    /// The stop is stored before the start is forked.
    fn begin_service(&mut self, unit: UnitId, plan: Box<ServicePlan>, descriptors: Vec<OwnedFd>) {
        let [output, errors] = match self.accept(unit, descriptors) {
            Ok(both) => both,
            Err(reason) => return self.refuse(unit, reason),
        };
        self.make_groups();
        let service = Service::register(plan);
        let group = self.groups.as_ref().map(ItemGroups::services);
        let keeper = Keeper::start(Role::Service, &service.plan.start, output, errors, group);
        let (keeper, fault) = match keeper {
            Ok(keeper) => (Some(keeper), None),
            Err(error) => (None, Some(no_fork(&error))),
        };
        self.units.insert(unit, Unit { keeper, ended: false, service: Some(service) });
        if let Some(fault) = fault {
            self.not_started(unit, fault);
        }
    }

    fn make_groups(&mut self) {
        if let (Some(place), None) = (&self.place, &self.groups) {
            self.groups = ItemGroups::make(place, &self.hatch.item).ok();
            // A place that refuses once is not asked again: the reapers do without.
            if self.groups.is_none() {
                self.place = None;
            }
        }
    }
}

fn no_fork(error: &std::io::Error) -> SpawnFault {
    SpawnFault { stage: SpawnStage::Fork, errno: error.raw_os_error().unwrap_or_default() }
}

/// Reports of the reapers.
impl Shim {
    fn hear_reapers(&mut self) {
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
            Report::Started { process } => self.say(Event::Started { unit, process }),
            Report::NotStarted { fault } => self.not_started(unit, fault),
            Report::Exited { exit, alone } => {
                self.say(Event::Exited { unit, exit, alone });
                self.mark_ended(unit);
                if alone {
                    self.gone(unit);
                }
            }
            Report::GroupGone => self.drive(unit, Input::GroupGone),
            Report::Stuck { processes } => self.say(Event::Stuck { unit, processes }),
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

    fn not_started(&mut self, unit: UnitId, fault: SpawnFault) {
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
                Ok(Some(_)) => {}
                Err(()) => self.end_try(unit, None),
            }
        }
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
        let end = end.or(service.try_end.take()).unwrap_or(TryEnd::Exit(Exit::Lost));
        self.drive(unit, Input::TryEnded(end));
    }

    fn service(&mut self, unit: UnitId) -> Option<&mut Service> {
        self.units.get_mut(&unit).and_then(|known| known.service.as_mut())
    }
}

/// Services.
impl Shim {
    fn drive(&mut self, unit: UnitId, input: Input) {
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
            Act::TellTry(outcome) => self.say(Event::StopTried { unit, outcome }),
            Act::Done { success } => self.finish_service(unit, success),
        }
    }

    fn tell_reaper(&self, unit: UnitId, task: &Task) {
        if let Some(keeper) = self.units.get(&unit).and_then(|known| known.keeper.as_ref()) {
            keeper.tell(task);
        }
    }

    fn run_stop(&mut self, unit: UnitId) {
        let Some(known) = self.units.get_mut(&unit) else { return };
        let Some(service) = known.service.as_mut() else { return };
        let Some(stop) = &service.plan.stop else { return };
        let group = self.groups.as_ref().map(ItemGroups::services);
        let started = service.output.pipe_for_try().and_then(|output| {
            let errors = output.try_clone()?;
            Keeper::start(Role::Stop, &stop.command, output, errors, group)
        });
        match started {
            Ok(keeper) => service.stopping = Some(keeper),
            Err(error) => self.drive(unit, Input::TryEnded(TryEnd::NotStarted(no_fork(&error)))),
        }
    }

    fn finish_service(&mut self, unit: UnitId, success: bool) {
        let removed = self.units.remove(&unit).and_then(|known| known.service);
        if let Some(data) = removed.and_then(|service| service.plan.data).filter(|_| success) {
            let cleaner = fork::child(|| {
                descriptors::close_all_but(&[]);
                i32::from(fs::remove_dir_all(&data).is_err())
            });
            self.cleaners.extend(cleaner);
        }
        self.say(Event::Stopped { unit, success });
    }

    fn take_outputs(&mut self) {
        let all: Vec<UnitId> = self.units.keys().copied().collect();
        for unit in all {
            self.take_output(unit);
        }
    }

    fn take_output(&mut self, unit: UnitId) {
        let blocks = self.service(unit).map(|service| service.output.take()).unwrap_or_default();
        for bytes in blocks {
            self.say(Event::StopOutput { unit, bytes });
        }
    }

    fn look_at_clock(&mut self) {
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

/// The end of the item.
impl Shim {
    fn lose_worker(&mut self) {
        self.worker_lost = true;
        self.outbox.clear();
        self.begin_ending();
    }

    /// Kills every step at once: a second attempt elsewhere must never meet a living step of this one.
    fn begin_ending(&mut self) {
        if self.ending.is_some() {
            return;
        }
        let now = Instant::now();
        self.ending =
            Some(Ending { since: now, steps_ended: false, budget_until: now + self.hatch.stop_budget });
        for unit in self.units.values().filter(|unit| unit.service.is_none()) {
            if let Some(keeper) = &unit.keeper {
                keeper.tell(&Task::Clear);
            }
        }
        if let Some(groups) = &self.groups {
            groups.kill_steps();
        }
    }

    /// Goes on with the end, and says whether nothing is left.
    fn end_is_complete(&mut self) -> bool {
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
            return false;
        }
        self.reap();
        wait::reap_any() == Reaped::NoChild
    }

    /// The services of the highest group that stands are stopped together; a lower group waits for them.
    fn stop_next_group(&mut self, out_of_time: bool) {
        let services = self.units.values().filter_map(|unit| unit.service.as_ref());
        let Some(highest) = services.map(|service| service.plan.group).max() else { return };
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
    fn kill_strays(&mut self) {
        let at_the_end =
            self.ending.as_ref().is_some_and(|ending| ending.steps_ended) && self.units.is_empty();
        let service_lost =
            self.units.values().filter_map(|unit| unit.service.as_ref()).any(|service| service.lost);
        if !at_the_end && (!self.strays || service_lost) {
            return;
        }
        let known: BTreeSet<Pid> =
            self.units.values().flat_map(reapers_of).chain(self.cleaners.iter().copied()).collect();
        let strays: Vec<Pid> = wait::children().into_iter().filter(|child| !known.contains(child)).collect();
        self.strays = !strays.is_empty();
        for stray in strays {
            let _ = kill(stray, Signal::SIGKILL);
        }
    }
}

fn reapers_of(unit: &Unit) -> impl Iterator<Item = Pid> {
    let stopping = unit.service.as_ref().and_then(|service| service.stopping.as_ref());
    unit.keeper.as_ref().into_iter().chain(stopping).map(|keeper| keeper.pid)
}

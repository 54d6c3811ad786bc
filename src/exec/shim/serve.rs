//! The shim's loop: orders from the worker, reports from the reapers, output of stops, the clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;

use super::deadline::Deadline;
use super::ending::Ending;
use super::goodbye::{Held, Refusal};
use super::unit::{Keeper, Unit};
use crate::protocol::{Event, Hatch, UnitId};
use crate::sys::cgroup::{ItemGroups, Place};
use crate::sys::harden::{self, ArgumentMemory};
use crate::sys::wait::{self, Left};
use crate::sys::{deadline, descriptors, packet, signals};

/// While strays are being killed, they are looked at again after this time even if nobody's end was told.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The whole life of a shim, in a process that has just been forked from the nursery. It waits at `nursery` for the item
/// that becomes its own, so that a shim, with its first reaper, can be ready before it is needed. Gives the exit code.
pub fn become_shim(nursery: OwnedFd, place: Option<Place>, arguments: Option<ArgumentMemory>) -> i32 {
    descriptors::close_all_but(&[nursery.as_fd()]);
    let _ = nix::unistd::setsid();
    harden::be_called(c"pikoci-shim");
    if let Some(memory) = arguments {
        memory.show(c"pikoci-shim");
    }
    let (Ok(()), Ok(children)) = (harden::adopt_orphans(), signals::ends_of_children()) else { return 1 };
    let ready = Keeper::fork().ok();
    let Some((hatch, descriptors)) = packet::wait_for::<Hatch>(&nursery) else { return 0 };
    drop(nursery);
    let mut descriptors = descriptors.into_iter();
    // A shim that has not begun leaves nothing undone: the worker sees its descriptor close.
    let Some(control) = descriptors.next() else { return 0 };
    let held = match Held::take(&hatch, &mut descriptors) {
        Ok(held) => held,
        Err(Refusal::Busy) => {
            let _ = packet::send(&control, &Event::Busy, &[]);
            return 0;
        }
        Err(Refusal::Failed) => return 0,
    };
    let deadline = hatch.lease.map(Deadline::new);
    let mut shim = Shim {
        hatch,
        control,
        held: Some(held),
        deadline,
        lease_lost: false,
        children,
        groups: None,
        ready,
        units: BTreeMap::new(),
        cleaners: BTreeSet::new(),
        strays: false,
        behind: false,
        outbox: VecDeque::new(),
        worker_lost: false,
        ending: None,
    };
    shim.say(Event::Ready { pid: nix::unistd::getpid().as_raw() });
    shim.flush();
    // While the worker makes up its first order. Where no groups can be had, the reapers do without.
    if let Some(held) = &shim.held {
        held.mark_running();
    }
    shim.groups = place.and_then(|place| ItemGroups::make(&place, &shim.hatch.item).ok());
    shim.serve();
    0
}

/// The shim of one work item.
pub struct Shim {
    pub(super) hatch: Hatch,
    pub(super) control: OwnedFd,
    /// Lock and slot.
    pub(super) held: Option<Held>,
    pub(super) deadline: Option<Deadline>,
    /// The item ends because its lease is over.
    pub(super) lease_lost: bool,
    pub(super) children: SignalFd,
    pub(super) groups: Option<ItemGroups>,
    /// A reaper that waits for its charge.
    pub(super) ready: Option<Keeper>,
    pub(super) units: BTreeMap<UnitId, Unit>,
    /// Processes that remove the data of stopped services.
    pub(super) cleaners: BTreeSet<Pid>,
    /// A reaper was killed from outside; what it kept is among our children.
    pub(super) strays: bool,
    /// Children may have ended of whom no signal tells any more.
    pub(super) behind: bool,
    pub(super) outbox: VecDeque<Event>,
    pub(super) worker_lost: bool,
    pub(super) ending: Option<Ending>,
}

impl Shim {
    fn serve(mut self) {
        loop {
            self.flush();
            self.sleep();
            self.look_at_lease();
            signals::drain(&self.children);
            self.reap();
            self.hear_worker();
            self.hear_reapers();
            self.take_outputs();
            self.look_at_clock();
            self.kill_strays();
            if self.ending.is_some() && self.end_is_complete() {
                return self.say_goodbye();
            }
        }
    }

    pub(super) fn say(&mut self, event: Event) {
        if !self.worker_lost {
            self.outbox.push_back(event);
        }
    }

    /// Sends what fits; the rest when the worker reads again.
    pub(super) fn flush(&mut self) {
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
        let lease = self.deadline.as_ref().and_then(|deadline| deadline.alarm.descriptor());
        let others = self.units.values().flat_map(descriptors_of).chain(lease);
        watched.extend(others.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)));
        let _ = poll(&mut watched, deadline::timeout(self.next_deadline()));
    }

    fn next_deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        let services = self.units.values().filter_map(|unit| unit.service.as_ref());
        let of_services = services.filter_map(|service| service.life.deadline());
        let of_ending = self.ending.iter().flat_map(|ending| ending.deadlines(now, self.units.is_empty()));
        let of_strays = self.strays.then_some(now + LOOK_AGAIN);
        let of_lease = self.deadline.as_ref().and_then(|deadline| deadline.alarm.deadline());
        let at_once = self.behind.then_some(now);
        of_services.chain(of_ending).chain(of_strays).chain(of_lease).chain(at_once).min()
    }

    /// Takes away reapers, cleaners and strays that have ended; the reapers' last words come through their sockets.
    pub(super) fn reap(&mut self) -> Left {
        let left = wait::reap_some(|pid, _| {
            self.cleaners.remove(&pid);
        });
        self.behind = left == Left::More;
        left
    }
}

fn descriptors_of(unit: &Unit) -> impl Iterator<Item = BorrowedFd<'_>> {
    let service = unit.service.as_ref();
    let stopping = service.and_then(|service| service.stopping.as_ref()).map(Keeper::descriptor);
    let output = service.and_then(|service| service.output.descriptor());
    unit.keeper.as_ref().map(Keeper::descriptor).into_iter().chain(stopping).chain(output)
}

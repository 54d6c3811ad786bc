//! A reaper's loop: what it hears, and what it tells. How it ends processes is in `ending`.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;

use super::leader::{self, Birth};
use super::stuck::Patience;
use crate::protocol::{Charge, Exit, Report, Role, SpawnFault, SpawnStage, Task, WithoutShim};
use crate::sys::boottime::Alarm;
use crate::sys::packet::{self, Received};
use crate::sys::{deadline, descriptors, harden, signals};

/// While killing, the children are looked at again after this time even if nobody's end was told.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The same where nobody's end is told any more.
const LOOK_SOON: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The leader runs.
    Running,
    /// The leader is gone, what it left may stay.
    Leftover,
    /// The leader's group has been told to end; at `until` it is killed.
    Asked { until: Instant },
    /// The leader's group has been killed.
    Killed,
    /// Everything is being killed.
    Clearing,
}

pub(super) struct Reaper {
    pub role: Role,
    /// None when the shim is lost.
    pub shim: Option<OwnedFd>,
    pub children: SignalFd,
    pub leader: Pid,
    pub birth: Option<Birth>,
    pub phase: Phase,
    /// How the leader ended, once that was told.
    pub told: Option<Exit>,
    /// With what was killed.
    pub patience: Patience,
    pub killed: u32,
    /// Children may have ended of whom no signal tells any more.
    pub behind: bool,
    /// Too many ended: nobody is told of them any more, and they need not be taken away.
    pub children_go: bool,
    /// Where it is noted that the start of a service has ended by itself, or its stop with success.
    pub intent: Option<OwnedFd>,
    /// The lease of a step: kept here too, so that it holds while the shim does not run.
    pub lease_end: Option<Alarm>,
}

/// The whole life of a reaper, in a process that has just been forked from the shim. It waits for its charge, so that one
/// can be ready before it is needed. Gives the exit code.
pub fn become_reaper(shim: OwnedFd) -> i32 {
    descriptors::close_all_but(&[shim.as_fd()]);
    harden::be_called(c"pikoci-reaper");
    let (Ok(()), Ok(children)) = (harden::adopt_orphans(), signals::ends_of_children()) else { return 1 };
    let Some((charge, descriptors)) = packet::wait_for::<Charge>(&shim) else { return 0 };
    match begin(&charge, descriptors) {
        Err(fault) => {
            let _ = packet::send(&shim, &Report::NotStarted { fault }, &[]);
        }
        Ok((leader::Leader { pid, birth }, intent)) => Reaper {
            role: charge.role,
            shim: Some(shim),
            children,
            leader: pid,
            birth: Some(birth),
            phase: Phase::Running,
            told: None,
            patience: Patience::default(),
            killed: 0,
            behind: false,
            children_go: false,
            intent,
            lease_end: charge.kill_at.map(Alarm::at),
        }
        .keep(),
    }
    0
}

/// Forks the leader; gives the intent file back.
fn begin(
    charge: &Charge,
    descriptors: Vec<OwnedFd>,
) -> Result<(leader::Leader, Option<OwnedFd>), SpawnFault> {
    let missing = || SpawnFault { stage: SpawnStage::Files, errno: 0 };
    let mut descriptors = descriptors.into_iter();
    let (output, errors) = descriptors.next().zip(descriptors.next()).ok_or_else(missing)?;
    let group = if charge.grouped { Some(descriptors.next().ok_or_else(missing)?) } else { None };
    let intent = if charge.intent { Some(descriptors.next().ok_or_else(missing)?) } else { None };
    let leader = leader::start(&charge.command, &output, &errors, group.as_ref().map(AsFd::as_fd))?;
    Ok((leader, intent))
}

/// Whether the reaper's work is done.
#[derive(PartialEq, Eq)]
pub(super) enum Work {
    GoesOn,
    Done,
}

impl Reaper {
    fn keep(mut self) {
        loop {
            self.wait();
            self.look_at_lease();
            let told = signals::drain(&self.children);
            if self.hear_of_birth() == Work::Done {
                return;
            }
            self.hear_shim();
            if told.let_go && self.shim.is_none() {
                self.clear();
            }
            let may_have_ended = told.child_ended || self.behind || self.phase != Phase::Running;
            if may_have_ended && self.look_at_children() == Work::Done {
                return;
            }
            self.look_at_clock();
        }
    }

    /// Sleeps until something happens or a deadline is there.
    fn wait(&self) {
        let birth = self.birth.as_ref().map(Birth::descriptor);
        let lease = self.lease_end.as_ref().and_then(Alarm::descriptor);
        let others = [self.shim.as_ref().map(AsFd::as_fd), birth, lease];
        let watched = [self.children.as_fd()].into_iter().chain(others.into_iter().flatten());
        let mut watched: Vec<_> =
            watched.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)).collect();
        let of_phase = match self.phase {
            _ if self.behind => Some(Instant::now()),
            Phase::Clearing if self.children_go => Some(Instant::now() + LOOK_SOON),
            Phase::Leftover if self.children_go => Some(Instant::now() + LOOK_AGAIN),
            Phase::Running | Phase::Leftover => None,
            Phase::Asked { until } => Some(until),
            Phase::Killed | Phase::Clearing => Some(Instant::now() + LOOK_AGAIN),
        };
        let of_lease = self.lease_end.as_ref().and_then(Alarm::deadline);
        let _ = poll(&mut watched, deadline::timeout(of_phase.into_iter().chain(of_lease).min()));
    }

    pub(super) fn say(&self, report: &Report) {
        if let Some(shim) = &self.shim {
            let _ = packet::send(shim, report, &[]);
        }
    }

    /// Looked at before anything that was sent meanwhile: who was stopped for longer than the lease has lost it.
    fn look_at_lease(&mut self) {
        if self.lease_end.take_if(|end| end.is_due()).is_some() {
            self.clear();
        }
    }

    fn hear_of_birth(&mut self) -> Work {
        let Some(birth) = self.birth.take_if(|birth| deadline::readable(birth.descriptor())) else {
            return Work::GoesOn;
        };
        let Err(fault) = birth.outcome() else {
            if matches!(self.phase, Phase::Asked { .. }) {
                self.ask_group();
            }
            return Work::GoesOn;
        };
        // The child ends by itself; its pid is told to nobody.
        let _ = nix::sys::wait::waitpid(self.leader, None);
        self.say(&Report::NotStarted { fault });
        Work::Done
    }

    fn hear_shim(&mut self) {
        while let Some(shim) = &self.shim {
            match packet::receive::<Task>(shim) {
                Ok(Received::Message(Task::End { grace }, _)) => self.end(grace),
                Ok(Received::Message(Task::Clear, _)) => self.clear(),
                Ok(Received::Message(Task::Lease { kill_at }, _)) => self.renew(kill_at),
                Ok(Received::Refused(_)) => {}
                Ok(Received::Nothing) => return,
                Ok(Received::Closed) | Err(_) => self.lose_shim(),
            }
        }
    }

    fn renew(&mut self, kill_at: Duration) {
        match &mut self.lease_end {
            Some(end) => end.set(kill_at),
            None => self.lease_end = Some(Alarm::at(kill_at)),
        }
    }

    /// What nobody else owes an end is ended here; a service waits for its stop, which others run now.
    fn lose_shim(&mut self) {
        self.shim = None;
        match self.role {
            Role::Step | Role::Stop { .. } => self.clear(),
            Role::Service(WithoutShim::CutStart) => self.end(Duration::ZERO),
            Role::Service(WithoutShim::KeepLeader) => {}
            Role::Service(WithoutShim::EndLeader { grace }) => self.end(grace),
        }
    }
}

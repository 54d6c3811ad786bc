//! What runs in an item, each with the reaper that keeps it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::unistd::Pid;

use super::lifecycle::{Lifecycle, Owed, Tries, TryEnd};
use super::stop_output::StopOutput;
use crate::journal::{StrikeState, Striker, read_strike};
use crate::protocol::{Charge, Report, ServiceForm, ServicePlan, StopOutcome, Task, WithoutShim};
use crate::reaper::become_reaper;
use crate::sys::packet::{self, Received};
use crate::sys::{fork, wait};

/// The shim's side of a living reaper.
pub struct Keeper {
    pub pid: Pid,
    socket: OwnedFd,
}

impl Keeper {
    /// Forks a reaper that waits for its charge.
    pub fn fork() -> io::Result<Self> {
        let (socket, shim) = packet::pair()?;
        let pid = fork::child(|| become_reaper(shim))?;
        Ok(Self { pid, socket })
    }

    /// Gives it its charge: the leader is started.
    ///
    /// # Errors
    /// The reaper is gone; nothing was started.
    pub fn begin(
        &self,
        charge: &Charge,
        outputs: [&OwnedFd; 2],
        group: Option<BorrowedFd<'_>>,
        intent: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let mut descriptors = vec![outputs[0].as_fd(), outputs[1].as_fd()];
        descriptors.extend(group.into_iter().chain(intent));
        packet::send(&self.socket, charge, &descriptors)
    }

    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Tells it what to do. One that is gone needs no telling.
    pub fn tell(&self, task: &Task) {
        let _ = packet::send(&self.socket, task, &[]);
        // One that was stopped would keep its processes for ever.
        if matches!(task, Task::End { .. } | Task::Clear) {
            wait::resume(self.pid);
        }
    }

    /// The next report; `Err` when the reaper is gone.
    pub fn hear(&self) -> Result<Option<Report>, ()> {
        loop {
            match packet::receive(&self.socket) {
                Ok(Received::Message(report, _)) => return Ok(Some(report)),
                Ok(Received::Nothing) => return Ok(None),
                Ok(Received::Refused(_)) => {}
                Ok(Received::Closed) | Err(_) => return Err(()),
            }
        }
    }
}

/// A step attempt or a service instance.
pub struct Unit {
    /// None when nothing of it is alive.
    pub keeper: Option<Keeper>,
    /// How its leader ended is known and told.
    pub ended: bool,
    pub service: Option<Service>,
}

/// What a service has besides its start.
pub struct Service {
    pub plan: Box<ServicePlan>,
    /// It was started below a shim that is lost, and is stopped here.
    pub adopted: bool,
    pub life: Lifecycle,
    pub output: StopOutput,
    /// The reaper of a try that runs.
    pub stopping: Option<Keeper>,
    /// How its leader ended, while what it left is still being killed.
    pub try_end: Option<TryEnd>,
    /// The reaper of the start was killed from outside: what it kept is among the shim's own children.
    pub lost: bool,
    /// Processes of it, or of its stop, outlive their KILL.
    pub stuck: bool,
    /// Where it is written what became of the stop.
    pub intent: Option<OwnedFd>,
    pub tries: u16,
    /// How the last try ended.
    pub last_try: Option<StopOutcome>,
}

impl Service {
    /// Registers the service: from here on its stop is owed.
    pub fn register(plan: Box<ServicePlan>, intent: Option<OwnedFd>) -> Self {
        let stop = plan.stop.as_ref();
        let tries = stop.map(|stop| Tries { limit: stop.limit, retries: stop.retries.clone() });
        let adopted = plan.start.is_none();
        let owed = owed(&plan, intent.as_ref());
        let life = match adopted {
            false => Lifecycle::new(plan.form, tries),
            true => Lifecycle::adopted(plan.form, tries, owed, Instant::now()),
        };
        Self {
            adopted,
            life,
            output: StopOutput::open(stop.and_then(|stop| stop.output.as_deref())),
            plan,
            stopping: None,
            try_end: None,
            lost: false,
            stuck: false,
            intent,
            tries: 0,
            last_try: None,
        }
    }

    /// Who has its stop run.
    pub fn striker(&self, alone: bool) -> Striker {
        match () {
            () if self.adopted => Striker::Journal,
            () if alone => Striker::Shim,
            () => Striker::Build,
        }
    }

    /// What its reaper does when this shim is lost.
    pub fn without_shim(&self) -> WithoutShim {
        match (self.plan.form, &self.plan.stop) {
            (ServiceForm::Daemon, _) => WithoutShim::CutStart,
            (ServiceForm::Foreground { .. }, Some(_)) => WithoutShim::KeepLeader,
            (ServiceForm::Foreground { grace }, None) => WithoutShim::EndLeader { grace },
        }
    }
}

/// What is owed to an adopted service. The item's lock is held: nobody else writes to its intent.
fn owed(plan: &ServicePlan, intent: Option<&OwnedFd>) -> Owed {
    match intent.and_then(|intent| read_strike(intent).ok()).map(|strike| strike.state) {
        Some(StrikeState::Ran) => Owed::Nothing,
        Some(StrikeState::RanOnce) => Owed::Second,
        _ if plan.start_was_cut && plan.form == ServiceForm::Daemon => Owed::Two,
        _ => Owed::One,
    }
}

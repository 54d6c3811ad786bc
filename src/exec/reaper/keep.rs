//! What a reaper does: starts its leader, tells how it ended, ends what it is told to end, and proves that nothing is left.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;

use super::leader::{self, Birth};
use crate::protocol::{Charge, Exit, Report, Role, SpawnFault, SpawnStage, StuckProcess, Task};
use crate::sys::packet::{self, Received};
use crate::sys::wait::{self, Reaped};
use crate::sys::{deadline, descriptors, harden, signals, status};

/// After KILL a process has this long to be gone before it is called stuck.
pub const STUCK_AFTER: Duration = Duration::from_secs(5);
/// While killing, the children are looked at again after this time even if nobody's end was told.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The leader runs.
    Running,
    /// The leader is gone, what it left may stay.
    Leftover,
    /// The leader's group has been told to end; at `until` it is killed.
    Asked { until: Instant },
    /// The leader's group has been killed; at `until` it is called stuck.
    Killed { until: Instant },
    /// Everything is being killed; at `until` it is called stuck.
    Clearing { until: Instant },
}

struct Reaper {
    role: Role,
    shim: OwnedFd,
    children: SignalFd,
    leader: Pid,
    birth: Option<Birth>,
    phase: Phase,
    /// How the leader ended, once that was told.
    told: Option<Exit>,
    stuck_told: bool,
    killed: u32,
}

/// The whole life of a reaper, in a process that has just been forked from the shim. It waits for its charge, so that one
/// can be ready before it is needed. Gives the exit code.
pub fn become_reaper(shim: OwnedFd) -> i32 {
    descriptors::close_all_but(&[shim.as_fd()]);
    harden::be_called(c"pikoci-reaper");
    let (Ok(()), Ok(children)) = (harden::adopt_orphans(), signals::ends_of_children()) else { return 1 };
    let Some((Charge { role, command }, descriptors)) = packet::wait_for(&shim) else { return 0 };
    let started = match &descriptors[..] {
        [output, errors, group @ ..] => {
            leader::start(&command, output, errors, group.first().map(AsFd::as_fd))
        }
        _ => Err(SpawnFault { stage: SpawnStage::Files, errno: 0 }),
    };
    drop(descriptors);
    match started {
        Err(fault) => {
            let _ = packet::send(&shim, &Report::NotStarted { fault }, &[]);
        }
        Ok(leader::Leader { pid, birth }) => Reaper {
            role,
            shim,
            children,
            leader: pid,
            birth: Some(birth),
            phase: Phase::Running,
            told: None,
            stuck_told: false,
            killed: 0,
        }
        .keep(),
    }
    0
}

/// Whether the reaper's work is done.
#[derive(PartialEq, Eq)]
enum Work {
    GoesOn,
    Done,
}

impl Reaper {
    fn keep(mut self) {
        loop {
            self.wait();
            let ended = signals::drain(&self.children);
            if self.hear_of_birth() == Work::Done {
                return;
            }
            self.hear_shim();
            if (ended || self.phase != Phase::Running) && self.look_at_children() == Work::Done {
                return;
            }
            self.look_at_clock();
        }
    }

    /// Sleeps until something happens or a deadline is there.
    fn wait(&self) {
        let mut watched = vec![
            PollFd::new(self.children.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.shim.as_fd(), PollFlags::POLLIN),
        ];
        watched.extend(self.birth.as_ref().map(|birth| PollFd::new(birth.descriptor(), PollFlags::POLLIN)));
        let until = match self.phase {
            Phase::Running | Phase::Leftover => None,
            Phase::Asked { until } => Some(until),
            Phase::Killed { .. } | Phase::Clearing { .. } => Some(Instant::now() + LOOK_AGAIN),
        };
        let _ = poll(&mut watched, deadline::timeout(until));
    }

    fn say(&self, report: &Report) {
        let _ = packet::send(&self.shim, report, &[]);
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
        loop {
            match packet::receive::<Task>(&self.shim) {
                Ok(Received::Message(Task::End { grace }, _)) => self.end(grace),
                Ok(Received::Message(Task::Clear, _)) => self.clear(),
                Ok(Received::Refused(_)) => {}
                Ok(Received::Nothing) => return,
                // Without its shim nobody would ever end what runs here.
                Ok(Received::Closed) | Err(_) => {
                    if !matches!(self.phase, Phase::Clearing { .. }) {
                        self.clear();
                    }
                    return;
                }
            }
        }
    }

    /// Ends the leader and its group.
    fn end(&mut self, grace: Duration) {
        let now = Instant::now();
        match self.phase {
            Phase::Running if grace.is_zero() => self.kill_group(now),
            Phase::Running => {
                // Before its program runs the leader has no group of its own yet, and ignores what the reaper ignores.
                if self.birth.is_none() {
                    self.ask_group();
                }
                self.phase = Phase::Asked { until: now + grace };
            }
            Phase::Asked { until } => self.phase = Phase::Asked { until: until.min(now + grace) },
            Phase::Leftover if self.role == Role::Service => self.say(&Report::GroupGone),
            Phase::Leftover => self.clear(),
            Phase::Killed { .. } | Phase::Clearing { .. } => {}
        }
    }

    fn ask_group(&self) {
        let _ = killpg(self.leader, Signal::SIGTERM);
        let _ = killpg(self.leader, Signal::SIGCONT);
    }

    /// The leader is unreaped here, so its number and that of its group, which it may not have made yet, are its own.
    fn kill_group(&mut self, now: Instant) {
        let _ = kill(self.leader, Signal::SIGKILL);
        let _ = killpg(self.leader, Signal::SIGKILL);
        self.phase = Phase::Killed { until: now + STUCK_AFTER };
    }

    fn clear(&mut self) {
        if !matches!(self.phase, Phase::Leftover | Phase::Clearing { .. }) {
            let _ = killpg(self.leader, Signal::SIGKILL);
        }
        wait::kill_children();
        if !matches!(self.phase, Phase::Clearing { .. }) {
            self.phase = Phase::Clearing { until: Instant::now() + STUCK_AFTER };
        }
    }

    fn look_at_children(&mut self) -> Work {
        match self.phase {
            Phase::Running => self.look_at_leader(),
            Phase::Asked { .. } | Phase::Killed { .. } => self.look_at_group(),
            Phase::Leftover | Phase::Clearing { .. } => self.reap_all(),
        }
    }

    fn look_at_leader(&mut self) -> Work {
        let Some(exit) = wait::peek(self.leader) else {
            self.reap_others();
            return Work::GoesOn;
        };
        let leaves_go = match self.role {
            Role::Step => !exit.is_success(),
            Role::Service => false,
            Role::Stop => true,
        };
        if leaves_go {
            let _ = killpg(self.leader, Signal::SIGKILL);
        }
        wait::reap(self.leader);
        self.phase = Phase::Leftover;
        let alone = self.reap_ended() == Reaped::NoChild;
        self.tell(exit, alone);
        if alone {
            return Work::Done;
        }
        if leaves_go {
            self.clear();
        }
        Work::GoesOn
    }

    /// The group is gone when its leader has ended and no child of ours is in it. The leader stays unreaped until
    /// then, so that nobody else can get its number.
    fn look_at_group(&mut self) -> Work {
        let exit = wait::peek(self.leader);
        if let (Some(exit), None) = (exit, self.told) {
            self.tell(exit, false);
        }
        self.reap_others();
        if exit.is_none() || wait::group_has_others(self.leader) {
            return Work::GoesOn;
        }
        let _ = killpg(self.leader, Signal::SIGKILL);
        wait::reap(self.leader);
        self.phase = Phase::Leftover;
        if self.role == Role::Service {
            self.say(&Report::GroupGone);
        } else {
            self.clear();
        }
        self.reap_all()
    }

    fn reap_others(&mut self) {
        for child in wait::children() {
            if child != self.leader && wait::reap(child) == Some(Exit::Signal(Signal::SIGKILL as i32)) {
                self.count_killed();
            }
        }
    }

    /// Reaps until nobody is left or nobody has ended, killing what appears if all shall go.
    fn reap_all(&mut self) -> Work {
        if self.reap_ended() == Reaped::NoChild {
            self.say(&Report::Empty { killed: self.killed });
            return Work::Done;
        }
        if matches!(self.phase, Phase::Clearing { .. }) {
            wait::kill_children();
        }
        Work::GoesOn
    }

    fn reap_ended(&mut self) -> Reaped {
        loop {
            match wait::reap_any() {
                Reaped::One(pid, exit) if pid == self.leader => {
                    if self.told.is_none() {
                        self.tell(exit, false);
                    }
                }
                Reaped::One(_, Exit::Signal(signal)) if signal == Signal::SIGKILL as i32 => {
                    self.count_killed()
                }
                Reaped::One(..) => {}
                other => return other,
            }
        }
    }

    /// Only what ends while we end things was killed by us.
    fn count_killed(&mut self) {
        if !matches!(self.phase, Phase::Running | Phase::Leftover) {
            self.killed += 1;
        }
    }

    fn tell(&mut self, exit: Exit, alone: bool) {
        self.told = Some(exit);
        self.say(&Report::Exited { exit, alone });
    }

    fn look_at_clock(&mut self) {
        let now = Instant::now();
        match self.phase {
            Phase::Asked { until } if now >= until => self.kill_group(now),
            Phase::Killed { until } | Phase::Clearing { until } if now >= until && !self.stuck_told => {
                self.stuck_told = true;
                self.say(&Report::Stuck { processes: stuck_processes() });
            }
            _ => {}
        }
    }
}

fn stuck_processes() -> Vec<StuckProcess> {
    wait::children().into_iter().filter(|child| wait::peek(*child).is_none()).map(stuck).collect()
}

/// A process that outlives KILL, for the person who has to find out why.
pub fn stuck(process: Pid) -> StuckProcess {
    let (command, wait_channel) = status::explain(process.as_raw());
    StuckProcess { pid: process.as_raw(), command, wait_channel }
}

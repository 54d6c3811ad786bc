//! How a reaper ends what it keeps: it signals only its own children that it has not reaped, whose numbers are nobody
//! else's, again and again until the system says that there is no child.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};

use super::keep::{Phase, Reaper, Work};
use crate::journal;
use crate::protocol::{Exit, Report, Role, WithoutShim};
use crate::sys::harden;
use crate::sys::wait::{self, Left};

/// Where too many end to be told of, this is done so often before anything else has its turn.
const ROUNDS_IN_A_ROW: usize = 50;

impl Reaper {
    /// Ends the leader and its group.
    pub(super) fn end(&mut self, grace: Duration) {
        let now = Instant::now();
        match self.phase {
            Phase::Running if grace.is_zero() => self.kill_group(),
            Phase::Running => {
                // Before its program runs the leader has no group of its own yet, and ignores what the reaper ignores.
                if self.birth.is_none() {
                    self.ask_group();
                }
                self.phase = Phase::Asked { until: now + grace };
            }
            Phase::Asked { until } => self.phase = Phase::Asked { until: until.min(now + grace) },
            Phase::Leftover if self.keeps_daemons() => self.say(&Report::GroupGone),
            Phase::Leftover => self.clear(),
            Phase::Killed | Phase::Clearing => {}
        }
    }

    fn keeps_daemons(&self) -> bool {
        matches!(self.role, Role::Service(_))
    }

    pub(super) fn ask_group(&self) {
        let _ = killpg(self.leader, Signal::SIGTERM);
        let _ = killpg(self.leader, Signal::SIGCONT);
    }

    /// The leader is unreaped here, so its number and that of its group, which it may not have made yet, are its own.
    fn kill_group(&mut self) {
        if !self.keeps_daemons() {
            // What has left the group goes with it, and might make more of itself meanwhile.
            return self.clear();
        }
        let _ = kill(self.leader, Signal::SIGKILL);
        let _ = killpg(self.leader, Signal::SIGKILL);
        self.phase = Phase::Killed;
        self.patience.begin(Instant::now());
    }

    pub(super) fn clear(&mut self) {
        if self.phase == Phase::Clearing {
            return self.kill_children();
        }
        harden::be_first();
        if self.phase != Phase::Leftover {
            let _ = killpg(self.leader, Signal::SIGKILL);
        }
        self.kill_children();
        self.phase = Phase::Clearing;
        self.patience.begin(Instant::now());
    }

    fn kill_children(&self) {
        if self.children_go { wait::kill_children_surely() } else { wait::kill_children() }
    }

    pub(super) fn look_at_children(&mut self) -> Work {
        match self.phase {
            Phase::Running => self.look_at_leader(),
            Phase::Asked { .. } | Phase::Killed => self.look_at_group(),
            Phase::Leftover | Phase::Clearing => self.reap_all(),
        }
    }

    fn look_at_leader(&mut self) -> Work {
        let Some(exit) = wait::peek(self.leader) else {
            self.behind = wait::reap_some_but(self.leader, |_, _| {}) == Left::More;
            return Work::GoesOn;
        };
        self.note(exit);
        let leaves_go = match self.role {
            Role::Step => !exit.is_success(),
            Role::Service(_) => false,
            Role::Stop { .. } => true,
        };
        if leaves_go {
            let _ = killpg(self.leader, Signal::SIGKILL);
        }
        wait::reap(self.leader);
        self.phase = Phase::Leftover;
        let alone = self.reap_ended() == Left::NoChild;
        self.tell(exit, alone);
        if alone {
            return Work::Done;
        }
        if leaves_go {
            self.clear();
        }
        Work::GoesOn
    }

    /// Before the shim is told: whatever is written when the service is over comes later. Without this note the stop would
    /// only run once more, should the shim be lost. When it is lost, others write.
    fn note(&mut self, exit: Exit) {
        let Some(intent) = self.intent.take().filter(|_| self.shim.is_some()) else { return };
        let _ = match self.role {
            Role::Service(WithoutShim::CutStart) => journal::note_started(intent),
            Role::Stop { by, last } if exit.is_success() => journal::note_run(intent, by, last),
            Role::Service(_) | Role::Stop { .. } | Role::Step => Ok(()),
        };
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
        if self.keeps_daemons() {
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

    /// Reaps, killing what appears if all shall go: what forks must not be faster.
    fn reap_all(&mut self) -> Work {
        let rounds = if self.children_go { ROUNDS_IN_A_ROW } else { 1 };
        for _ in 0..rounds {
            if self.reap_ended() == Left::NoChild {
                self.say(&Report::Empty { killed: self.killed });
                return Work::Done;
            }
            if self.phase != Phase::Clearing {
                break;
            }
            self.kill_children();
        }
        Work::GoesOn
    }

    fn reap_ended(&mut self) -> Left {
        let all = self.children_go;
        let each = |pid, exit| match exit {
            _ if pid == self.leader && self.told.is_none() => self.tell(exit, false),
            _ if pid == self.leader => {}
            Exit::Signal(signal) if signal == Signal::SIGKILL as i32 => self.count_killed(),
            _ => {}
        };
        let left = if all { wait::reap_all(each) } else { wait::reap_some(each) };
        self.behind = left == Left::More;
        if self.behind && self.told.is_some() && !all {
            self.children_go = true;
            wait::let_children_go();
        }
        left
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

    pub(super) fn look_at_clock(&mut self) {
        let now = Instant::now();
        match self.phase {
            Phase::Asked { until } if now >= until => self.kill_group(),
            Phase::Killed | Phase::Clearing => {
                if let Some(processes) = self.patience.lost(now, wait::children) {
                    self.say(&Report::Stuck { processes });
                }
            }
            _ => {}
        }
    }
}

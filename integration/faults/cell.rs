//! A cell: what is broken, and when.

use libc::SIGKILL;

use crate::{
    fault::{Act, After, Fault},
    faults::SECOND,
    kind::Kind,
    phase::Phase,
};

/// A phase and a fault.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub phase: Phase,
    pub fault: &'static Fault,
}

/// Between TERM and KILL of what ignores it.
const GRACE: u64 = 10 * SECOND;
/// Until output that is held open is given up.
const DRAIN: u64 = SECOND + SECOND / 2;
/// Until a stop that failed twice is tried again.
const AGAIN: u64 = 5 * SECOND;

/// What a stop has to wait for, by the rules, before it ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    Nothing,
    Grace,
    Drain,
    Again,
}

impl Wait {
    fn milliseconds(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Grace => GRACE,
            Self::Drain => DRAIN,
            Self::Again => AGAIN,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "for nothing",
            Self::Grace => "for a start that ignores TERM: 10 s of grace",
            Self::Drain => "for output that a step's orphan holds open: 1.5 s",
            Self::Again => "for its next try, since it fails: 5 s after the first",
        }
    }
}

impl Cell {
    /// How long the stops may take after the fault: milliseconds.
    pub fn limit(self, kind: Kind) -> u64 {
        self.fault.limit + self.wait(kind).milliseconds()
    }

    /// What it has to wait for that is not the fault's.
    pub fn wait(self, kind: Kind) -> Wait {
        let starting = matches!(self.phase, Phase::AfterIntent | Phase::MidStart | Phase::Anywhen);
        let gentle = !matches!(self.fault.act, Act::Signals(all) if all.iter().any(|(_, n)| *n == SIGKILL));
        let graceful = starting && gentle && kind.services().contains(&Kind::Stubborn);
        let drained =
            kind.services().contains(&Kind::Loud) && matches!(self.fault.after, After::Lives | After::Ends);
        let tried_again = self.fault.act == Act::Fail && self.phase == Phase::MidStop;
        match () {
            () if graceful => Wait::Grace,
            () if tried_again => Wait::Again,
            () if drained => Wait::Drain,
            () => Wait::Nothing,
        }
    }

    /// `mid-task/kill-worker`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.phase.name(), self.fault.name)
    }
}

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
/// Until output that is held open is given up, and until a stop that failed is tried again.
const PAUSE: u64 = SECOND + SECOND / 2;

impl Cell {
    /// How long the stops may take after the fault: milliseconds.
    pub fn limit(self, kind: Kind) -> u64 {
        let starting = matches!(self.phase, Phase::AfterIntent | Phase::MidStart | Phase::Anywhen);
        let gentle = !matches!(self.fault.act, Act::Signals(all) if all.iter().any(|(_, n)| *n == SIGKILL));
        let graceful = starting && gentle && kind == Kind::Stubborn;
        let drained = kind == Kind::Loud && matches!(self.fault.after, After::Lives | After::Ends);
        let tried_again = self.fault.act == Act::Fail && self.phase == Phase::MidStop;
        self.fault.limit + if graceful { GRACE } else { 0 } + if drained || tried_again { PAUSE } else { 0 }
    }

    /// `mid-task/kill-worker`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.phase.name(), self.fault.name)
    }
}

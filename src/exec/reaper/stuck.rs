//! When a process that was sent KILL is called stuck: it has outlived it. A chain of forks that is faster than its end
//! for a while is not stuck, each of its links dies of the signal it got.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::protocol::StuckProcess;
use crate::sys::status::{self, START_TIME};
use crate::sys::{boottime, wait};

/// After KILL a process has this long to be gone before it is called stuck.
const STUCK_AFTER: Duration = Duration::from_secs(5);
/// What still makes new processes after this time is called stuck as well.
const OUTRUN_AFTER: Duration = Duration::from_secs(30);
/// Between two looks at what is left.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long it is waited for what was killed.
#[derive(Debug, Default)]
pub struct Patience {
    since: Option<Instant>,
    looked: Option<Instant>,
    told: bool,
}

impl Patience {
    /// KILL has been sent, or is from now on.
    pub fn begin(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// The same, unless it has begun.
    pub fn begin_once(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// What is to be told of as stuck, among these children of this process, once.
    pub fn lost(&mut self, now: Instant, children: impl FnOnce() -> Vec<Pid>) -> Option<Vec<StuckProcess>> {
        let waited = now.duration_since(self.since?);
        let just_looked = self.looked.is_some_and(|looked| now < looked + LOOK_AGAIN);
        if self.told || waited < STUCK_AFTER || just_looked {
            return None;
        }
        self.looked = Some(now);
        let living = children().into_iter().filter(|child| wait::peek(*child).is_none());
        let stuck: Vec<_> =
            living.filter(|child| waited >= OUTRUN_AFTER || has_outlived(*child)).map(explain).collect();
        self.told = !stuck.is_empty();
        self.told.then_some(stuck)
    }
}

/// Whether the process was there when KILL was sent so long ago.
fn has_outlived(process: Pid) -> bool {
    status::stat_field(process.as_raw(), START_TIME)
        .is_some_and(|began| status::ticks(began) + STUCK_AFTER <= boottime::now())
}

/// For the person who has to find out why.
fn explain(process: Pid) -> StuckProcess {
    let (command, wait_channel) = status::explain(process.as_raw());
    StuckProcess { pid: process.as_raw(), command, wait_channel }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_young_process_is_only_called_stuck_when_there_are_always_others() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let children = || vec![Pid::from_raw(i32::try_from(child.id()).unwrap())];
        let (mut patience, began) = (Patience::default(), Instant::now());
        assert_eq!(patience.lost(began + OUTRUN_AFTER, children), None, "nothing was killed yet");
        patience.begin(began);
        assert_eq!(patience.lost(began + STUCK_AFTER, children), None);
        let stuck = patience.lost(began + OUTRUN_AFTER, children).unwrap();
        assert_eq!(stuck[0].pid, i32::try_from(child.id()).unwrap());
        assert_eq!(patience.lost(began + 2 * OUTRUN_AFTER, children), None, "it is told once");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_was_there_before_has_outlived() {
        assert!(has_outlived(Pid::from_raw(1)));
        assert!(!has_outlived(Pid::from_raw(-1)));
    }
}

//! What a fault is.

use crate::phase::Phase;

/// Who is hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Worker,
    Nursery,
    /// The shims of the cell's builds.
    Shims,
    /// All of the program and of its builds at once, as a power cut would.
    Everything,
    /// `kill -1` by the user that it runs as.
    User,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// What is held at the gate fails.
    Fail,
    Cancel,
    /// The step's time is over.
    StepTimeout,
    /// The job's time is over.
    JobTimeout,
    /// A call of a port panics; which one says the phase.
    Panic,
    /// Signals, one after the other.
    Signals(&'static [(Target, i32)]),
    /// Stopped for so many seconds, or until another host has taken over; then continued.
    Pause {
        whom: &'static [Target],
        seconds: u64,
        second_host: bool,
    },
    /// The program is run beside with these arguments, on the same state directory, to its end.
    Beside(&'static [&'static str]),
    /// Another worker is started on the same state directory, and stays.
    WorkerBeside,
    /// No byte is left for the journal.
    FullDisk,
    /// Everything dies, and the next start finds another boot id.
    Reboot,
    /// The disk of the journal takes everything and keeps nothing for a while: `fsync` fails.
    NoSync,
    /// No descriptor is left for a while.
    NoFiles,
    /// No process is left for a while.
    NoProcesses,
}

/// What becomes of the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    /// It goes on.
    Lives,
    /// It ends by itself, in order; then it is started again.
    Ends,
    /// It is dead, and is started again 0 to 200 ms later.
    RestartAtOnce,
    /// It is dead, and is started again when the stops have run without it.
    RestartLater,
    /// It is dead; the journal is replayed by hand, then it is started again.
    Replayed,
}

/// What is different from the start, or around the fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Twist {
    None,
    /// The transport loses, repeats, delays and reorders.
    Chaos,
    /// The work directories are gone at the next start.
    NoWorkdir,
    /// The worker cannot die: its threads are frozen before it is killed.
    Frozen,
    /// It runs as a user of its own.
    OwnUser,
    /// The worker is cut off from the server while another host takes over.
    Cut,
    /// After the next start, the server's wall clock is an hour wrong.
    WrongClock,
    /// The next start has another secret: the tokens of workers and of sessions are void.
    NewSecret,
}

/// A fault.
#[derive(Debug)]
pub struct Fault {
    pub name: &'static str,
    pub act: Act,
    pub after: After,
    /// From the fault, or from the next start where nobody is left, to the end of the last stop: milliseconds.
    pub limit: u64,
    /// In each how many-th round it has its turn.
    pub period: u64,
    pub twist: Twist,
}

impl Fault {
    /// Why it cannot be had in this phase.
    pub fn is_absent_in(&self, phase: Phase) -> Option<&'static str> {
        let row = crate::faults::NOT_HAD
            .iter()
            .find(|(name, phases, _)| *name == self.name && phases.contains(&phase));
        row.map(|(_, _, why)| *why)
    }
}

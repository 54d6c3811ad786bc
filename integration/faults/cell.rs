//! The cells: what is broken, when, and under which kind of service. Rows of data.

use libc::{SIGKILL, SIGQUIT, SIGTERM};

/// How far a build is when the fault strikes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Phase {
    BeforeIntent,
    AfterIntent,
    MidStart,
    Started,
    ProbeHung,
    MidTask,
    MidStop,
    AfterStop,
    /// A moment that the seed chooses.
    Anywhen,
}

impl Phase {
    pub const ALL: [Self; 9] = [
        Self::BeforeIntent,
        Self::AfterIntent,
        Self::MidStart,
        Self::Started,
        Self::ProbeHung,
        Self::MidTask,
        Self::MidStop,
        Self::AfterStop,
        Self::Anywhen,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeIntent => "before-intent",
            Self::AfterIntent => "after-intent",
            Self::MidStart => "mid-start",
            Self::Started => "started",
            Self::ProbeHung => "probe-hung",
            Self::MidTask => "mid-task",
            Self::MidStop => "mid-stop",
            Self::AfterStop => "after-stop",
            Self::Anywhen => "anywhen",
        }
    }

    /// The gate at which the scripts are held, and the word they say there.
    pub fn gate(self) -> Option<&'static str> {
        match self {
            Self::BeforeIntent | Self::AfterIntent | Self::Anywhen | Self::Started => None,
            Self::MidStart => Some("mid-start"),
            Self::ProbeHung => Some("probe-hung"),
            Self::MidTask => Some("task"),
            Self::MidStop | Self::AfterStop => Some("mid-stop"),
        }
    }

    /// The call that panics in this phase, as the program's hidden flag names it.
    pub fn panics_in(self) -> Option<&'static str> {
        Some(match self {
            Self::BeforeIntent => "service",
            Self::AfterIntent => "service-started",
            Self::MidStart => "wait:start",
            Self::Started => "spawn:ready",
            Self::ProbeHung => "wait:ready",
            // Where the work stands behind one service and behind three.
            Self::MidTask => "wait:2,4",
            Self::MidStop => "stop",
            Self::AfterStop => "stopped",
            Self::Anywhen => return None,
        })
    }

    /// Whether a stop is under way.
    pub fn is_stopping(self) -> bool {
        matches!(self, Self::MidStop | Self::AfterStop)
    }
}

/// What a service leaves for others to end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Kind {
    Plain,
    Forking,
    Setsid,
    Stubborn,
    Loud,
    /// Without an environment.
    Bare,
    /// The command is the service.
    Process,
    /// Three services in one build.
    Three,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Forking,
        Self::Setsid,
        Self::Stubborn,
        Self::Loud,
        Self::Bare,
        Self::Process,
        Self::Three,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Forking => "forking",
            Self::Setsid => "setsid",
            Self::Stubborn => "stubborn",
            Self::Loud => "loud",
            Self::Bare => "bare",
            Self::Process => "process",
            Self::Three => "three",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The service types of its job, one service each.
    pub fn services(self) -> &'static [Self] {
        match self {
            Self::Plain => &[Self::Plain],
            Self::Forking => &[Self::Forking],
            Self::Setsid => &[Self::Setsid],
            Self::Stubborn => &[Self::Stubborn],
            Self::Loud => &[Self::Loud],
            Self::Bare => &[Self::Bare],
            Self::Process => &[Self::Process],
            Self::Three => &[Self::Plain, Self::Setsid, Self::Loud],
        }
    }
}

/// Who is hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Worker,
    Nursery,
    /// The shims of the cell's builds.
    Shims,
    /// All of the program and of its builds at once, as a power cut would.
    Everything,
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
    Pause { whom: &'static [Target], seconds: u64, second_host: bool },
    /// No byte is left for the journal.
    FullDisk,
    /// Everything dies, and the next start finds another boot id.
    Reboot,
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
}

const SECOND: u64 = 1000;
const fn fault(name: &'static str, act: Act, after: After, limit: u64, period: u64) -> Fault {
    Fault { name, act, after, limit, period }
}

/// All faults.
pub const FAULTS: [Fault; 29] = [
    fault("task-fails", Act::Fail, After::Lives, SECOND, 1),
    fault("cancel", Act::Cancel, After::Lives, SECOND, 1),
    fault("step-timeout", Act::StepTimeout, After::Lives, 12 * SECOND, 2),
    fault("job-timeout", Act::JobTimeout, After::Lives, 12 * SECOND, 2),
    fault("panic", Act::Panic, After::Lives, 2 * SECOND, 1),
    fault("TERM", Act::Signals(&[(Target::Worker, SIGTERM)]), After::Ends, SECOND, 1),
    fault("QUIT", Act::Signals(&[(Target::Worker, SIGQUIT)]), After::Ends, SECOND, 1),
    fault(
        "TERM-twice",
        Act::Signals(&[(Target::Worker, SIGTERM), (Target::Worker, SIGTERM)]),
        After::Ends,
        SECOND,
        1,
    ),
    fault("kill-worker", Act::Signals(&[(Target::Worker, SIGKILL)]), After::RestartLater, 2 * SECOND, 1),
    fault("kill-server", Act::Signals(&[(Target::Worker, SIGKILL)]), After::RestartAtOnce, 2 * SECOND, 1),
    fault("abort-worker", Act::Signals(&[(Target::Worker, libc::SIGABRT)]), After::RestartLater, 2 * SECOND, 4),
    fault("restart-server", Act::Signals(&[(Target::Worker, libc::SIGINT)]), After::Ends, SECOND, 2),
    fault("kill-shim", Act::Signals(&[(Target::Shims, SIGKILL)]), After::Lives, 2 * SECOND, 1),
    fault(
        "kill-shim-worker",
        Act::Signals(&[(Target::Shims, SIGKILL), (Target::Worker, SIGKILL)]),
        After::RestartLater,
        2 * SECOND,
        1,
    ),
    fault(
        "kill-worker-shim",
        Act::Signals(&[(Target::Worker, SIGKILL), (Target::Shims, SIGKILL)]),
        After::RestartLater,
        2 * SECOND,
        1,
    ),
    fault("kill-nursery", Act::Signals(&[(Target::Nursery, SIGKILL)]), After::Lives, 2 * SECOND, 2),
    fault(
        "kill-nursery-shim",
        Act::Signals(&[(Target::Nursery, SIGKILL), (Target::Shims, SIGKILL)]),
        After::Lives,
        2 * SECOND,
        2,
    ),
    fault(
        "kill-all",
        Act::Signals(&[(Target::Worker, SIGKILL), (Target::Nursery, SIGKILL), (Target::Shims, SIGKILL)]),
        After::RestartAtOnce,
        5 * SECOND,
        1,
    ),
    fault("kill-cgroup", Act::Signals(&[(Target::Everything, SIGKILL)]), After::RestartAtOnce, 5 * SECOND, 1),
    fault("reboot", Act::Reboot, After::RestartAtOnce, 5 * SECOND, 1),
    fault("full-disk", Act::FullDisk, After::Lives, 2 * SECOND, 2),
    fault("no-files", Act::NoFiles, After::Lives, 9 * SECOND, 2),
    fault("no-processes", Act::NoProcesses, After::Lives, 9 * SECOND, 2),
    fault("stop-worker-30s", pause(&[Target::Worker], 30, false), After::Lives, 17 * SECOND, 8),
    fault("stop-shim-30s", pause(&[Target::Shims], 30, false), After::Lives, 33 * SECOND, 8),
    fault("stop-both-30s", pause(&[Target::Worker, Target::Shims], 30, false), After::Lives, 33 * SECOND, 8),
    fault("stop-nursery-30s", pause(&[Target::Nursery], 30, false), After::Lives, 33 * SECOND, 8),
    fault("stop-worker-second-host", pause(&[Target::Worker], 0, true), After::Lives, 17 * SECOND, 4),
    fault(
        "stop-both-second-host",
        pause(&[Target::Worker, Target::Shims], 0, true),
        After::Lives,
        60 * SECOND,
        4,
    ),
];

const fn pause(whom: &'static [Target], seconds: u64, second_host: bool) -> Act {
    Act::Pause { whom, seconds, second_host }
}

const NOT_WORKING: &[Phase] = &[
    Phase::BeforeIntent,
    Phase::AfterIntent,
    Phase::MidStart,
    Phase::Started,
    Phase::ProbeHung,
    Phase::MidStop,
    Phase::AfterStop,
    Phase::Anywhen,
];

/// Phases in which a fault cannot be had, and why.
const NOT_HAD: &[(&str, &[Phase], &str)] = &[
    (
        "task-fails",
        &[Phase::AfterIntent, Phase::Started, Phase::AfterStop, Phase::Anywhen],
        "a probe that fails is asked again until its time is over (step-timeout); a stop that has ended cannot fail",
    ),
    (
        "step-timeout",
        &[Phase::AfterIntent, Phase::MidStart, Phase::AfterStop, Phase::Anywhen],
        "a start has a fixed limit of five minutes; no step is running",
    ),
    ("job-timeout", &[Phase::MidStop, Phase::AfterStop, Phase::Anywhen], "the job's time ends with its steps"),
    ("panic", &[Phase::Anywhen], "a call is not a moment"),
    ("stop-worker-second-host", NOT_WORKING, "only a step can overlap with another"),
    ("stop-both-second-host", NOT_WORKING, "only a step can overlap with another"),
];

impl Fault {
    /// Why it cannot be had in this phase.
    pub fn is_absent_in(&self, phase: Phase) -> Option<&'static str> {
        let row = NOT_HAD.iter().find(|(name, phases, _)| *name == self.name && phases.contains(&phase));
        row.map(|(_, _, why)| *why)
    }
}

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
        self.fault.limit
            + if graceful { GRACE } else { 0 }
            + if drained || tried_again { PAUSE } else { 0 }
    }

    /// `mid-task/kill-worker`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.phase.name(), self.fault.name)
    }
}

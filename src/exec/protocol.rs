//! What worker, nursery, shim and reaper say to each other. All four are the same program of the same build, so the
//! form of the bytes is nobody else's business.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::journal::Striker;
use crate::sys::harden::Surroundings;

/// Names one thing that runs in an item: a step attempt, a probe or a service instance. Chosen by the worker, never
/// used twice in an item.
pub type UnitId = u64;

/// Names what belongs to no unit: the strays of an item.
pub const NO_UNIT: UnitId = 0;

/// A nursery's answer.
pub const ORPHANS_GONE: &[u8] = b".";

/// Worker → nursery.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Makes a shim. Descriptors: the shim's end of its control socket; then, where the item says so, its lock file, open
    /// for reading and writing; then its build slot. Whether the shim exists is seen at the control socket: it says
    /// [`Event::Ready`] or [`Event::Busy`], or the socket closes.
    Hatch(Hatch),
    /// The stops of a dead shim have been run: ends what is left of it. Descriptor: the write end of a pipe, which gets
    /// [`ORPHANS_GONE`] when nothing of it is left.
    EndOrphans {
        item: String,
        /// The number that the shim told with [`Event::Ready`].
        shim: i32,
    },
}

/// A work item that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hatch {
    /// Letters, digits and `-`: names the control group of the item.
    pub item: String,
    /// Time for all stops together, when the worker is gone.
    pub stop_budget: Duration,
    /// None: the item ends with its worker only.
    pub lease: Option<Lease>,
    /// A lock file comes along. The shim takes its record lock and holds it until nothing is left of the item.
    pub lock: bool,
    /// A build slot comes along. It is kept open until nothing is left of the item.
    pub slot: bool,
    /// Arguments with which the nursery executes the program anew when this shim died with work undone and the worker is
    /// gone: it runs the item's stops. Empty: they cannot be run again.
    pub replay: Vec<Bytes>,
}

/// How long an item may live if its worker is not heard of again. Both moments are CLOCK_BOOTTIME, since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Steps are asked to end, and no more are started.
    pub term_at: Duration,
    /// Steps are killed; then the item ends as if its worker were gone.
    pub kill_at: Duration,
}

/// A command, complete: nothing is added to it on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments. A program without `/` is searched in the `PATH` of `env`.
    pub argv: Vec<Bytes>,
    /// Names and values; a name stands here once.
    pub env: Vec<(Bytes, Bytes)>,
    /// The current directory, absolute.
    pub directory: Bytes,
    /// Files that only this process can read, each open at its number before the program runs.
    pub files: Vec<HandedFile>,
    /// What else it inherits; that of the shim when absent.
    pub surroundings: Option<Surroundings>,
    /// Runs it where no process of the host has a number, where that can be had: a stop that is run after a reboot knows
    /// numbers that now are other people's.
    pub fresh_pids: bool,
}

/// Bytes that a command reads as `/proc/self/fd/N`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedFile {
    /// From 3 up to 200.
    pub number: i32,
    pub content: Bytes,
}

/// The command that ends a service, and how hard it is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopPlan {
    pub command: Command,
    /// Time for one try.
    pub limit: Duration,
    /// When it is tried again, counted from the first try; as many tries more.
    pub retries: Vec<Duration>,
    /// File that takes the output, up to its bound; made by the shim.
    pub output: Option<PathBuf>,
}

/// How a service lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceForm {
    /// `start` ends and leaves something running.
    Daemon,
    /// The start command is the service, in the foreground; ended by TERM, this much grace, KILL.
    Foreground { grace: Duration },
}

/// A service instance, registered and started in one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePlan {
    pub form: ServiceForm,
    /// None: it was started below a shim that is lost, and has to be stopped.
    pub start: Option<Command>,
    /// The lost shim's start did not end by itself, as far as is known: the stop runs twice.
    pub start_was_cut: bool,
    pub stop: Option<StopPlan>,
    /// Services of one group are stopped together, groups from the highest down.
    pub group: u32,
    /// A directory that is removed when the service is stopped.
    pub data: Option<PathBuf>,
}

/// Worker → shim.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Runs a command of a step. Descriptors: its stdout, its stderr.
    Run { unit: UnitId, command: Command },
    /// Registers a service with its stop, then starts it. Descriptors: its stdout and its stderr, if it is to be started;
    /// then its intent file, open for writing, if there is one: what becomes of the stop is written there before
    /// [`Event::Empty`].
    Serve { unit: UnitId, service: Box<ServicePlan> },
    /// Ends a step or a running start: TERM to its group, KILL after the grace. No grace: KILL at once.
    End { unit: UnitId, grace: Duration },
    /// Stops a service; a start that still runs has this much grace.
    Stop { unit: UnitId, grace: Duration },
    /// The lease was renewed.
    Lease(Lease),
    /// Ends the item: steps are killed, services that stand are stopped, what is left is killed; then `Empty`.
    Finish,
}

/// Shim → worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The shim is there, and holds its lock. `pid` is its own number and that of its session.
    Ready { pid: i32 },
    /// Another process holds the lock; this shim ends.
    Busy,
    /// It could not be run; nothing of it exists.
    NotStarted { unit: UnitId, fault: SpawnFault },
    /// The leader ended. `alone`: nothing that it started is left.
    Exited { unit: UnitId, exit: Exit, alone: bool },
    /// Nothing of the unit is alive any more. `killed` counts what had to be killed besides the leader.
    Gone { unit: UnitId, killed: u32 },
    /// KILL did not end these within its time; the unit stays until they are gone.
    Stuck { unit: UnitId, processes: Vec<StuckProcess> },
    /// Output of a stop.
    StopOutput { unit: UnitId, bytes: Bytes },
    /// A try of the stop ended.
    StopTried { unit: UnitId, outcome: StopOutcome },
    /// The service is stopped, or all tries failed; in both cases nothing of it is alive.
    Stopped { unit: UnitId, success: bool },
    /// A request out of form was thrown away.
    Refused { unit: Option<UnitId>, reason: String },
    /// The item is empty; its lock says so, lock and slot are free. The shim ends.
    Empty,
}

/// How one try of a stop ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopOutcome {
    Exit(Exit),
    TookTooLong(Duration),
    NotStarted(SpawnFault),
}

impl StopOutcome {
    /// Only an exit code of 0 is a success.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Exit(exit) if exit.is_success())
    }
}

/// How a leader ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// Its keeper was killed from outside, so how it ended is not known.
    Lost,
}

impl Exit {
    /// Only an exit code of 0 is a success.
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

/// Why a command could not be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpawnFault {
    pub stage: SpawnStage,
    /// The system's error number; 0 when there is none.
    pub errno: i32,
}

/// The step of a start that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpawnStage {
    /// A zero byte in an argument, the environment or the directory.
    ZeroByte,
    /// No argument at all.
    NoProgram,
    /// A process could not be made.
    Fork,
    /// The files handed over could not be put in place.
    Files,
    /// The directory could not be entered.
    Directory,
    /// The program could not be found or executed.
    Program,
}

/// A process that outlives KILL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckProcess {
    pub pid: i32,
    pub command: String,
    /// Where in the kernel it waits.
    pub wait_channel: String,
}

/// Shim → reaper, its first message. Descriptors: the leader's stdout, its stderr; then, where this says so, the control
/// group in which it is born; then the service's intent file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Charge {
    pub role: Role,
    pub command: Command,
    /// A control group comes along.
    pub grouped: bool,
    /// An intent file comes along: there it is noted that the start has ended by itself, or the stop with success.
    pub intent: bool,
    /// CLOCK_BOOTTIME moment at which everything is killed, whatever the shim does.
    pub kill_at: Option<Duration>,
}

/// What a leader is; it decides what becomes of the processes it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// What a success leaves stays until the item ends; what a failure leaves is killed.
    Step,
    /// What it leaves is the service, and stays until it is cleared.
    Service(WithoutShim),
    /// What it leaves is killed. Who has it run, and whether its success is the last that is owed.
    Stop { by: Striker, last: bool },
}

/// What becomes of a service whose shim is lost. Daemons stay until their stop has been run elsewhere and the reaper is
/// told so by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WithoutShim {
    /// A start that still runs is killed: a stop must not overtake it.
    CutStart,
    /// The leader is the service and stays too.
    KeepLeader,
    /// The leader is the service, and no command stops it: TERM, and KILL after the grace.
    EndLeader { grace: Duration },
}

/// Shim → reaper, after that.
#[derive(Debug, Serialize, Deserialize)]
pub enum Task {
    /// Ends the leader and its group, then everything else of this reaper unless it keeps daemons.
    End { grace: Duration },
    /// Kills everything.
    Clear,
    /// The lease was renewed: [`Charge::kill_at`] instead of the one before.
    Lease { kill_at: Duration },
}

/// Reaper → shim.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    NotStarted {
        fault: SpawnFault,
    },
    Exited {
        exit: Exit,
        alone: bool,
    },
    /// Leader and process group are gone; daemons may be left.
    GroupGone,
    Stuck {
        processes: Vec<StuckProcess>,
    },
    /// Nothing is left; the reaper ends.
    Empty {
        killed: u32,
    },
}

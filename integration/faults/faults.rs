//! All faults: rows of data.

use libc::{SIGKILL, SIGQUIT, SIGTERM};

use crate::{
    fault::{Act, After, Fault, Target, Twist},
    phase::Phase,
};

pub const SECOND: u64 = 1000;
const fn fault(name: &'static str, act: Act, after: After, limit: u64, period: u64) -> Fault {
    Fault { name, act, after, limit, period, twist: Twist::None }
}

impl Fault {
    const fn with(self, twist: Twist) -> Self {
        Self { twist, ..self }
    }
}

const KILL_WORKER: Act = Act::Signals(&[(Target::Worker, SIGKILL)]);
const KILL_ALL: Act =
    Act::Signals(&[(Target::Worker, SIGKILL), (Target::Nursery, SIGKILL), (Target::Shims, SIGKILL)]);

/// All faults.
pub const FAULTS: [Fault; 42] = [
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
    fault("kill-worker", KILL_WORKER, After::RestartLater, 2 * SECOND, 1),
    fault("kill-server", KILL_WORKER, After::RestartAtOnce, 2 * SECOND, 1),
    fault(
        "abort-worker",
        Act::Signals(&[(Target::Worker, libc::SIGABRT)]),
        After::RestartLater,
        2 * SECOND,
        4,
    ),
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
    fault("kill-all", KILL_ALL, After::RestartAtOnce, 5 * SECOND, 1),
    fault("kill-cgroup", Act::Signals(&[(Target::Everything, SIGKILL)]), After::RestartAtOnce, 5 * SECOND, 1),
    fault("reboot", Act::Reboot, After::RestartAtOnce, 5 * SECOND, 1),
    fault("full-disk", Act::FullDisk, After::Lives, 2 * SECOND, 2),
    fault("no-sync", Act::NoSync, After::Lives, 9 * SECOND, 2),
    fault("no-files", Act::NoFiles, After::Lives, 9 * SECOND, 2),
    fault("no-processes", Act::NoProcesses, After::Lives, 9 * SECOND, 2),
    fault("kill-all-replay", KILL_ALL, After::Replayed, 5 * SECOND, 2),
    fault("kill-all-no-workdir", KILL_ALL, After::RestartAtOnce, 5 * SECOND, 4).with(Twist::NoWorkdir),
    fault("kill-all-new-token", KILL_ALL, After::RestartAtOnce, 5 * SECOND, 4).with(Twist::NewSecret),
    fault("kill-user", Act::Signals(&[(Target::User, SIGKILL)]), After::RestartAtOnce, 5 * SECOND, 2)
        .with(Twist::OwnUser),
    fault("kill-worker-frozen", KILL_WORKER, After::RestartLater, 17 * SECOND, 8).with(Twist::Frozen),
    fault("kill-server-chaos", KILL_WORKER, After::RestartAtOnce, 2 * SECOND, 2).with(Twist::Chaos),
    fault("kill-server-wrong-clock", KILL_WORKER, After::RestartAtOnce, 2 * SECOND, 4)
        .with(Twist::WrongClock),
    fault("TERM-all", Act::Signals(&[(Target::Everything, SIGTERM)]), After::Ends, SECOND, 2),
    fault("replay-beside", Act::Beside(&["worker", "journal", "replay"]), After::Lives, 2 * SECOND, 4),
    fault(
        "run-beside",
        Act::Beside(&["run", "-p", "beside.hcl", "--job", "plain"]),
        After::Lives,
        2 * SECOND,
        4,
    ),
    fault("worker-beside", Act::WorkerBeside, After::Lives, 2 * SECOND, 4),
    fault("stop-worker-30s", pause(&[Target::Worker], 30, false), After::Lives, 17 * SECOND, 8),
    fault("stop-shim-30s", pause(&[Target::Shims], 30, false), After::Lives, 5 * SECOND, 8),
    fault("stop-both-30s", pause(&[Target::Worker, Target::Shims], 30, false), After::Lives, 5 * SECOND, 8),
    fault("stop-nursery-30s", pause(&[Target::Nursery], 30, false), After::Lives, 5 * SECOND, 8),
    fault("stop-worker-second-host", pause(&[Target::Worker], 0, true), After::Lives, 17 * SECOND, 4),
    fault("stop-shim-second-host", pause(&[Target::Shims], 0, true), After::Lives, 5 * SECOND, 4)
        .with(Twist::Cut),
    fault(
        "stop-both-second-host",
        pause(&[Target::Worker, Target::Shims], 0, true),
        After::Lives,
        5 * SECOND,
        4,
    ),
];

/// Faults of one sort, for whoever wants to see all of them at a glance.
pub const GROUPS: &[(&str, &[&str])] = &[
    (
        "a step fails, hangs, is cancelled, panics",
        &["task-fails", "cancel", "step-timeout", "job-timeout", "panic"],
    ),
    ("the worker is asked to end", &["TERM", "QUIT", "TERM-twice", "restart-server", "TERM-all"]),
    (
        "the worker is killed or aborts",
        &["kill-worker", "kill-server", "abort-worker", "kill-server-chaos", "kill-server-wrong-clock"],
    ),
    (
        "a shim or the nursery is killed, the worker, too, or not",
        &["kill-shim", "kill-shim-worker", "kill-worker-shim", "kill-nursery", "kill-nursery-shim"],
    ),
    (
        "all are killed at once, reboot",
        &[
            "kill-all",
            "kill-cgroup",
            "reboot",
            "kill-all-replay",
            "kill-all-no-workdir",
            "kill-all-new-token",
            "kill-user",
        ],
    ),
    ("no disk, no descriptors, no processes", &["full-disk", "no-sync", "no-files", "no-processes"]),
    (
        "stopped for 30 s, frozen, another host takes over",
        &[
            "kill-worker-frozen",
            "stop-worker-30s",
            "stop-shim-30s",
            "stop-both-30s",
            "stop-nursery-30s",
            "stop-worker-second-host",
            "stop-shim-second-host",
            "stop-both-second-host",
        ],
    ),
    ("others work on the same journal", &["replay-beside", "run-beside", "worker-beside"]),
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
pub const NOT_HAD: &[(&str, &[Phase], &str)] = &[
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
    (
        "job-timeout",
        &[Phase::MidStop, Phase::AfterStop, Phase::Anywhen],
        "the job's time ends with its steps",
    ),
    ("panic", &[Phase::Anywhen], "a call is not a moment"),
    ("stop-worker-second-host", NOT_WORKING, "only a step can overlap with another"),
    ("stop-shim-second-host", NOT_WORKING, "only a step can overlap with another"),
    ("stop-both-second-host", NOT_WORKING, "only a step can overlap with another"),
];

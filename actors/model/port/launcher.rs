//! Running commands: one launcher for builds, checks and secret fetches. There is no second way to start a process.
//!
//! Order of calls: [`Launcher::open`] makes one work item with its own shim; then any number of [`WorkItem::spawn`] and
//! [`WorkItem::start_service`], concurrently; at last [`WorkItem::close`]. A work item that is dropped without `close`
//! is treated like a lost worker: its steps are killed, its services' stops run, nothing stays.
//!
//! What belongs to a failed or ended attempt ends with it; what a successful step leaves behind ends with the item.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    id::{BuildId, Fence, InstanceId, StepPath},
    log::Chunk,
    outcome::Ended,
    port::Monotonic,
    text::SecretValue,
};

/// Makes work items.
#[async_trait]
pub trait Launcher: Send + Sync + 'static {
    /// Opens a work item. Cheap: well below a millisecond.
    ///
    /// # Errors
    /// No shim could be had; nothing was started.
    async fn open(&self, item: Item) -> Result<Arc<dyn WorkItem>, LaunchError>;

    /// The worker's lease ends then, unless this is called again with later moments: for all open items and for those
    /// that are opened later. What runs holds these moments by itself, whatever becomes of the worker. Before the first
    /// call nothing has an end. Returns at once.
    fn lease(&self, end: LeaseEnd);
}

/// The end of a worker's lease, as moments of its clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaseEnd {
    /// Steps get TERM.
    pub term_at: Monotonic,
    /// Steps get KILL; then the services' stops run and what is left is ended, as if the worker were lost.
    pub kill_at: Monotonic,
}

/// A work item to be opened.
#[derive(Clone, Debug)]
pub struct Item {
    /// Unique on this host, fit for a directory name: `b-811-2` or `c-17-4`.
    pub name: String,
    /// Current directory of commands that do not say another.
    pub workdir: PathBuf,
    /// What a build's item has beside; checks and fetches of secrets have none.
    pub build: Option<ItemBuild>,
}

/// Which build an item belongs to: it has a slot of its job, and its services are remembered on disk before they start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemBuild {
    /// Which.
    pub build: BuildId,
    /// Under which claim.
    pub fence: Fence,
    /// Which run of it, from 1.
    pub run: u32,
    /// Its number as shown.
    pub number: String,
    /// `team/pipeline/job`; slots are counted below it.
    pub job: String,
}

/// One build, check or secret fetch that runs commands.
#[async_trait]
pub trait WorkItem: Send + Sync + 'static {
    /// `BUILD_SLOT`: the smallest number that no other build of the job on this host uses; 0 without a build. It is
    /// taken by `open` and free once nothing of the item is left.
    fn slot(&self) -> u32;

    /// Values that are replaced by `***` in everything that commands print from now on, added to earlier ones.
    fn mask(&self, values: &[SecretValue]);

    /// What hides the same values, those of later calls too, in texts that no command printed. It outlives the item.
    fn masker(&self) -> Arc<dyn Mask>;

    /// Starts one attempt of a step. A program that cannot be started is an [`Ended`], not an error here.
    ///
    /// # Errors
    /// The shim is gone or refuses the request.
    async fn spawn(&self, spawn: Spawn) -> Result<Arc<dyn Process>, LaunchError>;

    /// Registers the stop and starts the service, in one message: from here on the stop runs, whatever happens.
    /// The process is the start command (it ends), or the service itself ([`ServiceLaunch::foreground`]; it stays).
    ///
    /// # Errors
    /// The shim is gone or refuses the request; nothing was started.
    async fn start_service(&self, launch: ServiceLaunch) -> Result<Arc<dyn Process>, LaunchError>;

    /// Stops a service: ends its start if that still runs, runs the stop with its limit and tries, ends what is left of
    /// it. Idempotent: a second call waits for the first and gives the same answer. Stops of different services may
    /// run concurrently.
    async fn stop_service(&self, instance: InstanceId) -> ServiceEnd;

    /// Ends whatever is left and says when nothing is: `Ok` is the proof of emptiness. Idempotent. Called again after
    /// an error it waits until those processes are gone too.
    ///
    /// # Errors
    /// Processes that could not be ended within 5 s of their kill.
    async fn close(&self) -> Result<(), Vec<Ended>>;

    /// Everything that was said of the item is stored by a server, or nobody wants it: what the host remembers of it
    /// may be forgotten, and is when this returns. What still stands pending stays. After `close`.
    async fn settle(&self);

    /// Resolves when the shim is lost; pending otherwise for ever.
    async fn lost(&self);
}

/// Hides the secrets of a work item.
pub trait Mask: Send + Sync + 'static {
    /// The text with `***` for every secret, in whatever form it stands there.
    fn masked(&self, text: &str) -> String;
}

/// One command to run.
#[derive(Clone)]
pub struct Spawn {
    /// Which step it belongs to.
    pub step: StepPath,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Program and arguments, complete. The program is looked up in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// Current directory.
    pub dir: PathBuf,
    /// Files that only the process can read. An element of `argv` or a value of `env` that is exactly the file's
    /// `placeholder` is replaced by its path.
    pub files: Vec<HandedFile>,
    /// Where its output goes; none = thrown away (still drained).
    pub sink: Option<Arc<dyn LogSink>>,
    /// Whether standard output is kept for [`ProcessEnd::captured`], besides being logged.
    pub capture: bool,
    /// Whether standard output is kept out of the log: the answer of a secret type.
    pub hide_stdout: bool,
}

/// A private file handed to a process.
#[derive(Clone, Debug)]
pub struct HandedFile {
    /// What stands for its path.
    pub placeholder: String,
    /// Its content.
    pub content: SecretValue,
}

/// Takes log chunks from the launcher's reader thread. Never called from an async context.
pub trait LogSink: Send + Sync + 'static {
    /// Takes a chunk, in order per process. May block: that is the back-pressure to the process.
    fn accept(&self, chunk: Chunk);
}

/// A running process.
#[async_trait]
pub trait Process: Send + Sync + 'static {
    /// Waits for its end. Its output is complete by then, except where a descendant keeps the pipe open beyond the
    /// drain limit ([`ProcessEnd::leaked_output`]). Any number of callers.
    async fn wait(&self) -> ProcessEnd;

    /// TERM to its process group, `grace` later KILL to all that belongs to the attempt. Returns at once.
    fn terminate(&self, grace: Duration);
}

/// How a process ended.
#[derive(Clone, Debug)]
pub struct ProcessEnd {
    /// How.
    pub ended: Ended,
    /// What was asked to be kept.
    pub captured: Captured,
    /// A descendant kept its output open.
    pub leaked_output: bool,
    /// Processes of the attempt that had to be killed besides it.
    pub killed: u32,
}

/// The parts of the output that are parsed.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    /// The last non-empty line of standard output, unmasked, at most 4 MiB; longer ones are cut and `cut` is set.
    pub last_line: Option<Vec<u8>>,
    /// The last non-empty line of either stream, for commands that print nothing on standard output.
    pub last_mixed_line: Option<Vec<u8>>,
    /// The line was longer than the limit.
    pub cut: bool,
}

/// A service to be started.
#[derive(Clone)]
pub struct ServiceLaunch {
    /// Its identity.
    pub instance: InstanceId,
    /// Its name in the job.
    pub name: String,
    /// Label of its type.
    pub service_type: String,
    /// Its start and stop act by the instance's identity, never by a name or number that another may have by then.
    pub by_identity: bool,
    /// Services of one group stop concurrently, groups in reverse order of these numbers.
    pub group: u32,
    /// The start command, or the service itself.
    pub start: Spawn,
    /// Whether `start` *is* the service: a foreground process, stopped by TERM, grace, KILL.
    pub foreground: bool,
    /// What ends it; optional only for a foreground service, where it runs first.
    pub stop: Option<StopCommand>,
    /// A directory of the instance that is removed after its stop has completed.
    pub data: Option<PathBuf>,
}

/// A registered stop.
#[derive(Clone)]
pub struct StopCommand {
    /// The command.
    pub spawn: Spawn,
    /// Limit of one try.
    pub limit: Duration,
    /// Moments of the tries, after the first: 1 s, 5 s.
    pub retries: Vec<Duration>,
}

/// How a service's stop ended.
#[derive(Clone, Debug)]
pub struct ServiceEnd {
    /// Each try of the stop command, in order.
    pub tries: Vec<EndedStop>,
    /// How the foreground process or the cut start ended, where there was one.
    pub process: Option<Ended>,
    /// Processes that had to be killed.
    pub killed: u32,
    /// Whether the service counts as stopped.
    pub stopped: bool,
}

/// One try of a stop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EndedStop {
    /// It ended by itself.
    Ended(Ended),
    /// It was killed at its limit.
    TimedOut(Duration),
}

/// Why nothing could be started.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum LaunchError {
    /// The shim is gone.
    #[error("the build's shim is gone")]
    ShimLost,
    /// The request was refused.
    #[error("the launcher refused the request: {0}")]
    Refused(String),
    /// What has to be remembered of it cannot be written down, so it was not started.
    #[error("disk full at {path}")]
    DiskFull {
        /// Where.
        path: String,
    },
    /// The system gave no process, descriptor or memory.
    #[error("nothing could be started: {0}")]
    System(String),
}

//! A worker of this process: nursery, launcher, workplace, agent.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use pikoci_engine::{
    inbox::Inbox,
    supervise::{Door, Obituary, Roster},
    worker::{Ports, Settings, Worker, WorkerSpec},
};
use pikoci_exec::{
    HostJournal, Keep, LauncherSettings, NurseryLauncher,
    journal::StateDirectory,
    workplace::{HostWorkplace, WorkplaceOptions},
};
use pikoci_model::{
    id::NodeId,
    port::{Bus, Clock},
    worker::WorkerProfile,
};
use tokio::sync::watch;

use super::{
    Nursery, PanicIn, fault,
    node::{fresh_incarnation, fresh_node},
    supervisor::supervision_warning,
};
use crate::{
    clock::SystemClock,
    config::{BuildingConfig, Host, commands_inherit},
};

/// The hidden command that becomes a nursery.
pub const NURSERY_COMMAND: &str = "nursery-exec";
/// Checks run beside the builds, so that a long build never stops them.
const CHECK_SLOTS: u32 = 4;

/// How a worker of this process is set up.
pub struct WorkerStart<'a> {
    pub host: &'a Host,
    pub bus: Arc<dyn Bus>,
    pub node: NodeId,
    pub name: String,
    pub slots: u32,
    pub tags: Vec<String>,
    pub exclusive_tags: bool,
    pub takes: Takes,
    pub work_dir: Option<PathBuf>,
    /// Bytes on disk for what no server takes.
    pub outbox_limit: u64,
    pub state_dir: PathBuf,
    pub keep: Keep,
    pub secrets_dir: Option<PathBuf>,
    /// A panic injected into the launcher.
    pub fault: Option<PanicIn>,
    /// What it says that it is.
    pub version: String,
    pub settings: Settings,
}

impl<'a> WorkerStart<'a> {
    /// One that takes all work and does it as configured.
    pub fn of(
        building: &BuildingConfig,
        host: &'a Host,
        bus: Arc<dyn Bus>,
        node: NodeId,
        name: String,
        state_dir: PathBuf,
    ) -> Self {
        Self {
            host,
            bus,
            node,
            name,
            slots: building.concurrency,
            tags: building.tags.clone(),
            exclusive_tags: building.exclusive_tags,
            takes: Takes { builds: true, checks: true },
            work_dir: building.work_dir.clone(),
            outbox_limit: building.outbox_limit,
            state_dir,
            keep: Keep { workdirs: building.keep_workdir, records: false },
            secrets_dir: building.secrets_dir.clone(),
            fault: None,
            version: crate::VERSION.to_owned(),
            settings: Settings {
                hook_timeout: building.hook_timeout,
                drain_timeout: building.drain_timeout,
                output_limit: building.output_limit,
                keep_workdir: building.keep_workdir,
                allow_secret_args: building.allow_secret_args,
                ..Settings::default()
            },
        }
    }
}

/// What work it takes.
#[derive(Clone, Copy)]
pub struct Takes {
    pub builds: bool,
    pub checks: bool,
}

/// A worker that runs, and news of its end.
pub struct RunningWorker {
    worker: Worker,
    ended: watch::Receiver<Option<bool>>,
}

impl RunningWorker {
    /// Takes no new work and waits until what runs has ended; true if nothing was lost.
    pub async fn drain(&mut self) -> bool {
        self.worker.drain();
        self.end().await
    }

    /// Ends what runs with its services; true if everything was stopped and told.
    pub async fn stop(&mut self) -> bool {
        self.worker.stop();
        self.end().await
    }

    /// The same for somebody who has asked twice: the stops get a little time.
    pub async fn stop_in_a_hurry(&mut self) -> bool {
        self.worker.stop();
        self.worker.hurry();
        self.end().await
    }

    /// After a second signal: the stops get a little longer, then it ends.
    pub fn hurry(&self) {
        self.worker.hurry();
    }

    /// Waits until it has ended by itself: it has given up.
    pub async fn ended(&mut self) -> bool {
        self.end().await
    }

    async fn end(&mut self) -> bool {
        let ended = self.ended.wait_for(Option::is_some).await;
        ended.ok().and_then(|ended| *ended).unwrap_or(false)
    }
}

/// What the worker does to its own process, after the nursery is forked.
pub fn harden() {
    if let Err(error) = pikoci_exec::nursery::harden_worker() {
        tracing::warn!("this process could not be hardened: {error}");
    }
}

/// Becomes a nursery: the answer to the hidden command.
pub fn nursery_main() -> i32 {
    pikoci_exec::nursery::nursery_main(0)
}

/// Starts it on this thread.
///
/// # Errors
/// A directory that cannot be made, or is not ours alone.
pub fn start_worker(
    start: WorkerStart<'_>,
    nursery: Nursery,
    roster: &Roster,
) -> Result<RunningWorker, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let state = open_state(&start.state_dir)?;
    let warnings = warnings(&state);
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let options = workplace_options(&start, Arc::clone(&state));
    let owner = Host::owner(state.path());
    let workplace = HostWorkplace::new(options).map_err(|error| error.to_string())?;
    let mut launcher = LauncherSettings::new(NURSERY_COMMAND, state);
    launcher.output_limit = (start.settings.output_limit > 0).then_some(start.settings.output_limit);
    let launcher = NurseryLauncher::new(nursery, launcher);
    let journal = HostJournal::start(&launcher, start.keep).map_err(|error| error.to_string())?;
    let profile = profile(&start, warnings, clock.now());
    let launcher = fault::inject(Arc::new(launcher), start.fault);
    let ports = Ports { launcher, workplace: Arc::new(workplace), clock };
    let settings = Settings { owner, ..start.settings };
    let spec = WorkerSpec { profile, ports, settings, journal };
    let (tell, ended) = watch::channel(None);
    let parent = Door::into_fn(move |obituary: Obituary| {
        // Whoever waits for the end may be gone already; then nobody needs to know.
        let _ = tell.send(Some(matches!(obituary.exit, pikoci_engine::supervise::Exit::Stopped)));
    });
    let worker = Worker::start(roster, spec, &start.bus, parent);
    let inbox = worker.listen(Inbox::new());
    let bus = Arc::clone(&start.bus);
    actix_rt::spawn(async move {
        if let Err(panic) = inbox.run(bus).await {
            tracing::error!("the worker's inbox ended: {panic:?}");
        }
    });
    Ok(RunningWorker { worker, ended })
}

fn profile(
    start: &WorkerStart<'_>,
    warnings: Vec<String>,
    started_at: chrono::DateTime<chrono::Utc>,
) -> WorkerProfile {
    WorkerProfile {
        name: start.name.clone(),
        node: start.node.clone(),
        incarnation: fresh_incarnation(),
        hostname: nix::unistd::gethostname()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        version: start.version.clone(),
        slots: start.slots,
        check_slots: CHECK_SLOTS,
        tags: start.tags.clone(),
        exclusive_tags: start.exclusive_tags,
        takes_builds: start.takes.builds,
        takes_checks: start.takes.checks,
        // What a token says of it, the server knows.
        team: None,
        started_at,
        warnings,
    }
}

/// The host's journal.
///
/// # Errors
/// It cannot be made, or is not ours alone.
pub fn open_state(directory: &Path) -> Result<Arc<StateDirectory>, String> {
    StateDirectory::open(directory).map(Arc::new).map_err(|error| error.to_string())
}

/// What an operator should know about where this worker runs.
fn warnings(state: &StateDirectory) -> Vec<String> {
    state.warning().into_iter().chain(supervision_warning()).collect()
}

fn workplace_options(start: &WorkerStart<'_>, state: Arc<StateDirectory>) -> WorkplaceOptions {
    let root = start.work_dir.clone().unwrap_or_else(|| start.host.directory("XDG_CACHE_HOME", ".cache"));
    // The nursery stands in the root directory: there a relative path would mean another place.
    let root = std::path::absolute(&root).unwrap_or(root);
    let mut secret_environment = start.host.for_secrets();
    let secrets_dir = start.secrets_dir.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    secret_environment.insert("PIKOCI_SECRETS_DIR".to_owned(), secrets_dir.display().to_string());
    WorkplaceOptions {
        state,
        service_root: service_root(),
        root,
        outbox_limit: start.outbox_limit,
        keep_workdir: start.keep.workdirs,
        inherited: commands_inherit(start.host),
        secret_environment,
        program: program(),
        engine_socket: start.host.engine_socket(),
    }
}

/// Data of services lie where another user can reach them: the home of whoever runs this may be closed to others.
fn service_root() -> PathBuf {
    std::env::temp_dir().join(format!("pikoci-services-{}", nix::unistd::getuid()))
}

/// The program as it was started, also after its file was replaced.
fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"))
}

/// A node for a worker of this process.
pub fn worker_node() -> NodeId {
    fresh_node("worker")
}

//! Where the commands of one work item run: its directory, its shim, its environment, its secrets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pikoci_model::build::BuildStatus;
use pikoci_model::id::InstanceId;
use pikoci_model::outcome::Failure;
use pikoci_model::plan::{BuildPlan, Types};
use pikoci_model::port::{Clock, Launcher, WorkItem, Workdir, Workplace};
use pikoci_model::step::Command;
use pikoci_model::text::{Text, Value};
use pikoci_model::version::VersionValue;

use super::environment::Environment;
use super::outbox::Outbox;
use super::secrets::Secrets;

/// What a worker touches the world with.
#[derive(Clone)]
pub struct Ports {
    /// Runs commands.
    pub launcher: Arc<dyn Launcher>,
    /// The host.
    pub workplace: Arc<dyn Workplace>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Between TERM and KILL.
    pub kill_grace: Duration,
    /// Limit of one hook command after a cancel or timeout.
    pub hook_timeout: Duration,
    /// Limit of a service's start command.
    pub start_timeout: Duration,
    /// Limit of one try of a stop.
    pub stop_limit: Duration,
    /// Limit of all stops of a build.
    pub stop_budget: Duration,
    /// Limit of one check.
    pub check_limit: Duration,
    /// Limit of one fetch of a secret.
    pub secret_limit: Duration,
    /// How long a drain waits for running work.
    pub drain_timeout: Duration,
    /// Bytes of one step's log; 0 = no limit.
    pub output_limit: u64,
    /// WORKDIR stays after the build.
    pub keep_workdir: bool,
    /// `docker`, or a client that understands the same.
    pub docker_binary: String,
    /// Who a built-in service's container belongs to: what carries the same owner and holds a name that this worker's
    /// build slot gives, is left over and may be removed. The worker's state directory is a good one.
    pub owner: String,
    /// Secrets may become arguments of processes.
    pub allow_secret_args: bool,
    /// Secret types may be asked.
    pub fetch_secrets: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            kill_grace: Duration::from_secs(10),
            hook_timeout: Duration::from_secs(600),
            start_timeout: Duration::from_secs(300),
            stop_limit: Duration::from_secs(30),
            stop_budget: Duration::from_secs(300),
            check_limit: Duration::from_secs(300),
            secret_limit: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(600),
            output_limit: 1 << 30,
            keep_workdir: false,
            docker_binary: "docker".to_owned(),
            owner: String::new(),
            allow_secret_args: false,
            fetch_secrets: true,
        }
    }
}

/// The floor under every command of a work item.
pub(crate) struct Ground {
    pub ports: Ports,
    pub settings: Arc<Settings>,
    pub item: Arc<dyn WorkItem>,
    pub workdir: Workdir,
    /// Name of the work item, unique on this host.
    pub name: String,
    pub inherited: BTreeMap<String, String>,
    /// `BUILD_*` as far as the kind of work item has them.
    pub facts: BTreeMap<String, String>,
    pub inputs: BTreeMap<String, String>,
}

impl Ground {
    /// Absolute path of WORKDIR, as text.
    pub(crate) fn workdir_text(&self) -> String {
        self.workdir.path.to_string_lossy().into_owned()
    }
}

/// A service whose start was tried.
#[derive(Clone)]
pub(crate) struct StartedService {
    pub instance: InstanceId,
    pub name: String,
    pub service_type: String,
    /// Groups stop in reverse order, the services of one together.
    pub group: u32,
}

/// A build's place of work, shared by its step and service actors.
pub(crate) struct Site {
    pub ground: Ground,
    pub plan: Arc<BuildPlan>,
    pub types: Arc<Types>,
    pub secrets: Secrets,
    pub outbox: Arc<Outbox>,
    /// Name of the worker.
    pub worker: Arc<str>,
    /// The shim of its commands is lost.
    pub lost: AtomicBool,
    /// Services whose start was tried, in order.
    pub instances: Mutex<Vec<StartedService>>,
    pub host_services: AtomicBool,
}

impl Site {
    /// `BUILD_SLOT`.
    pub(crate) fn slot(&self) -> u32 {
        self.ground.item.slot()
    }

    /// Who runs the stops of its services.
    pub(crate) fn stopper(&self) -> &'static str {
        if self.lost.load(Ordering::Relaxed) { "journal" } else { "build" }
    }

    /// Remembers that a service's start was tried.
    pub(crate) fn note_instance(&self, started: StartedService) {
        self.host_services.store(true, Ordering::Relaxed);
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).push(started);
    }
}

/// What a command gets beside the common variables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Specifics {
    /// `param_<name>`, the type's defaults below the instance's own.
    pub params: BTreeMap<String, Value>,
    /// `version_<path>`.
    pub version: Option<VersionValue>,
    /// `put_<name>`.
    pub put: BTreeMap<String, Value>,
    /// Set as they are, after all others but WORKDIR.
    pub plain: BTreeMap<String, String>,
    /// Whether `$NAME` in params is replaced: services' attributes, not those of resources.
    pub expand_params: bool,
}

impl Specifics {
    /// `params` over `defaults`.
    pub(crate) fn of_params(defaults: &BTreeMap<String, Value>, params: &BTreeMap<String, Value>) -> Self {
        let mut merged = defaults.clone();
        merged.extend(params.clone());
        Specifics { params: merged, ..Specifics::default() }
    }
}

/// How a build stands when a hook of its job runs.
#[derive(Debug, Clone)]
pub(crate) struct HookFacts {
    /// `BUILD_STATUS`; only job hooks have it.
    pub status: Option<BuildStatus>,
    /// `BUILD_REASON`.
    pub reason: String,
}

/// The layers of one command's environment.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'a> {
    pub step_env: Option<&'a BTreeMap<String, Text>>,
    pub command: &'a Command,
    pub exports: &'a BTreeMap<String, String>,
    pub specifics: &'a Specifics,
    pub hook: Option<&'a HookFacts>,
    /// Absolute path of the output file.
    pub output: Option<&'a str>,
    /// Absolute path of the cache directory.
    pub cache_dir: Option<&'a str>,
}

impl Ground {
    /// Composes the environment of one command, in the order that the documentation promises.
    ///
    /// # Errors
    /// A secret that could not be had.
    pub(crate) fn environment(&self, layers: Layers<'_>, secrets: &Secrets) -> Result<Environment, Failure> {
        let mut env = Environment::inherit(&self.inherited);
        env.plain("CI", "true");
        env.plain("PIKOCI", "true");
        if let Some(step_env) = layers.step_env {
            env.texts(step_env, secrets)?;
        }
        env.attributes(layers.command, secrets)?;
        env.texts(&layers.command.env, secrets)?;
        env.plains(layers.exports);
        for (name, value) in &self.inputs {
            env.plain(format!("INPUT_{name}"), value);
        }
        env.plains(&self.facts);
        if let Some(hook) = layers.hook {
            if let Some(status) = hook.status {
                env.plain("BUILD_STATUS", status.word());
            }
            env.plain("BUILD_REASON", &hook.reason);
        }
        let workdir = self.workdir_text();
        env.plain("WORKDIR", &workdir);
        let specifics = layers.specifics;
        env.prefixed("param_", &specifics.params, secrets, specifics.expand_params)?;
        for (path, value) in specifics.version.iter().flat_map(VersionValue::flatten) {
            env.plain(format!("version_{path}"), value);
        }
        env.prefixed("put_", &specifics.put, secrets, true)?;
        env.plains(&specifics.plain);
        env.plain("WORKDIR", workdir);
        env.plain("PIKOCI_EXE", self.ports.workplace.program().to_string_lossy());
        if let Some(dir) = layers.cache_dir {
            env.plain("CACHE_DIR", dir);
        }
        if let Some(path) = layers.output {
            env.plain("PIKOCI_OUTPUT", path);
        }
        Ok(env)
    }
}

//! One command from its block to its end: prepared, started, watched, and ended when its time is over.

use std::sync::Arc;
use std::time::Duration;

use pikoci_model::id::{InstanceId, StepPath};
use pikoci_model::outcome::{Ended, Failure, RunCode};
use pikoci_model::pipeline::RunnerType;
use pikoci_model::port::{LaunchError, LogSink, Process, ProcessEnd, Spawn, WorkplaceError};
use pikoci_model::step::Command;
use tokio::sync::watch;

use super::command::{Container, Prepared, PrivateFile, Surroundings, prepare};
use super::container::{NO_CONTAINER, contained, is_absent};
use super::environment::Environment;
use super::secrets::Secrets;
use super::site::{Ground, Layers};

/// Why what runs is to end before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Cancelled: `on_cancel` and `ensure` follow.
    Cancel,
    /// The job's limit is over: the same hooks follow.
    TimeOver,
    /// Something else of the build failed: a service died.
    Fail(Failure),
    /// The worker stops or lost the claim: nothing follows.
    Abandon,
}

/// Hears of interrupts; the last one counts.
pub(crate) type Ear = watch::Receiver<Option<Interrupt>>;

/// Waits for an interrupt; for ever, if nobody can send one any more.
pub(crate) async fn interrupted(ear: &mut Ear) -> Interrupt {
    match ear.wait_for(Option::is_some).await.map(|value| value.clone()) {
        Ok(Some(interrupt)) => interrupt,
        _ => std::future::pending().await,
    }
}

/// One command to be run.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub layers: Layers<'a>,
    pub step: &'a StepPath,
    pub attempt: u32,
    pub sink: Option<&'a Arc<dyn LogSink>>,
    /// Standard output is parsed.
    pub capture: bool,
    /// Standard output is kept out of the log.
    pub hide_stdout: bool,
    pub limit: Option<Duration>,
}

/// How a command ended.
pub(crate) struct Conducted {
    /// Absent for a command that succeeds without doing anything.
    pub end: Option<ProcessEnd>,
    pub halt: Option<Halt>,
    /// Names of what PikoCI set, for the log of a failure.
    pub names: Vec<String>,
    pub warnings: Vec<String>,
}

/// Why a command was ended.
pub(crate) enum Halt {
    TimedOut(Duration),
    Interrupted(Interrupt),
}

/// A program with everything it needs, not yet started.
pub(crate) struct Ready {
    pub spawn: Spawn,
    pub container: Option<Container>,
    /// Where it runs, relative to WORKDIR; none: there.
    pub dir: Option<String>,
    pub warnings: Vec<String>,
    pub names: Vec<String>,
}

impl Ready {
    /// What runs now needs its directory now.
    ///
    /// # Errors
    /// It does not exist, or a link leads outside.
    pub(crate) async fn must_fit(&self, ground: &Ground) -> Result<(), Failure> {
        let Some(dir) = &self.dir else { return Ok(()) };
        if ground.ports.workplace.exists(&ground.workdir, dir).await {
            return Ok(());
        }
        Err(Failure::plain(format!("`dir` is `{dir}`, which does not exist in the work directory")))
    }
}

/// Kills its process when dropped early, so that nothing runs on when its actor dies.
struct Leash(Option<Arc<dyn Process>>);

impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(process) = self.0.take() {
            process.terminate(Duration::ZERO);
        }
    }
}

/// Runs one command to its end. Its output is complete when this returns.
///
/// # Errors
/// The command could not be prepared or handed to the shim, or its image cannot be had; nothing runs.
pub(crate) async fn conduct(
    ground: &Ground,
    secrets: &Secrets,
    runner: Runner<'_>,
    order: Order<'_>,
    ear: &mut Ear,
) -> Result<Conducted, Failure> {
    let Some(ready) = make_ready(ground, secrets, runner, order).await? else {
        return Ok(Conducted { end: None, halt: None, names: Vec::new(), warnings: Vec::new() });
    };
    ready.must_fit(ground).await?;
    let Ready { spawn, container, mut warnings, names, .. } = ready;
    let process = match &container {
        None => ground.item.spawn(spawn.clone()).await,
        Some(Container { instance, .. }) => {
            ground.item.start_service(contained(spawn.clone(), *instance, ground)).await
        }
    };
    let process = process.map_err(launch_failure)?;
    let (end, halt) = watch_over(process, order.limit, ground.settings.kill_grace, ear).await;
    if let Some(container) = container {
        let Container { instance, image, .. } = &container;
        if !ground.item.stop_service(*instance).await.stopped {
            warnings.push(format!(
                "the container with the label pikoci.instance={instance} could not be removed"
            ));
        }
        if halt.is_none()
            && end.ended == Ended::Exited(NO_CONTAINER)
            && is_absent(ground, spawn, &container, ear).await
        {
            return Err(Failure::coded(RunCode::R180, format!("image {image} not found")));
        }
    }
    Ok(Conducted { end: Some(end), halt, names, warnings })
}

pub(super) async fn watch_over(
    process: Arc<dyn Process>,
    limit: Option<Duration>,
    grace: Duration,
    ear: &mut Ear,
) -> (ProcessEnd, Option<Halt>) {
    let mut leash = Leash(Some(Arc::clone(&process)));
    let over = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let halt = tokio::select! {
        biased;
        end = process.wait() => {
            leash.0 = None;
            return (end, None);
        }
        interrupt = interrupted(ear) => Halt::Interrupted(interrupt),
        () = over => Halt::TimedOut(limit.unwrap_or_default()),
    };
    process.terminate(grace_of(&halt, grace));
    let end = process.wait().await;
    leash.0 = None;
    (end, Some(halt))
}

/// Between TERM and KILL where somebody else may be given the build soon.
const ABANDON_GRACE: Duration = Duration::from_secs(4);

fn grace_of(halt: &Halt, usual: Duration) -> Duration {
    match halt {
        Halt::Interrupted(Interrupt::Abandon) => usual.min(ABANDON_GRACE),
        Halt::Interrupted(_) | Halt::TimedOut(_) => usual,
    }
}

/// What a runner is told beside its block.
#[derive(Clone, Copy)]
pub(crate) struct Runner<'a> {
    pub types: &'a std::collections::BTreeMap<String, RunnerType>,
    /// Services of the build listen on the host.
    pub host_services: bool,
    /// What a container is labelled with.
    pub labels: &'a [(String, String)],
}

/// Prepares a command; nothing for one that succeeds without doing anything.
///
/// # Errors
/// The command does not fit its runner, a secret is missing, a private file could not be written.
pub(crate) async fn make_ready(
    ground: &Ground,
    secrets: &Secrets,
    runner: Runner<'_>,
    order: Order<'_>,
) -> Result<Option<Ready>, Failure> {
    let mut env = ground.environment(order.layers, secrets)?;
    let names = env.own().map(|(name, _)| name.to_owned()).collect();
    let prepared = prepare_in(ground, secrets, runner, order, &mut env)?;
    if prepared.argv.is_empty() {
        return Ok(None);
    }
    for PrivateFile { name, content } in &prepared.private {
        let bytes = content.reveal().as_bytes();
        let written = ground.ports.workplace.private_file(&ground.workdir, name, bytes, false).await;
        written.map_err(|error| workplace_failure(&error))?;
    }
    let workdir = &ground.workdir.path;
    let spawn = Spawn {
        step: order.step.clone(),
        attempt: order.attempt,
        argv: prepared.argv,
        env: env.into_map()?,
        dir: prepared.dir.as_ref().map_or_else(|| workdir.clone(), |dir| workdir.join(dir)),
        files: prepared.files,
        sink: order.sink.cloned(),
        capture: order.capture,
        hide_stdout: order.hide_stdout,
    };
    let Prepared { container, dir, warnings, .. } = prepared;
    Ok(Some(Ready { spawn, container, dir, warnings, names }))
}

fn prepare_in(
    ground: &Ground,
    secrets: &Secrets,
    runner: Runner<'_>,
    order: Order<'_>,
    env: &mut Environment,
) -> Result<Prepared, Failure> {
    let command: &Command = order.layers.command;
    // Another server's build may have the same number on the same container engine.
    let instance = InstanceId(uuid::Uuid::new_v4());
    let mark = instance.to_string();
    let mark = mark.split('-').next().unwrap_or_default();
    let unique = format!("pikoci-{}-{}-{}-{mark}", ground.name, order.step, order.attempt);
    let around = Surroundings {
        workdir: &ground.workdir_text(),
        runner_types: runner.types,
        docker_binary: &ground.settings.docker_binary,
        allow_secret_args: ground.settings.allow_secret_args,
        unique: &unique,
        instance,
        labels: runner.labels,
        host_services: runner.host_services,
    };
    prepare(command, env, secrets, around)
}

/// After the first try of a stop: 1 s, 5 s.
pub(crate) fn stop_retries() -> Vec<Duration> {
    vec![Duration::from_secs(1), Duration::from_secs(5)]
}

pub(crate) fn launch_failure(error: LaunchError) -> Failure {
    match error {
        LaunchError::ShimLost => Failure::coded(RunCode::R132, "the build's shim was lost"),
        LaunchError::DiskFull { path } => Failure::coded(RunCode::R202, format!("disk full at {path}")),
        other => Failure::plain(other.to_string()),
    }
}

pub(crate) fn workplace_failure(error: &WorkplaceError) -> Failure {
    match error {
        WorkplaceError::DiskFull { path } => Failure::coded(RunCode::R202, format!("disk full at {path}")),
        other => Failure::plain(other.to_string()),
    }
}

/// The failure of a process that ended by itself but not with 0.
pub(crate) fn ended_failure(ended: &Ended) -> Failure {
    let code = match ended {
        Ended::NotFound { .. } => Some(RunCode::R190),
        Ended::Stuck { .. } => Some(RunCode::R133),
        Ended::ShimLost => Some(RunCode::R132),
        Ended::Exited(_) | Ended::Signalled(_) | Ended::NotStarted { .. } => None,
    };
    let text = match ended {
        Ended::Exited(_) | Ended::Signalled(_) | Ended::ShimLost => format!("the command {ended}"),
        _ => ended.to_string(),
    };
    Failure { code, text }
}

/// The exit code, where it exited.
pub(crate) fn exit_code(end: &ProcessEnd) -> Option<i32> {
    match end.ended {
        Ended::Exited(code) => Some(code),
        _ => None,
    }
}

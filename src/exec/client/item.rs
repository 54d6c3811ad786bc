//! A work item: its shim, what runs in it, and its end.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pikoci_model::id::{InstanceId, StepPath};
use pikoci_model::log::Stream;
use pikoci_model::outcome::Ended;
use pikoci_model::port::{LaunchError, LogSink, Process, ServiceEnd, ServiceLaunch, Spawn, WorkItem};
use pikoci_model::text::SecretValue;
use tokio::sync::watch;

use super::compose;
use super::connection::Connection;
use super::fault::Asked;
use super::launcher::Core;
use super::process::{Kind, ProcessHandle, Running};
use super::rescue;
use super::service::{ServiceRun, StopLog};
use crate::output::{Lifeline, Masking, Reading, StepLog, read_in_thread};
use crate::protocol::{Order, ServiceForm, ServicePlan, StopPlan, UnitId};
use crate::sys::descriptors;

/// How long a descendant may hold a step's output after its leader's end; of a service it usually does.
const DRAIN_STEP: Duration = Duration::from_secs(1);
const DRAIN_SERVICE: Duration = Duration::from_millis(50);
/// Grace of a foreground service and of a start that is cut.
const SERVICE_GRACE: Duration = Duration::from_secs(10);

/// How far the item has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The shim has said that nothing is left.
    pub empty: bool,
    /// The shim is gone without having said so.
    pub lost: bool,
    /// Processes that outlived KILL.
    pub stuck: Vec<Ended>,
}

/// What the handle on an item and the task that hears its shim share.
pub struct ItemCore {
    pub name: String,
    pub launcher: Arc<Core>,
    pub connection: Arc<Connection>,
    pub masking: Arc<Masking>,
    pub progress: watch::Sender<Progress>,
    pub units: Mutex<Units>,
    logs: Mutex<HashMap<StepPath, Arc<StepLog>>>,
    next: AtomicU64,
    /// Held while a stop is run for a lost shim: one after the other.
    pub rescue: tokio::sync::Mutex<()>,
    /// A secret is too short to be masked, and the log does not say so yet.
    owes_warning: AtomicBool,
}

/// What runs or ran in an item.
#[derive(Default)]
pub struct Units {
    pub running: HashMap<UnitId, Arc<Running>>,
    pub services: HashMap<UnitId, Arc<ServiceRun>>,
    instances: HashMap<InstanceId, Arc<ServiceRun>>,
}

impl ItemCore {
    pub fn new(
        name: String,
        launcher: Arc<Core>,
        connection: Arc<Connection>,
        masking: Arc<Masking>,
    ) -> Self {
        let (progress, _) = watch::channel(Progress::default());
        Self {
            name,
            launcher,
            connection,
            masking,
            progress,
            units: Mutex::default(),
            logs: Mutex::default(),
            next: AtomicU64::new(1),
            rescue: tokio::sync::Mutex::default(),
            owes_warning: AtomicBool::new(false),
        }
    }

    pub fn units(&self) -> MutexGuard<'_, Units> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_of(&self, step: &StepPath) -> Arc<StepLog> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(StepLog::new(step.clone(), self.launcher.settings.output_limit));
        Arc::clone(logs.entry(step.clone()).or_insert_with(made))
    }

    /// Starts reading and registers the unit; gives the write ends of its output.
    fn prepare(
        self: &Arc<Self>,
        spawn: &Spawn,
        kind: Kind,
    ) -> std::io::Result<(Arc<Running>, Vec<std::os::fd::OwnedFd>)> {
        let (stdout, write_stdout) = descriptors::pipe()?;
        let (stderr, write_stderr) = descriptors::pipe()?;
        let lifeline = Arc::new(Lifeline::new()?);
        let unit = self.next.fetch_add(1, Ordering::Relaxed);
        let running = Arc::new(Running::new(unit, kind, Asked::of(spawn), Arc::clone(&lifeline)));
        let log = self.log_of(&spawn.step);
        if let Some(sink) = &spawn.sink {
            self.warn_of_short_secret(&log, sink, spawn.attempt);
        }
        let reading = Reading {
            stdout,
            stderr,
            masking: Arc::clone(&self.masking),
            log,
            attempt: spawn.attempt,
            sink: spawn.sink.clone(),
            capture: spawn.capture,
            hide_stdout: spawn.hide_stdout,
            log_leaked: kind == Kind::Service,
        };
        let drain = if kind == Kind::Service { DRAIN_SERVICE } else { DRAIN_STEP };
        let reader = Arc::clone(&running);
        read_in_thread(reading, lifeline, drain, move |read| reader.read(read))?;
        self.units().running.insert(unit, Arc::clone(&running));
        Ok((running, vec![write_stdout, write_stderr]))
    }

    fn warn_of_short_secret(&self, log: &Arc<StepLog>, sink: &Arc<dyn LogSink>, attempt: u32) {
        if self.owes_warning.swap(false, Ordering::Relaxed) {
            let (log, sink) = (Arc::clone(log), Arc::clone(sink));
            let text = "warning: a secret value shorter than 3 characters is not masked\n";
            // The log may block, which this caller must not.
            std::thread::spawn(move || {
                log.append(&sink, attempt, Stream::Note, Bytes::from_static(text.as_bytes()))
            });
        }
    }

    fn send(
        &self,
        unit: UnitId,
        order: Order,
        descriptors: Vec<std::os::fd::OwnedFd>,
    ) -> Result<(), LaunchError> {
        let sent = self.connection.send(order, descriptors);
        // Looked at after the unit was registered: either this or the release at the item's end sees the other.
        let Progress { empty, lost, .. } = *self.progress.borrow();
        if sent.is_err() || empty || lost {
            if let Some(running) = self.units().running.remove(&unit) {
                running.lost();
            }
            return Err(if empty {
                LaunchError::Refused("the work item is closed".into())
            } else {
                LaunchError::ShimLost
            });
        }
        Ok(())
    }

    fn plan(&self, launch: &ServiceLaunch, output: Option<PathBuf>) -> Result<ServicePlan, LaunchError> {
        let surroundings = self.launcher.surroundings;
        let stop = launch.stop.as_ref().map(|stop| {
            Ok(StopPlan {
                command: compose::command(&stop.spawn, surroundings)?,
                limit: stop.limit,
                retries: stop.retries.clone(),
                output,
            })
        });
        let form = if launch.foreground {
            ServiceForm::Foreground { grace: SERVICE_GRACE }
        } else {
            ServiceForm::Daemon
        };
        Ok(ServicePlan {
            form,
            start: Some(compose::command(&launch.start, surroundings)?),
            start_was_cut: false,
            stop: stop.transpose()?,
            group: launch.group,
            data: launch.data.clone(),
        })
    }
}

fn system(error: impl std::fmt::Display) -> LaunchError {
    LaunchError::System(error.to_string())
}

/// The engine's handle on an item. Dropped without `close`, it hangs up: the shim then does what it does when its
/// worker is lost.
pub struct ItemHandle(pub Arc<ItemCore>);

impl Drop for ItemHandle {
    fn drop(&mut self) {
        self.0.connection.hang_up();
    }
}

#[async_trait]
impl WorkItem for ItemHandle {
    fn mask(&self, values: &[SecretValue]) {
        if self.0.masking.add(values.iter().map(SecretValue::reveal)) > 0 {
            self.0.owes_warning.store(true, Ordering::Relaxed);
        }
    }

    async fn spawn(&self, spawn: Spawn) -> Result<Arc<dyn Process>, LaunchError> {
        let command = compose::command(&spawn, self.0.launcher.surroundings)?;
        let (running, descriptors) = self.0.prepare(&spawn, Kind::Step).map_err(system)?;
        let unit = running.unit;
        self.0.send(unit, Order::Run { unit, command }, descriptors)?;
        Ok(Arc::new(ProcessHandle { running, connection: Arc::clone(&self.0.connection) }))
    }

    async fn start_service(&self, launch: ServiceLaunch) -> Result<Arc<dyn Process>, LaunchError> {
        if launch.stop.is_none() && !launch.foreground {
            return Err(LaunchError::Refused(format!("service \"{}\" has no stop command", launch.name)));
        }
        let output_file = self.0.launcher.stop_output(&self.0.name, launch.instance);
        let plan = Box::new(self.0.plan(&launch, output_file.clone())?);
        let (running, descriptors) = self.0.prepare(&launch.start, Kind::Service).map_err(system)?;
        let unit = running.unit;
        let stop_log = launch.stop.as_ref().and_then(|stop| {
            let (sink, masking) = (stop.spawn.sink.clone()?, Arc::clone(&self.0.masking));
            Some(StopLog { log: self.0.log_of(&stop.spawn.step), sink, masking, attempt: stop.spawn.attempt })
        });
        let instance = launch.instance;
        let service = Arc::new(ServiceRun::new(launch, output_file, Arc::clone(&running), stop_log));
        {
            let mut units = self.0.units();
            units.services.insert(unit, Arc::clone(&service));
            units.instances.insert(instance, service);
        }
        self.0.send(unit, Order::Serve { unit, service: plan }, descriptors)?;
        Ok(Arc::new(ProcessHandle { running, connection: Arc::clone(&self.0.connection) }))
    }

    async fn stop_service(&self, instance: InstanceId) -> ServiceEnd {
        let Some(service) = self.0.units().instances.get(&instance).cloned() else {
            return ServiceEnd { tries: Vec::new(), process: None, killed: 0, stopped: true };
        };
        if service.ask() {
            let order = Order::Stop { unit: service.unit, grace: SERVICE_GRACE };
            let _ = self.0.connection.send(order, Vec::new());
        }
        let (mut end, mut progress) = (service.end(), self.0.progress.subscribe());
        tokio::select! {
            biased;
            ended = end.wait_for(Option::is_some) => {
                if let Some(end) = ended.ok().and_then(|end| end.clone()) {
                    return end;
                }
            }
            _ = progress.wait_for(|progress| progress.lost) => {}
        }
        rescue::stop(&self.0, &service).await
    }

    async fn close(&self) -> Result<(), Vec<Ended>> {
        let _ = self.0.connection.send(Order::Finish, Vec::new());
        let mut progress = self.0.progress.subscribe();
        let over =
            progress.wait_for(|progress| progress.empty || progress.lost || !progress.stuck.is_empty()).await;
        let progress = over.map(|progress| progress.clone()).unwrap_or_default();
        match progress {
            Progress { empty: true, .. } => Ok(()),
            Progress { stuck, .. } if !stuck.is_empty() => Err(stuck),
            _ => Err(vec![Ended::ShimLost]),
        }
    }

    async fn lost(&self) {
        let mut progress = self.0.progress.subscribe();
        if progress.wait_for(|progress| progress.lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

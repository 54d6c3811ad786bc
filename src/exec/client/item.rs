//! A work item: its shim, what runs in it, and its end.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pikoci_model::id::{InstanceId, StepPath};
use pikoci_model::log::Stream;
use pikoci_model::outcome::Ended;
use pikoci_model::port::{LaunchError, LogSink, ServiceLaunch, Spawn};
use tokio::sync::watch;

use super::compose;
use super::connection::Connection;
use super::fault::Asked;
use super::handle::SERVICE_GRACE;
use super::hatching::Hatched;
use super::item_journal::ItemJournal;
use super::launcher::Core;
use super::process::{Kind, Running};
use super::service::ServiceRun;
use crate::output::{Lifeline, Masking, Reading, StepLog, read_in_thread};
use crate::protocol::{Order, ServiceForm, ServicePlan, StopPlan, UnitId};
use crate::sys::descriptors;

/// How long a descendant may hold a step's output after its leader's end; of a service it usually does.
const DRAIN_STEP: Duration = Duration::from_secs(1);
const DRAIN_SERVICE: Duration = Duration::from_millis(50);

/// How far the item has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The shim has said that nothing is left.
    pub empty: bool,
    /// The shim is gone without having said so, or nothing is left although nobody had asked for the end: its lease was
    /// over.
    pub lost: bool,
    /// After that: the stops that were owed have run or stand pending, and nothing is left.
    pub rescued: bool,
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
    /// The shim's number, and that of its session.
    pub shim: i32,
    /// A build's.
    pub journal: Option<Arc<ItemJournal>>,
    /// The end of the item was asked for.
    pub(super) closing: AtomicBool,
    /// Somebody was told of processes that cannot be ended.
    pub(super) stuck_told: AtomicBool,
    /// A secret is too short to be masked, and the log does not say so yet.
    pub(super) owes_warning: AtomicBool,
}

/// What runs or ran in an item.
#[derive(Default)]
pub struct Units {
    pub running: HashMap<UnitId, Arc<Running>>,
    pub services: HashMap<UnitId, Arc<ServiceRun>>,
    instances: HashMap<InstanceId, Arc<ServiceRun>>,
}

impl ItemCore {
    pub fn new(name: String, launcher: Arc<Core>, hatched: Hatched, journal: Option<ItemJournal>) -> Self {
        let (progress, _) = watch::channel(Progress::default());
        Self {
            name,
            launcher,
            connection: hatched.connection,
            shim: hatched.shim,
            journal: journal.map(Arc::new),
            masking: Arc::default(),
            progress,
            units: Mutex::default(),
            logs: Mutex::default(),
            next: AtomicU64::new(1),
            closing: AtomicBool::new(false),
            stuck_told: AtomicBool::new(false),
            owes_warning: AtomicBool::new(false),
        }
    }

    pub fn register(&self, instance: InstanceId, service: Arc<ServiceRun>) {
        let mut units = self.units();
        units.services.insert(service.unit, Arc::clone(&service));
        units.instances.insert(instance, service);
    }

    pub fn service(&self, instance: InstanceId) -> Option<Arc<ServiceRun>> {
        self.units().instances.get(&instance).cloned()
    }

    /// The services of which nobody knows how they ended, in the order of their start.
    pub fn standing(&self) -> Vec<Arc<ServiceRun>> {
        let mut standing: Vec<_> =
            self.units().services.values().filter(|service| !service.is_over()).cloned().collect();
        standing.sort_unstable_by_key(|service| service.unit);
        standing
    }

    pub fn units(&self) -> MutexGuard<'_, Units> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn log_of(&self, step: &StepPath) -> Arc<StepLog> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(StepLog::new(step.clone(), self.launcher.settings.output_limit));
        Arc::clone(logs.entry(step.clone()).or_insert_with(made))
    }

    /// Starts reading and registers the unit; gives the write ends of its output.
    pub(super) fn prepare(
        self: &Arc<Self>,
        spawn: &Spawn,
        kind: Kind,
    ) -> std::io::Result<(Arc<Running>, Vec<OwnedFd>)> {
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

    pub(super) fn send(
        &self,
        unit: UnitId,
        order: Order,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(), LaunchError> {
        let sent = self.connection.send(order, descriptors);
        // Looked at after the unit was registered: either this or the release at the item's end sees the other.
        let Progress { empty, lost, .. } = *self.progress.borrow();
        if sent.is_err() || empty || lost {
            if let Some(running) = self.units().running.remove(&unit) {
                running.lost();
            }
            if sent.is_err() || empty {
                self.never_had(unit);
            }
            return Err(if empty && !lost {
                LaunchError::Refused("the work item is closed".into())
            } else {
                LaunchError::ShimLost
            });
        }
        Ok(())
    }

    /// The shim has nothing of this unit. If it is a service, no stop is owed.
    pub(super) fn never_had(&self, unit: UnitId) {
        let service = self.units().services.get(&unit).cloned();
        if let Some(service) = service {
            service.never_stood();
            self.journal.iter().for_each(|journal| journal.take_back(service.launch.instance));
        }
    }

    pub fn plan(&self, launch: &ServiceLaunch, output: Option<PathBuf>) -> Result<ServicePlan, LaunchError> {
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

pub(super) fn system(error: impl std::fmt::Display) -> LaunchError {
    LaunchError::System(error.to_string())
}

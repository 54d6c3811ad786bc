//! The actor of one service instance: registered → starting → probing → ready → stopping → stopped.
//!
//! From the moment its start is tried its stop is owed. The stop itself is the launcher's: registered together with
//! the start, it runs whatever becomes of this actor.

mod launch;
mod probing;
mod stopping;

use std::collections::BTreeMap;
use std::sync::Arc;

use pikoci_model::build::{BuildEvent, BuildStatus, ServiceRecord, ServiceState};
use pikoci_model::id::{InstanceId, StepPath};
use pikoci_model::outcome::{Ended, Failure, RunCode};
use pikoci_model::pipeline::{ReadyCheck, ServiceType};
use pikoci_model::port::{Process, ProcessEnd, ServiceEnd};
use pikoci_model::step::ServiceStep;
use tokio::sync::watch;

use self::launch::{await_start, launch};
use super::conduct::{Interrupt, ended_failure};
use super::probe::Probed;
use super::record::{Recorder, Title};
use super::service_plan::{ServicePlan, failed};
use super::site::Site;
use super::step_log::StepLog;
use crate::supervise::{Actor, Door, Exit, Flow, Life, Receive};

/// A service to be started.
#[derive(Clone)]
pub(crate) struct ServiceAsk {
    pub site: Arc<Site>,
    pub instance: InstanceId,
    pub name: String,
    pub service: ServiceStep,
    /// Which group it belongs to; groups stop in reverse order.
    pub group: u32,
    /// What earlier steps exported.
    pub exports: BTreeMap<String, String>,
}

/// See the module.
pub(crate) struct ServiceActor {
    ask: ServiceAsk,
    parent: Door<ServiceNews>,
    ear: watch::Sender<Option<Interrupt>>,
    record: ServiceRecord,
    declared: Option<ServiceType>,
    start: Option<Recorder>,
    /// Set once the launcher owes the stop.
    launched: Option<Launched>,
}

struct Launched {
    plan: ServicePlan,
    stop_log: Arc<StepLog>,
    foreground: bool,
    /// Names of the variables that PikoCI set for its start, and for its stop.
    start_names: Vec<String>,
    stop_names: Vec<String>,
}

/// What the build hears of a service.
pub(crate) struct ServiceNews {
    pub instance: InstanceId,
    pub news: News,
}

pub(crate) enum News {
    /// Its start is done; the next service may start.
    Started {
        exports: BTreeMap<String, String>,
    },
    Ready,
    /// It did not start, is not ready, or died.
    Failed(Failure),
    /// It was interrupted before it was ready.
    Cut,
    /// Its stop has completed, or failed for good.
    Stopped,
}

/// Begin to ask whether it is ready.
pub(crate) struct BeginProbing;
/// Stop it.
pub(crate) struct StopService;
/// The time for all stops is over.
pub(crate) struct GiveUpStopping;

struct LaunchOver(Result<(Arc<dyn Process>, Launched), Failure>, Recorder);
struct StartOver(Option<Failure>, Recorder);
struct ProcessOver(ProcessEnd);
struct ProbingOver(Probed, Recorder);
struct StopOver(ServiceEnd, Recorder);

impl ServiceActor {
    pub(crate) fn new(ask: ServiceAsk, parent: Door<ServiceNews>) -> Self {
        let record = ServiceRecord {
            instance: ask.instance,
            name: ask.name.clone(),
            service_type: ask.service.service_type.clone(),
            version: String::new(),
            address: String::new(),
            state: ServiceState::Registered,
            stopped_by: None,
            tries: 0,
            killed: 0,
            failure: None,
            starting_at: ask.site.ground.ports.clock.now(),
            ready_at: None,
            stopping_at: None,
            stopped_at: None,
            worker: None,
        };
        let declared = ask.site.types.service_types.get(&ask.service.service_type).cloned();
        ServiceActor {
            ask,
            parent,
            ear: watch::Sender::new(None),
            record,
            declared,
            start: None,
            launched: None,
        }
    }

    fn enter(&mut self, state: ServiceState) {
        self.record.state = state;
        let now = self.ask.site.ground.ports.clock.now();
        match state {
            ServiceState::Starting => self.record.starting_at = now,
            ServiceState::Ready => self.record.ready_at = Some(now),
            ServiceState::Stopping => self.record.stopping_at = Some(now),
            ServiceState::Stopped => self.record.stopped_at = Some(now),
            ServiceState::StopFailed => self.record.worker = Some(self.ask.site.worker.to_string()),
            _ => {}
        }
        self.ask.site.outbox.push(BuildEvent::Service(self.record.clone()));
    }

    fn tell(&self, news: News) {
        self.parent.force(ServiceNews { instance: self.ask.instance, news });
    }

    fn fail(&mut self, failure: Failure) {
        self.record.failure = Some(failure.clone());
        self.ask.site.outbox.push(BuildEvent::Service(self.record.clone()));
        self.tell(News::Failed(failure));
    }

    fn recorder(&self, part: &str, log: Option<Arc<StepLog>>) -> Recorder {
        let ground = &self.ask.site.ground;
        let path = StepPath::of_service(&self.ask.name, part);
        let log = log.unwrap_or_else(|| {
            StepLog::new(path.clone(), &self.ask.site.outbox, ground.settings.output_limit)
        });
        let title = Title { path, kind: "service", name: format!("{}:{part}", self.ask.name) };
        Recorder::begin_with(title, &ground.ports.clock, &self.ask.site.outbox, log)
    }

    fn end_start(&mut self, status: BuildStatus, failure: Option<Failure>) {
        if let Some(start) = self.start.take() {
            start.end(status, failure);
        }
    }

    fn start_names(&self) -> &[String] {
        self.launched.as_ref().map_or(&[], |launched| &launched.start_names)
    }

    fn is_stopping(&self) -> bool {
        matches!(self.record.state, ServiceState::Stopping | ServiceState::Stopped | ServiceState::StopFailed)
    }

    fn ready_check(&self) -> Option<ReadyCheck> {
        self.declared.as_ref().and_then(|declared| declared.ready_check.clone())
    }

    fn conclude_stop(&mut self, state: ServiceState) -> Flow {
        self.enter(state);
        self.tell(News::Stopped);
        Err(Exit::Finished)
    }
}

impl Actor for ServiceActor {
    /// Orders of the build: a handful at most.
    const MAILBOX: usize = 16;
    type State = ServiceRecord;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let recorder = self.recorder("start", None);
        let Some(declared) = self.declared.clone() else {
            let name = &self.ask.service.service_type;
            let failure = failed(&self.ask.name, &format!("service type `{name}` is not declared"));
            recorder.end(BuildStatus::Failed, Some(failure.clone()));
            self.fail(failure);
            return Ok(());
        };
        let ask = self.ask.clone();
        life.spawn(async move {
            let result = launch(&ask, &declared, &recorder).await;
            LaunchOver(result, recorder)
        });
        Ok(())
    }

    fn state(&self) -> ServiceRecord {
        self.record.clone()
    }
}

impl Receive<LaunchOver> for ServiceActor {
    fn receive(&mut self, message: LaunchOver, life: &mut Life<'_, Self>) -> Flow {
        let LaunchOver(result, recorder) = message;
        let (process, launched) = match result {
            Ok(launched) => launched,
            Err(failure) => {
                recorder.explain(&failure, &[]);
                recorder.end(BuildStatus::Failed, Some(failure.clone()));
                self.fail(failure);
                return Ok(());
            }
        };
        self.record.address.clone_from(&launched.plan.address);
        self.record.version.clone_from(&launched.plan.version);
        let foreground = launched.foreground;
        self.launched = Some(launched);
        // From here on its stop is owed, and who hears of it may count on that.
        self.enter(ServiceState::Starting);
        if foreground {
            self.start = Some(recorder);
            life.spawn(async move { ProcessOver(process.wait().await) });
            return self.launched_well();
        }
        let (name, limit) = (self.ask.name.clone(), self.ask.site.ground.settings.start_timeout);
        life.spawn(await_start(process, name, limit, recorder, self.ear.subscribe()));
        Ok(())
    }
}

impl ServiceActor {
    fn launched_well(&mut self) -> Flow {
        if self.ear.borrow().is_some() {
            self.tell(News::Cut);
            return Ok(());
        }
        let exports =
            self.launched.as_ref().map(|launched| launched.plan.exports.clone()).unwrap_or_default();
        self.tell(News::Started { exports });
        Ok(())
    }
}

impl Receive<StartOver> for ServiceActor {
    fn receive(&mut self, message: StartOver, _: &mut Life<'_, Self>) -> Flow {
        let StartOver(failure, recorder) = message;
        let interrupted = self.ear.borrow().is_some();
        match failure {
            None => {
                recorder.end(BuildStatus::Succeeded, None);
                self.launched_well()
            }
            Some(_) if interrupted => {
                recorder.end(BuildStatus::Cancelled, None);
                self.tell(News::Cut);
                Ok(())
            }
            Some(failure) => {
                recorder.explain(&failure, self.start_names());
                recorder.end(BuildStatus::Failed, Some(failure.clone()));
                self.fail(failure);
                Ok(())
            }
        }
    }
}

/// A foreground service has ended: in order when it is being stopped, else too early.
impl Receive<ProcessOver> for ServiceActor {
    fn receive(&mut self, message: ProcessOver, _: &mut Life<'_, Self>) -> Flow {
        if self.is_stopping() {
            return Ok(());
        }
        let (name, ended) = (&self.ask.name, &message.0.ended);
        let (failure, names) = if message.0.ended == Ended::ShimLost {
            // No fault of the service, and not the build's: it runs again.
            (ended_failure(ended), &[][..])
        } else if self.record.state == ServiceState::Ready {
            let text = format!("service \"{name}\" ended by itself: it {ended}");
            (Failure::coded(RunCode::R151, text), &[][..])
        } else {
            (failed(name, &format!("it ended before it was ready: it {ended}")), self.start_names())
        };
        if let Some(start) = &self.start {
            start.explain(&failure, names);
        }
        self.end_start(BuildStatus::Failed, Some(failure.clone()));
        self.ear.send_replace(Some(Interrupt::Fail(failure.clone())));
        self.fail(failure);
        Ok(())
    }
}

impl Receive<Interrupt> for ServiceActor {
    fn receive(&mut self, interrupt: Interrupt, _: &mut Life<'_, Self>) -> Flow {
        if self.ear.borrow().is_none() {
            self.ear.send_replace(Some(interrupt));
        }
        Ok(())
    }
}

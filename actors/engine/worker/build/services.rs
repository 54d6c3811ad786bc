//! The services of one build: started in groups, stopped in reverse order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use pikoci_model::build::{BuildEvent, ServiceRecord, ServiceState};
use pikoci_model::id::InstanceId;
use pikoci_model::pipeline::Job;
use pikoci_model::step::StepKind;

use super::BuildActor;
use crate::decide::walk::Walk;
use crate::supervise::{Child, Life};
use crate::worker::conduct::Interrupt;
use crate::worker::service::{
    BeginProbing, GiveUpStopping, News, ServiceActor, ServiceAsk, ServiceNews, StopService,
};
use crate::worker::site::Site;

/// All services whose start was tried, in order, and the group that is being started.
#[derive(Default)]
pub(super) struct Services {
    all: Vec<Service>,
    /// Plan indexes of the open group that are not started yet.
    to_start: VecDeque<usize>,
    group: u32,
}

struct Service {
    instance: InstanceId,
    name: String,
    service_type: String,
    group: u32,
    state: State,
    /// `None` once its actor has died of a fault.
    child: Option<Child<ServiceActor>>,
    actor: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Launching,
    Started,
    Probing,
    Ready,
    /// It failed or was cut: it waits for its stop.
    Settled,
    Stopping,
    Stopped,
}

impl Services {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.all.iter().map(|service| format!("{}: {:?}", service.name, service.state)).collect()
    }

    /// Begins a group of services that stand side by side in the plan.
    pub(super) fn open_group(&mut self, indexes: Vec<usize>) {
        self.group += 1;
        self.to_start = indexes.into();
    }

    /// Starts the next service of the group; after the last one the ready checks of all run together.
    pub(super) fn start_next(
        &mut self,
        job: &Job,
        site: &Arc<Site>,
        exports: &BTreeMap<String, String>,
        life: &mut Life<'_, BuildActor>,
    ) {
        let Some(index) = self.to_start.pop_front() else { return self.begin_probing() };
        let step = &job.steps[index];
        let StepKind::Service(service) = &step.kind else { return };
        let ask = ServiceAsk {
            site: Arc::clone(site),
            instance: InstanceId(uuid::Uuid::new_v4()),
            name: step.name.clone(),
            service: service.clone(),
            group: self.group,
            exports: exports.clone(),
        };
        let (instance, service_type) = (ask.instance, service.service_type.clone());
        let actor: Arc<str> = format!("{}/svc.{}", life.name(), step.name).into();
        let parent = life.door();
        let child = life.start(Arc::clone(&actor), move || ServiceActor::new(ask, parent));
        self.all.push(Service {
            instance,
            name: step.name.clone(),
            service_type,
            group: self.group,
            state: State::Launching,
            child: Some(child),
            actor,
        });
    }

    fn begin_probing(&mut self) {
        let group = self.group;
        for service in self.all.iter_mut().filter(|service| service.group == group) {
            if service.state == State::Started {
                service.state = State::Probing;
                service.order(BeginProbing);
            }
        }
    }

    pub(super) fn note(&mut self, instance: InstanceId, news: &News) {
        let Some(service) = self.all.iter_mut().find(|service| service.instance == instance) else { return };
        if matches!(service.state, State::Stopping | State::Stopped) && !matches!(news, News::Stopped) {
            return;
        }
        service.state = match news {
            News::Started { .. } => State::Started,
            News::Ready => State::Ready,
            News::Failed(_) | News::Cut => State::Settled,
            News::Stopped => State::Stopped,
        };
    }

    /// Whether the plan may go on: every service of the group is ready, or, when the walk is cut, quiet.
    pub(super) fn group_is_over(&self, walk: &Walk) -> bool {
        let quiet = |state: State| !matches!(state, State::Launching | State::Probing);
        let ready = |state: State| state == State::Ready;
        let members = self.all.iter().filter(|service| service.group == self.group);
        if walk.is_cut() {
            return members.into_iter().all(|service| quiet(service.state));
        }
        self.to_start.is_empty() && members.into_iter().all(|service| ready(service.state))
    }

    /// Ends starts and ready checks that are under way.
    pub(super) fn interrupt(&self, interrupt: &Interrupt) {
        for service in
            self.all.iter().filter(|service| matches!(service.state, State::Launching | State::Probing))
        {
            service.order(interrupt.clone());
        }
    }

    /// Stops the youngest group that is not stopped; its services together. False when all are stopped.
    pub(super) fn stop_next_group(&mut self, site: &Arc<Site>, life: &mut Life<'_, BuildActor>) -> bool {
        if self.all.iter().any(|service| service.state == State::Stopping) {
            return true;
        }
        let youngest = self
            .all
            .iter()
            .filter(|service| service.state != State::Stopped)
            .map(|service| service.group)
            .max();
        let Some(group) = youngest else { return false };
        for service in
            self.all.iter_mut().filter(|service| service.group == group && service.state != State::Stopped)
        {
            service.state = State::Stopping;
            match &service.child {
                Some(_) => service.order(StopService),
                None => service.stop_without_actor(site, life),
            }
        }
        true
    }

    /// The time for all stops is over: what is not stopped stands as pending.
    pub(super) fn give_up_stopping(&mut self) {
        for service in self.all.iter_mut().filter(|service| service.state != State::Stopped) {
            service.state = State::Stopping;
            service.order(GiveUpStopping);
        }
    }

    /// The actor of this name died: its service is stopped without it.
    pub(super) fn orphan(&mut self, actor: &str) {
        let found =
            self.all.iter_mut().find(|service| *service.actor == *actor && service.state != State::Stopped);
        if let Some(service) = found {
            service.child = None;
            service.state = State::Settled;
        }
    }
}

impl Service {
    fn order<M: Send + 'static>(&self, message: M)
    where
        ServiceActor: crate::supervise::Receive<M>,
    {
        if let Some(child) = &self.child
            && let Err(undelivered) = child.tell(message)
        {
            tracing::warn!(service = %self.name, "order not delivered: {undelivered}");
        }
    }

    fn stop_without_actor(&self, site: &Arc<Site>, life: &mut Life<'_, BuildActor>) {
        let (site, instance) = (Arc::clone(site), self.instance);
        let (name, service_type) = (self.name.clone(), self.service_type.clone());
        life.spawn(async move {
            stop_instance(&site, instance, name, service_type).await;
            ServiceNews { instance, news: News::Stopped }
        });
    }
}

/// Stops a service whose actor is gone, and says so.
pub(crate) async fn stop_instance(site: &Site, instance: InstanceId, name: String, service_type: String) {
    let clock = &site.ground.ports.clock;
    let known = site.outbox.services().into_iter().find(|record| record.instance == instance);
    if known.as_ref().is_some_and(|record| record.state == ServiceState::Stopped) {
        return;
    }
    let stopping_at = clock.now();
    let end = site.ground.item.stop_service(instance).await;
    let record = known.unwrap_or_else(|| ServiceRecord {
        instance,
        name,
        service_type,
        version: String::new(),
        address: String::new(),
        state: ServiceState::Registered,
        stopped_by: None,
        tries: 0,
        killed: 0,
        failure: None,
        starting_at: stopping_at,
        ready_at: None,
        stopping_at: None,
        stopped_at: None,
        worker: None,
    });
    site.outbox.push(BuildEvent::Service(ServiceRecord {
        state: if end.stopped { ServiceState::Stopped } else { ServiceState::StopFailed },
        stopped_by: Some(site.stopper().to_owned()),
        tries: u32::try_from(end.tries.len()).unwrap_or(u32::MAX),
        killed: end.killed,
        stopping_at: record.stopping_at.or(Some(stopping_at)),
        stopped_at: end.stopped.then(|| clock.now()),
        worker: (!end.stopped).then(|| site.worker.to_string()),
        ..record
    }));
}

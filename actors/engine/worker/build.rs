//! The actor of one running build: it walks the plan, from the first event to the last.
//!
//! opening → walking → stopping → fixing → hooks → closing. Whatever happens — a failure, a cancel, a limit, a dead child, a
//! lost shim — only cuts the walk; the way to the end is always the same, so no service is forgotten.

mod closing;
mod ending;
mod hearing;
mod services;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use pikoci_model::build::{BuildEvent, Phase};
use pikoci_model::id::{BuildId, Fence, StepPath};
use pikoci_model::outcome::Failure;
use pikoci_model::plan::BuildPlan;
use pikoci_model::port::Workdir;
use serde::Serialize;
use tokio::sync::watch;

pub(crate) use self::closing::{close_site, remove, stuck};
use self::services::Services;
pub(crate) use self::services::stop_instance;
use super::conduct::Interrupt;
use super::hook::HookPlace;
use super::opening::{Opened, Opening};
use super::outbox::Outbox;
use super::perform::Part;
use super::record::Title;
use super::site::{Ports, Settings, Site};
use super::step::StepActor;
use crate::decide::walk::{Cut, HookUnit, Leg, Walk};
use crate::supervise::{Actor, Child, Door, Flow, Job, Life};

/// What the agent keeps of a build in case its actor dies.
#[derive(Default)]
pub(crate) struct Lifeline {
    /// Its directory, from when it was made.
    pub workdir: OnceLock<Workdir>,
    /// Where its commands run, from when it was opened.
    pub site: OnceLock<Arc<Site>>,
    /// The status has been told.
    pub concluded: AtomicBool,
}

/// A build to be run.
#[derive(Clone)]
pub(crate) struct BuildAsk {
    pub plan: Arc<BuildPlan>,
    pub ports: Ports,
    pub settings: Arc<Settings>,
    /// Name of the worker.
    pub worker: Arc<str>,
    pub outbox: Arc<Outbox>,
    pub lifeline: Arc<Lifeline>,
}

/// See the module.
pub(crate) struct BuildActor {
    ask: BuildAsk,
    parent: Door<BuildOver>,
    stage: Stage,
    walk: Walk,
    /// For what runs inside this actor: the opening and the job's hooks.
    ear: watch::Sender<Option<Interrupt>>,
    site: Option<Arc<Site>>,
    exports: BTreeMap<String, String>,
    step: Option<(StepPath, Child<StepActor>)>,
    services: Services,
    timer: Option<Job>,
    hooks: VecDeque<HookUnit>,
    hook_place: Option<HookPlace>,
    last: Last,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Opening,
    Walking,
    Stopping,
    /// Everything is stopped; the status is on its way to the store.
    Fixing,
    Hooks,
    Closing,
}

/// Which event is the last one; the agent sends it once the slot is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    Finished,
    Lost,
    HandedBack,
    /// None: nobody listens any more.
    Void,
}

/// Told to the agent: nothing of the build is alive.
pub(crate) struct BuildOver {
    pub build: BuildId,
    pub fence: Fence,
    pub last: Last,
}

/// The agent's order to end a build.
pub(crate) struct EndBuild(pub Cut);

struct OpeningOver(Result<Opened, Failure>);
struct JobTimeIsOver;
struct StopTimeIsOver;
struct ShimLost;
struct StatusStored;
struct JobHookOver(BTreeMap<String, String>);
struct ClosingOver;

/// What the admin page sees.
#[derive(Serialize)]
pub(crate) struct BuildState {
    build: BuildId,
    number: String,
    job: String,
    stage: Stage,
    step: Option<StepPath>,
    services: Vec<String>,
}

impl BuildActor {
    pub(crate) fn new(ask: BuildAsk, parent: Door<BuildOver>) -> Self {
        BuildActor {
            walk: Walk::new(&ask.plan.job),
            ask,
            parent,
            stage: Stage::Opening,
            ear: watch::Sender::new(None),
            site: None,
            exports: BTreeMap::new(),
            step: None,
            services: Services::default(),
            timer: None,
            hooks: VecDeque::new(),
            hook_place: None,
            last: Last::Finished,
        }
    }

    fn push(&self, event: BuildEvent) {
        self.ask.outbox.push(event);
    }

    fn enter(&mut self, stage: Stage, phase: Phase) {
        self.stage = stage;
        self.push(BuildEvent::Phase(phase));
    }

    /// The next leg of the plan; after the last one, or a cut, the services stop.
    fn go_on(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let Some(site) = self.site.clone() else { return self.conclude(life) };
        match self.walk.next_leg() {
            Some(Leg::Step(index)) => self.start_step(index, site, life),
            Some(Leg::Services(indexes)) => {
                self.services.open_group(indexes);
                self.services.start_next(&self.ask.plan.job, &site, &self.exports, life);
            }
            None => return self.begin_stopping(life),
        }
        Ok(())
    }

    fn start_step(&mut self, index: usize, site: Arc<Site>, life: &mut Life<'_, Self>) {
        let step = self.ask.plan.job.steps[index].clone();
        let path = StepPath::of_plan(index);
        let title = Title { path: path.clone(), kind: step.kind.word(), name: step.name.clone() };
        let version = self.ask.plan.version_of(index).cloned();
        let part =
            Part { site, title, step, version, exports: self.exports.clone(), hook: None, limit: None };
        let parent = life.door();
        let name = format!("{}/{path}", life.name());
        let child = life.start(name, move || StepActor::new(part, parent));
        self.step = Some((path, child));
    }

    /// Ends the walk and tells everything that runs. Hooks of the job are only ended when the worker gives up.
    fn cut(&mut self, cut: Cut, life: &mut Life<'_, Self>) -> Flow {
        let interrupt = match &cut {
            Cut::Failed(failure) => Interrupt::Fail(failure.clone()),
            Cut::TimedOut(_) => Interrupt::TimeOver,
            Cut::Cancelled(_) => Interrupt::Cancel,
            Cut::Lost | Cut::HandedBack { .. } | Cut::Fenced => Interrupt::Abandon,
        };
        if matches!(self.stage, Stage::Hooks | Stage::Closing) {
            if interrupt == Interrupt::Abandon {
                self.hooks.clear();
                self.ear.send_replace(Some(interrupt));
            }
            if cut == Cut::Fenced {
                self.last = Last::Void;
            }
            return Ok(());
        }
        if self.stage == Stage::Fixing && matches!(cut, Cut::Failed(_) | Cut::TimedOut(_)) {
            return Ok(());
        }
        self.walk.cut(cut);
        if self.stage == Stage::Fixing {
            // Whoever asked was in time: the store knew of it before it knew of the conclusion.
            return self.conclude(life);
        }
        if self.stage == Stage::Opening {
            self.ear.send_replace(Some(interrupt.clone()));
        }
        if let Some((_, step)) = &self.step
            && let Err(undelivered) = step.tell(interrupt.clone())
        {
            tracing::warn!(step = %step.name(), "interrupt not delivered: {undelivered}");
        }
        self.services.interrupt(&interrupt);
        self.settle(life)
    }

    /// Goes on once a cut group of services is quiet.
    fn settle(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let waiting =
            self.stage != Stage::Walking || self.step.is_some() || !self.services.group_is_over(&self.walk);
        if waiting { Ok(()) } else { self.go_on(life) }
    }
}

impl Actor for BuildActor {
    /// The agent's orders and its children's news; the latter go past the bound and are bounded by the plan.
    const MAILBOX: usize = 32;
    type State = BuildState;

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let at = self.ask.ports.clock.now();
        self.push(BuildEvent::Started { at });
        let (opening, ear) = (Opening { ask: self.ask.clone() }, self.ear.subscribe());
        life.spawn(async move { OpeningOver(opening.open(ear).await) });
        Ok(())
    }

    fn state(&self) -> BuildState {
        BuildState {
            build: self.ask.plan.build,
            number: self.ask.plan.number.to_string(),
            job: self.ask.plan.job.name.clone(),
            stage: self.stage,
            step: self.step.as_ref().map(|(path, _)| path.clone()),
            services: self.services.names(),
        }
    }
}

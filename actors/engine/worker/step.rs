//! The actor of one running get, task or put: all its attempts, then its hooks.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use pikoci_model::id::StepPath;
use pikoci_model::outcome::RunCode;
use serde::Serialize;
use tokio::sync::watch;

use super::conduct::Interrupt;
use super::hook::HookPlace;
use super::perform::{Outcome, Part};
use super::site::{HookFacts, Site};
use crate::decide::walk::{HookKind, HookUnit, hook_units};
use crate::supervise::{Actor, Door, Exit, Flow, Life, Receive};

/// See the module.
pub(crate) struct StepActor {
    part: Part,
    parent: Door<StepOver>,
    ear: watch::Sender<Option<Interrupt>>,
    stage: Stage,
    outcome: Outcome,
    exports: BTreeMap<String, String>,
    hooks: VecDeque<HookUnit>,
    /// What an interrupt during the hooks asks for; the hook that runs is ended first.
    pending: Option<Interrupt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Performing,
    Hooks,
}

/// Told to the build when a step and its hooks are over.
pub(crate) struct StepOver {
    pub path: StepPath,
    pub outcome: Outcome,
    /// What the step and its hooks exported.
    pub exports: BTreeMap<String, String>,
}

struct Performed {
    outcome: Outcome,
    exports: BTreeMap<String, String>,
}

struct HookOver {
    exports: BTreeMap<String, String>,
}

impl StepActor {
    pub(crate) fn new(part: Part, parent: Door<StepOver>) -> Self {
        StepActor {
            part,
            parent,
            ear: watch::Sender::new(None),
            stage: Stage::Performing,
            outcome: Outcome::Succeeded,
            exports: BTreeMap::new(),
            hooks: VecDeque::new(),
            pending: None,
        }
    }

    fn site(&self) -> &Site {
        &self.part.site
    }

    fn hook_place(&self) -> HookPlace {
        let title = &self.part.title;
        let mut exports = self.part.exports.clone();
        exports.extend(self.exports.clone());
        HookPlace {
            site: self.part.site.clone(),
            step: Some((title.path.clone(), title.name.clone())),
            specifics: self.part.specifics(),
            exports,
            facts: HookFacts { status: None, reason: reason(&self.outcome) },
            limit: self.hook_limit(),
        }
    }

    /// After a cancel or a timeout a hook must not keep the build alive for ever.
    fn hook_limit(&self) -> Option<Duration> {
        let timed_out = self.outcome.failure().is_some_and(|failure| failure.code == Some(RunCode::R140));
        let limited = timed_out || matches!(self.outcome, Outcome::Cut(_));
        limited.then_some(self.site().ground.settings.hook_timeout)
    }

    fn next(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let Some(unit) = self.hooks.pop_front() else { return self.end(life) };
        let place = self.hook_place();
        // The hooks that follow an interrupt are not ended by it.
        self.ear.send_replace(None);
        let ear = self.ear.subscribe();
        life.spawn(async move { HookOver { exports: place.run(unit, ear).await } });
        Ok(())
    }

    fn end(&mut self, _: &mut Life<'_, Self>) -> Flow {
        self.parent.force(StepOver {
            path: self.part.title.path.clone(),
            outcome: self.outcome.clone(),
            exports: std::mem::take(&mut self.exports),
        });
        Err(Exit::Finished)
    }

    /// The hooks that still follow an interrupt among the hooks. An `ensure` that has begun is not begun again.
    fn hooks_left(&self, interrupt: &Interrupt) -> VecDeque<HookUnit> {
        let ensure = self.hooks.iter().filter(|unit| unit.kind == HookKind::Ensure).cloned();
        match interrupt {
            Interrupt::Cancel | Interrupt::TimeOver => {
                self.units(&[HookKind::OnCancel]).into_iter().chain(ensure).collect()
            }
            Interrupt::Fail(_) => ensure.collect(),
            Interrupt::Abandon => VecDeque::new(),
        }
    }

    fn units(&self, kinds: &[HookKind]) -> VecDeque<HookUnit> {
        hook_units(&self.part.step.hooks, kinds).into()
    }
}

/// Which hooks follow an outcome.
fn hooks_after(outcome: &Outcome) -> &'static [HookKind] {
    match outcome {
        Outcome::Succeeded => &[HookKind::OnSuccess, HookKind::Ensure],
        Outcome::Failed(_) | Outcome::Cut(Interrupt::Fail(_)) => &[HookKind::OnFailure, HookKind::Ensure],
        Outcome::Cut(Interrupt::Cancel | Interrupt::TimeOver) => &[HookKind::OnCancel, HookKind::Ensure],
        Outcome::Cut(Interrupt::Abandon) => &[],
    }
}

/// `BUILD_REASON` of a step's hooks.
fn reason(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Cut(Interrupt::Cancel) => "cancel".to_owned(),
        Outcome::Cut(Interrupt::TimeOver) => "timeout".to_owned(),
        other => {
            other.failure().and_then(|failure| failure.code).map(|code| code.to_string()).unwrap_or_default()
        }
    }
}

impl Actor for StepActor {
    /// Interrupts only: a handful at most.
    const MAILBOX: usize = 16;
    type State = (String, Stage);

    fn started(&mut self, life: &mut Life<'_, Self>) -> Flow {
        let (part, ear) = (self.part.clone(), self.ear.subscribe());
        life.spawn(async move {
            let (outcome, exports) = part.perform(ear).await;
            Performed { outcome, exports }
        });
        Ok(())
    }

    fn state(&self) -> Self::State {
        (self.part.title.path.to_string(), self.stage)
    }
}

impl Receive<Performed> for StepActor {
    fn receive(&mut self, message: Performed, life: &mut Life<'_, Self>) -> Flow {
        let Performed { outcome, exports } = message;
        self.hooks = self.units(hooks_after(&outcome));
        (self.outcome, self.exports, self.stage) = (outcome, exports, Stage::Hooks);
        self.next(life)
    }
}

impl Receive<HookOver> for StepActor {
    fn receive(&mut self, message: HookOver, life: &mut Life<'_, Self>) -> Flow {
        self.exports.extend(message.exports);
        if let Some(interrupt) = self.pending.take() {
            self.hooks = self.hooks_left(&interrupt);
            if !matches!(interrupt, Interrupt::Fail(_)) {
                self.outcome = Outcome::Cut(interrupt);
            }
        }
        self.next(life)
    }
}

impl Receive<Interrupt> for StepActor {
    fn receive(&mut self, interrupt: Interrupt, _: &mut Life<'_, Self>) -> Flow {
        let already = matches!(self.outcome, Outcome::Cut(_)) && interrupt != Interrupt::Abandon;
        if self.stage == Stage::Hooks && already {
            return Ok(());
        }
        if self.stage == Stage::Hooks {
            self.pending = Some(interrupt.clone());
        }
        self.ear.send_replace(Some(interrupt));
        Ok(())
    }
}

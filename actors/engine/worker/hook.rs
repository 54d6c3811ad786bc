//! One unit of a hook: a command, or a step. Whatever becomes of it changes nothing but its own record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pikoci_model::build::BuildStatus;
use pikoci_model::id::StepPath;
use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::port::LogSink;
use pikoci_model::step::Command;

use super::conduct::{Ear, Order};
use super::perform::{Part, Trouble, run_logged};
use super::record::{Recorder, Title};
use super::site::{HookFacts, Layers, Site, Specifics};
use crate::decide::walk::{HookUnit, HookWork, duration_text};

/// What a hook runs with.
#[derive(Clone)]
pub(crate) struct HookPlace {
    pub site: Arc<Site>,
    /// The step whose hook it is; none for a job's.
    pub step: Option<(StepPath, String)>,
    /// As its step.
    pub specifics: Specifics,
    pub exports: BTreeMap<String, String>,
    pub facts: HookFacts,
    /// Limit of each command, after a cancel or timeout.
    pub limit: Option<Duration>,
}

impl HookPlace {
    fn title(&self, unit: &HookUnit, kind: &'static str) -> Title {
        let (path, name) = match &self.step {
            Some((path, name)) => (path.hook(unit.kind.word(), unit.index), format!("{name}:{}", unit.label)),
            None => (StepPath::of_job_hook(unit.kind.word(), unit.index), unit.label.clone()),
        };
        Title { path, kind, name }
    }

    /// Runs one unit to its end; gives what it exported.
    pub(crate) async fn run(self, unit: HookUnit, ear: Ear) -> BTreeMap<String, String> {
        match &unit.work {
            HookWork::Command(command) => {
                self.run_command(&unit, command, ear).await;
                BTreeMap::new()
            }
            HookWork::Step(step) => {
                let title = self.title(&unit, step.kind.word());
                let (step, hook) = ((**step).clone(), Some(self.facts));
                let (site, exports, limit) = (self.site, self.exports, self.limit);
                let part = Part { site, title, step, version: None, exports, hook, limit };
                part.perform(ear).await.1
            }
        }
    }

    async fn run_command(&self, unit: &HookUnit, command: &Command, mut ear: Ear) {
        let ground = &self.site.ground;
        let title = self.title(unit, "hook");
        let limit = ground.settings.output_limit;
        let mut recorder = Recorder::begin(title.clone(), &ground.ports.clock, &self.site.outbox, limit);
        let layers = Layers {
            step_env: None,
            command,
            exports: &self.exports,
            specifics: &self.specifics,
            hook: Some(&self.facts),
            output: None,
            cache_dir: None,
        };
        let sink: Arc<dyn LogSink> = Arc::clone(recorder.log()) as _;
        let order = Order {
            layers,
            step: &title.path,
            attempt: 1,
            sink: Some(&sink),
            capture: false,
            hide_stdout: false,
            limit: self.limit,
        };
        let (failure, names) = match run_logged(&self.site, order, &mut recorder, &mut ear).await {
            Ok(_) => return recorder.end(BuildStatus::Succeeded, None),
            Err(Trouble::Interrupted(_)) => return recorder.end(BuildStatus::Cancelled, None),
            Err(Trouble::TimedOut(limit)) => {
                let text = format!("hook timed out after {}", duration_text(limit));
                (Failure::coded(RunCode::R140, text), Vec::new())
            }
            Err(Trouble::Failed { failure, names }) => (failure, names),
        };
        recorder.explain(&failure, &names);
        recorder.end(BuildStatus::Failed, Some(failure));
    }
}

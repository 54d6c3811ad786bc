//! One get, task or put: its attempts, what it needs before and what it leaves behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pikoci_model::build::{BuildEvent, BuildStatus};
use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::pipeline::ResourceType;
use pikoci_model::plan::{PlannedResource, PlannedVersion};
use pikoci_model::port::{Captured, LogSink, ProcessEnd, WorkplaceError};
use pikoci_model::step::{Command, GetStep, PutStep, Step, StepKind, TaskStep};
use pikoci_model::version::VersionValue;

use super::conduct::{
    Conducted, Ear, Halt, Interrupt, Order, Runner, conduct, ended_failure, exit_code, workplace_failure,
};
use super::exports::{MAX_OUTPUT_BYTES, of_task, of_version, parse_output};
use super::record::{Recorder, Title};
use super::site::{HookFacts, Layers, Site, Specifics};
use crate::decide::walk::duration_text;

/// A step to be performed.
#[derive(Clone)]
pub(crate) struct Part {
    pub site: Arc<Site>,
    pub title: Title,
    pub step: Step,
    /// What a get fetches.
    pub version: Option<PlannedVersion>,
    /// What earlier steps exported.
    pub exports: BTreeMap<String, String>,
    /// Set for a step inside a hook.
    pub hook: Option<HookFacts>,
    /// A limit beside the step's own.
    pub limit: Option<Duration>,
}

/// How a step ended, its hooks apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Succeeded,
    Failed(Failure),
    Cut(Interrupt),
}

impl Outcome {
    /// The status of its record.
    pub(crate) fn status(&self) -> BuildStatus {
        match self {
            Outcome::Succeeded => BuildStatus::Succeeded,
            Outcome::Failed(_) | Outcome::Cut(Interrupt::Fail(_)) => BuildStatus::Failed,
            Outcome::Cut(_) => BuildStatus::Cancelled,
        }
    }

    /// Why it did not succeed.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match self {
            Outcome::Failed(failure) | Outcome::Cut(Interrupt::Fail(failure)) => Some(failure.clone()),
            Outcome::Succeeded | Outcome::Cut(_) => None,
        }
    }
}

/// What a successful attempt leaves behind.
#[derive(Debug, Default)]
struct Gain {
    exports: BTreeMap<String, String>,
}

impl Part {
    /// Performs all attempts; gives the outcome and what was exported.
    pub(crate) async fn perform(self, mut ear: Ear) -> (Outcome, BTreeMap<String, String>) {
        let ground = &self.site.ground;
        let limit = ground.settings.output_limit;
        let mut recorder = Recorder::begin(self.title.clone(), &ground.ports.clock, &self.site.outbox, limit);
        let attempts = self.step.attempts.max(1);
        let mut outcome = Outcome::Failed(Failure::plain("it was not tried"));
        let mut exports = BTreeMap::new();
        for attempt in 1..=attempts {
            if attempt > 1 {
                recorder.next_attempt(attempt, attempts);
            }
            outcome = match self.attempt(&mut recorder, &mut ear).await {
                Ok(gain) => {
                    exports = gain.exports;
                    Outcome::Succeeded
                }
                Err(outcome) => outcome,
            };
            let interrupted = ear.borrow().is_some();
            if !matches!(outcome, Outcome::Failed(_)) || interrupted {
                break;
            }
        }
        if !exports.is_empty() {
            // What is told is masked on its way; later steps get what was written.
            self.site.outbox.push(BuildEvent::Exported { variables: exports.clone() });
        }
        recorder.end(outcome.status(), outcome.failure());
        (outcome, exports)
    }

    async fn attempt(&self, recorder: &mut Recorder, ear: &mut Ear) -> Result<Gain, Outcome> {
        let result = match &self.step.kind {
            StepKind::Get(get) => self.get(get, recorder, ear).await,
            StepKind::Task(task) => self.task(task, recorder, ear).await,
            StepKind::Put(put) => self.put(put, recorder, ear).await,
            StepKind::Service(_) => Err(Failure::plain("a service is not performed like a step").into()),
        };
        result.map_err(|trouble| self.explain(trouble, recorder))
    }

    /// Says in the log why an attempt failed.
    fn explain(&self, trouble: Trouble, recorder: &mut Recorder) -> Outcome {
        match trouble {
            Trouble::Interrupted(interrupt) => Outcome::Cut(interrupt),
            Trouble::TimedOut(limit) => {
                let text = format!("step timed out after {}", duration_text(limit));
                recorder.note(&text);
                Outcome::Failed(Failure::coded(RunCode::R140, text))
            }
            Trouble::Failed { failure, names } => {
                recorder.explain(&failure, &names);
                Outcome::Failed(failure)
            }
        }
    }

    async fn get(&self, get: &GetStep, recorder: &mut Recorder, ear: &mut Ear) -> Result<Gain, Trouble> {
        let name = &self.step.name;
        let planned = self.resource(&get.resource)?;
        let unknown = || Failure::coded(RunCode::R120, format!("the plan has no version for get `{name}`"));
        let version = self.version.as_ref().ok_or_else(unknown)?;
        recorder.bind(version.id);
        if let Some(pull) = &self.resource_type(planned)?.pull {
            let specifics = self.specifics();
            self.run_for_resource(pull, planned, &specifics, recorder, ear).await?;
        }
        Ok(Gain { exports: of_version(name, &version.value) })
    }

    async fn put(&self, put: &PutStep, recorder: &mut Recorder, ear: &mut Ear) -> Result<Gain, Trouble> {
        let planned = self.resource(&put.resource)?;
        let Some(push) = &self.resource_type(planned)?.push else {
            let text = format!("resource type `{}` has no `push`", planned.resource.type_name);
            return Err(Failure::plain(text).into());
        };
        let specifics = self.specifics();
        let end = self.run_for_resource(push, planned, &specifics, recorder, ear).await?;
        let Some(value) = end.and_then(|end| created_version(&end.captured)) else {
            return Ok(Gain::default());
        };
        let exports = if put.skip_get { BTreeMap::new() } else { of_version(&self.step.name, &value) };
        let (step, resource) = (self.title.path.clone(), planned.id);
        self.site.outbox.push(BuildEvent::Created { step, resource, value });
        Ok(Gain { exports })
    }

    async fn task(&self, task: &TaskStep, recorder: &mut Recorder, ear: &mut Ear) -> Result<Gain, Trouble> {
        let ground = &self.site.ground;
        let (workplace, workdir) = (&ground.ports.workplace, &ground.workdir);
        for path in &task.inputs {
            if !workplace.exists(workdir, path).await {
                let text = format!("input `{path}` does not exist in the work directory");
                return Err(Failure::coded(RunCode::R160, text).into());
            }
        }
        let output = format!(".pikoci/output-{}-{}", self.title.path, recorder.attempt());
        workplace.reset_file(workdir, &output).await.map_err(|error| workplace_failure(&error))?;
        let absolute = workdir.path.join(&output).to_string_lossy().into_owned();
        let specifics = Specifics::default();
        let layers = Layers {
            step_env: Some(&task.env),
            output: Some(&absolute),
            ..self.layers(&task.run, &specifics)
        };
        self.run(layers, recorder, ear).await?;
        for path in &task.outputs {
            if !workplace.exists(workdir, path).await {
                let text = format!("output `{path}` was not made in the work directory");
                return Err(Failure::coded(RunCode::R161, text).into());
            }
        }
        let exports = self.read_output(&output, recorder).await?;
        Ok(Gain { exports: of_task(&self.step.name, exports) })
    }

    async fn read_output(
        &self,
        output: &str,
        recorder: &Recorder,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let ground = &self.site.ground;
        let limit = usize::try_from(MAX_OUTPUT_BYTES).unwrap_or(usize::MAX);
        if !ground.ports.workplace.exists(&ground.workdir, output).await {
            return Err(Failure::plain(
                "the task removed its output file: $PIKOCI_OUTPUT is there to be written to".to_owned(),
            ));
        }
        let read = ground.ports.workplace.read_file(&ground.workdir, output, limit).await;
        let bytes = read.map_err(|error| match error {
            WorkplaceError::TooLarge { size, limit, .. } => {
                let text = format!("the output file has {size} bytes, at most {limit} are allowed");
                Failure::coded(RunCode::R201, text)
            }
            other => workplace_failure(&other),
        })?;
        let parsed = parse_output(&String::from_utf8_lossy(&bytes));
        for warning in &parsed.warnings {
            recorder.note(&format!("WARNING: output file: {warning}"));
        }
        Ok(parsed.variables)
    }

    /// Runs a resource's command, alone in its cache directory where it has one.
    async fn run_for_resource(
        &self,
        command: &Command,
        planned: &PlannedResource,
        specifics: &Specifics,
        recorder: &mut Recorder,
        ear: &mut Ear,
    ) -> Result<Option<ProcessEnd>, Trouble> {
        let site = &self.site;
        let mut layers = self.layers(command, specifics);
        if !planned.resource.cache {
            return self.run(layers, recorder, ear).await;
        }
        let workplace = &site.ground.ports.workplace;
        let canonical = planned.resource.canonical();
        let dir = workplace.cache_dir(&site.plan.team, &site.plan.pipeline, &canonical).await;
        let dir = dir.map_err(|error| workplace_failure(&error))?;
        let _alone = workplace.lock_cache(&dir).await;
        let text = dir.to_string_lossy().into_owned();
        layers.cache_dir = Some(&text);
        self.run(layers, recorder, ear).await
    }

    async fn run(
        &self,
        layers: Layers<'_>,
        recorder: &mut Recorder,
        ear: &mut Ear,
    ) -> Result<Option<ProcessEnd>, Trouble> {
        let sink: Arc<dyn LogSink> = Arc::clone(recorder.log()) as _;
        let limit =
            [self.step.timeout.filter(|limit| !limit.is_zero()), self.limit].into_iter().flatten().min();
        let path = recorder.path().clone();
        let order = Order {
            layers,
            step: &path,
            attempt: recorder.attempt(),
            sink: Some(&sink),
            capture: matches!(self.step.kind, StepKind::Put(_)),
            hide_stdout: false,
            limit,
        };
        run_logged(&self.site, order, recorder, ear).await
    }

    fn layers<'a>(&'a self, command: &'a Command, specifics: &'a Specifics) -> Layers<'a> {
        Layers {
            step_env: None,
            command,
            exports: &self.exports,
            specifics,
            hook: self.hook.as_ref(),
            output: None,
            cache_dir: None,
        }
    }

    fn resource(&self, canonical: &str) -> Result<&PlannedResource, Failure> {
        let unknown = || Failure::plain(format!("the plan has no resource `{canonical}`"));
        self.site.plan.resources.get(canonical).ok_or_else(unknown)
    }

    fn resource_type(&self, planned: &PlannedResource) -> Result<&ResourceType, Failure> {
        let label = &planned.resource.type_name;
        let unknown = || Failure::plain(format!("resource type `{label}` is not declared"));
        self.site.types.resource_types.get(label).ok_or_else(unknown)
    }

    /// What the step's own commands, and the commands of its hooks, get beside the common variables.
    pub(crate) fn specifics(&self) -> Specifics {
        let site = &self.site;
        let of_resource = |canonical: &str| {
            let planned = site.plan.resources.get(canonical)?;
            let defaults =
                site.types.resource_types.get(&planned.resource.type_name).map(|declared| &declared.defaults);
            let none = BTreeMap::new();
            Some(Specifics::of_params(defaults.unwrap_or(&none), &planned.resource.params))
        };
        match &self.step.kind {
            StepKind::Get(get) => Specifics {
                version: self.version.as_ref().map(|version| version.value.clone()),
                ..of_resource(&get.resource).unwrap_or_default()
            },
            StepKind::Put(put) => {
                Specifics { put: put.params.clone(), ..of_resource(&put.resource).unwrap_or_default() }
            }
            StepKind::Task(_) | StepKind::Service(_) => Specifics::default(),
        }
    }
}

/// Why an attempt did not succeed.
pub(crate) enum Trouble {
    Failed {
        failure: Failure,
        /// What the command could have used.
        names: Vec<String>,
    },
    TimedOut(Duration),
    Interrupted(Interrupt),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Trouble::Failed { failure, names: Vec::new() }
    }
}

/// Runs a command whose output goes into a step's log; its warnings do too.
///
/// # Errors
/// It could not be started, did not exit with 0, took too long, or was interrupted.
pub(crate) async fn run_logged(
    site: &Site,
    order: Order<'_>,
    recorder: &mut Recorder,
    ear: &mut Ear,
) -> Result<Option<ProcessEnd>, Trouble> {
    let labels = [
        ("pikoci.build".to_owned(), site.plan.build.to_string()),
        ("pikoci.kind".to_owned(), "step".to_owned()),
    ];
    let host_services = site.host_services.load(Ordering::Relaxed);
    let runner = Runner { types: &site.types.runner_types, host_services, labels: &labels };
    let conducted = conduct(&site.ground, &site.secrets, runner, order, ear).await?;
    let Conducted { end, halt, names, warnings } = conducted;
    for warning in &warnings {
        recorder.note(warning);
    }
    let Some(end) = end else { return Ok(None) };
    recorder.exited(exit_code(&end));
    match halt {
        Some(Halt::Interrupted(interrupt)) => Err(Trouble::Interrupted(interrupt)),
        Some(Halt::TimedOut(limit)) => Err(Trouble::TimedOut(limit)),
        None if end.ended.is_success() => Ok(Some(end)),
        None => Err(Trouble::Failed { failure: ended_failure(&end.ended), names }),
    }
}

/// The version that a push created: the last object of the array in its last line. No such line: no version.
fn created_version(captured: &Captured) -> Option<VersionValue> {
    let line = captured.last_line.as_ref().or(captured.last_mixed_line.as_ref())?;
    if captured.cut {
        return None;
    }
    serde_json::from_slice::<Vec<VersionValue>>(line).ok()?.pop()
}

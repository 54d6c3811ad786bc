//! What a person sees of a local run: a line per step, its output live, and one line at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{IsTerminal, Write},
};

use pikoci_model::{
    build::{BuildEvent, BuildStatus, ServiceRecord, ServiceState, StepRecord},
    id::StepPath,
    outcome::{Failure, RunCode},
    pipeline::Job,
    step::StepKind,
};

use super::plan::Prepared;
use crate::cli::{Exit, console};

/// Prints a build's events.
pub struct Printer {
    job: String,
    colour: bool,
    announced: BTreeSet<StepPath>,
    services: BTreeMap<String, ServiceState>,
    /// How services were stopped: said when their last words are out.
    stops: Vec<(&'static str, String)>,
    conclusion: Option<(BuildStatus, Option<Failure>)>,
    began: Option<chrono::DateTime<chrono::Utc>>,
    ended: Option<chrono::DateTime<chrono::Utc>>,
}

impl Printer {
    /// For one build of `job`.
    pub fn new(job: &Job) -> Self {
        Self {
            job: job.name.clone(),
            colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            announced: BTreeSet::new(),
            services: BTreeMap::new(),
            stops: Vec::new(),
            conclusion: None,
            began: None,
            ended: None,
        }
    }

    /// Prints one event.
    pub fn take(&mut self, event: BuildEvent) {
        match event {
            BuildEvent::Started { at } => self.began = Some(at),
            BuildEvent::Step(step) => self.step(&step),
            BuildEvent::Service(service) => self.service(&service),
            BuildEvent::Log(chunk) => raw(&chunk.bytes),
            BuildEvent::Concluded { status, failure, .. } => self.conclusion = Some((status, failure)),
            BuildEvent::Stuck { failure, .. } => self.conclusion = Some((BuildStatus::Failed, Some(failure))),
            BuildEvent::Finished { at } | BuildEvent::HandedBack { at } => self.ended = Some(at),
            BuildEvent::Lost { at } => {
                let failure = Failure::coded(RunCode::R132, "the build's shim was lost");
                self.conclusion = Some((BuildStatus::Failed, Some(failure)));
                self.ended = Some(at);
            }
            BuildEvent::Created { .. } | BuildEvent::Exported { .. } | BuildEvent::Phase(_) => {}
        }
    }

    fn step(&mut self, step: &StepRecord) {
        if self.announced.insert(step.path.clone()) {
            self.say_stops();
            self.line("1", &format!("==> [{}] {}", step.kind, step.name));
        }
        if step.status.is_final()
            && let Some(failure) = &step.failure
        {
            self.line("31", &format!("    {failure}"));
        }
    }

    fn service(&mut self, service: &ServiceRecord) {
        let before = self.services.insert(service.name.clone(), service.state);
        if before == Some(service.state) {
            return;
        }
        let address =
            if service.address.is_empty() { String::new() } else { format!(" at {}", service.address) };
        match service.state {
            ServiceState::Ready => {
                self.line("36", &format!("    service {} is ready{address}", service.name))
            }
            ServiceState::Stopped => {
                self.stops.push(("36", format!("    service {} is stopped", service.name)));
            }
            ServiceState::StopFailed => {
                self.stops.push(("31", format!("    service {} could not be stopped", service.name)));
            }
            _ => {}
        }
    }

    fn say_stops(&mut self) {
        for (colour, text) in std::mem::take(&mut self.stops) {
            self.line(colour, &text);
        }
    }

    /// The last line; gives the status.
    pub fn conclude(&mut self) -> Option<BuildStatus> {
        self.say_stops();
        let (status, failure) = self.conclusion.clone().unzip();
        let (sign, colour) = match status {
            Some(BuildStatus::Succeeded) => ("✓", "32"),
            Some(BuildStatus::Warning) => ("!", "33"),
            Some(BuildStatus::Cancelled) => ("⊘", "33"),
            _ => ("✗", "31"),
        };
        let word = status.map_or("stopped", BuildStatus::word);
        let took = self.began.zip(self.ended).and_then(|(began, ended)| (ended - began).to_std().ok());
        let took = took.map(|took| format!(" in {:.1} s", took.as_secs_f64())).unwrap_or_default();
        let why = failure.flatten().map(|failure| format!(": {failure}")).unwrap_or_default();
        self.line(colour, &format!("{sign} {} {word}{took}{why}", self.job));
        status
    }

    fn line(&self, colour: &str, text: &str) {
        let line = if self.colour { format!("\x1b[{colour}m{text}\x1b[0m\n") } else { format!("{text}\n") };
        raw(line.as_bytes());
    }
}

/// Writes to standard output; a reader that is gone is no reason to stop: the services still are.
fn raw(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// What a check said.
pub fn said(text: &str) {
    raw(text.as_bytes());
}

/// A line about the run itself.
pub fn note(text: &str) {
    raw(format!("==> {text}\n").as_bytes());
}

/// Names what is left out.
pub fn skipped(steps: &[String]) {
    for step in steps {
        note(&format!("[skipped] {step} (--with-puts runs it)"));
    }
}

/// The run ended before the build began.
pub fn failed_before(text: &str) -> Exit {
    console::error(text);
    Exit::Failed
}

/// A second interrupt: nobody waits for the stops to the end.
pub fn hurried() {
    console::say("interrupted again: the stops of services get 5 s more, then they go on by themselves");
}

/// The plan, without running anything.
pub fn dry_run(prepared: &Prepared) {
    skipped(&prepared.skipped);
    for step in &prepared.job.steps {
        let detail = match &step.kind {
            StepKind::Get(get) => match prepared.known.get(&get.resource) {
                Some(version) => format!("{} at {}", get.resource, version.canonical()),
                None => format!("{}, newest version", get.resource),
            },
            StepKind::Task(task) => format!("run {}", task.run.runner),
            StepKind::Put(put) => put.resource.clone(),
            StepKind::Service(service) => format!("type {}", service.service_type),
        };
        note(&format!("[{}] {}: {detail}", step.kind.word(), step.name));
    }
}

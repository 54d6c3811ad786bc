//! Steps of a job, and its hooks.

mod hook;
mod kinds;

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::structure::{Block, Body};
use pikoci_model::step::{Hooks, Step, StepKind};

use super::command::CommandRules;
use super::name::Form;
use super::types::{TypeStage, Types};
use super::{Name, Reader};
use crate::diagnostic::Code;
use crate::source::Span;

/// What is lowered after the types: the plans of jobs.
pub struct PlanStage<'a, 'r> {
    /// For the pipeline's file, and for built-ins that a step needs.
    pub types: TypeStage<'a>,
    /// The types so far.
    pub known: &'a mut Types,
    /// For commands.
    pub rules: &'a mut CommandRules<'r>,
    /// The resources by canonical, with what is known of them.
    pub resources: &'a BTreeMap<String, KnownResource>,
    /// Which resources steps name.
    pub used_resources: BTreeSet<String>,
    /// Gets with `passed`, to be checked when all jobs are known.
    pub passed: Vec<PassedGet>,
    /// The job that is being lowered.
    pub job: String,
}

/// What a step needs to know of a resource.
#[derive(Debug, Clone)]
pub struct KnownResource {
    /// Whether its type can push; `None` when the type is broken.
    pub can_push: Option<bool>,
}

/// A get that waits for other jobs.
#[derive(Debug, Clone)]
pub struct PassedGet {
    /// The job that it stands in.
    pub job: String,
    /// Canonical of the resource.
    pub resource: String,
    /// The jobs that it names.
    pub passed: Vec<Name>,
}

impl PlanStage<'_, '_> {
    /// A reader of the pipeline's file.
    pub fn reader(&mut self) -> Reader<'_> {
        self.types.reader()
    }

    fn report(&mut self, code: Code, span: Span, message: impl Into<String>) {
        let mut reader = self.reader();
        let finding = reader.finding(code, span, message);
        reader.push(finding);
    }

    fn span(&self, node: &impl hcl_edit::Span) -> Span {
        self.types.document.span(node)
    }

    /// The steps of a job, in order.
    pub fn steps(&mut self, body: &Body) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut names: Vec<(String, &'static str)> = Vec::new();
        for block in body.blocks() {
            let Some(step) = self.step(block) else { continue };
            self.check_repetition(block, &step, &names);
            names.push((step.name.clone(), step.kind.word()));
            steps.push(step);
        }
        steps
    }

    /// A step that stands in a job; `None` for other blocks, and for what is too wrong to go on with.
    fn step(&mut self, block: &Block) -> Option<Step> {
        let mut step = self.step_without_hooks(block)?;
        if !matches!(step.kind, StepKind::Service(_)) {
            step.hooks = self.hooks(&block.body);
        }
        Some(step)
    }

    fn step_without_hooks(&mut self, block: &Block) -> Option<Step> {
        let (name, kind) = match block.ident.as_str() {
            "get" => self.get(block)?,
            "task" => self.task(block)?,
            "put" => self.put(block)?,
            "service" => self.service(block)?,
            _ => return None,
        };
        let mut reader = self.reader();
        name.check(Form::StepName, "step", reader.document, reader.findings);
        let (timeout, attempts) = match kind {
            StepKind::Service(_) => (None, 1),
            _ => (reader.limit(&block.body, "timeout"), attempts(&mut reader, &block.body)),
        };
        Some(Step { name: name.text, kind, timeout, attempts, hooks: Hooks::default() })
    }

    /// Two services of one name cannot be told apart; two other steps of one name can, but not by their exports.
    fn check_repetition(&mut self, block: &Block, step: &Step, before: &[(String, &'static str)]) {
        let Some(label) = Name::label(self.types.document, block, block.labels.len().saturating_sub(1))
        else {
            return;
        };
        let service = matches!(step.kind, StepKind::Service(_));
        let mut same = before.iter().filter(|(name, _)| *name == step.name);
        if service && same.any(|(_, kind)| *kind == "service") {
            let message = format!("service \"{}\" stands twice in this job", step.name);
            let mut reader = self.reader();
            let finding = reader.finding(Code::SameServiceTwice, label.span, message);
            let hint = "give each its own second label, the name of the instance";
            reader.push(finding.hint(hint));
        } else if !service && same.any(|(_, kind)| *kind == step.kind.word()) {
            let message = format!(
                "{} \"{}\" stands twice in this job: of their exports the last ones win",
                step.kind.word(),
                step.name
            );
            self.report(Code::RepeatedStepName, label.span, message);
        }
    }
}

/// How often a step is tried; 0 means once.
fn attempts(reader: &mut Reader<'_>, body: &Body) -> u32 {
    let Some((number, span)) = reader.integer(body, "attempts") else { return 1 };
    match u32::try_from(number) {
        Ok(number) => number.max(1),
        Err(_) => {
            let finding =
                reader.finding(Code::AttributeType, span, "\"attempts\" must be a number from 0 on");
            reader.push(finding);
            1
        }
    }
}

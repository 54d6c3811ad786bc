//! The four kinds of steps.

use std::collections::BTreeMap;

use hcl_edit::structure::{Block, Body};
use pikoci_model::step::{GetStep, PutStep, ServiceStep, StepKind, TaskStep, VersionMode};
use pikoci_model::text::Value;

use super::{PassedGet, PlanStage};
use crate::diagnostic::Code;
use crate::lower::job::choice;
use crate::lower::types::{undeclared_param, unresolved};
use crate::lower::{FreeAttribute, Name, Reader, TypeKind};

/// Attributes of a put that are not its params.
const PUT_OWN: [&str; 3] = ["skip_get", "timeout", "attempts"];

impl PlanStage<'_, '_> {
    /// `get "type" "name"`
    pub(super) fn get(&mut self, block: &Block) -> Option<(Name, StepKind)> {
        let body = &block.body;
        let (resource, name) = self.resource(block)?;
        let mut reader = self.reader();
        let trigger = reader.boolean(body, "trigger").unwrap_or(false);
        let passed = reader.names(body, "passed").unwrap_or_default();
        let modes = [("every", VersionMode::Every), ("latest", VersionMode::Latest)];
        let default = if passed.is_empty() { VersionMode::Every } else { VersionMode::Latest };
        let mode = choice(&mut reader, body, "version", &modes).unwrap_or(default);
        let names = passed.iter().map(|name| name.text.clone()).collect();
        if !passed.is_empty() {
            self.passed.push(PassedGet { job: self.job.clone(), resource: resource.clone(), passed });
        }
        Some((name, StepKind::Get(GetStep { resource, trigger, passed: names, mode })))
    }

    /// `put "type" "name"`
    pub(super) fn put(&mut self, block: &Block) -> Option<(Name, StepKind)> {
        let (resource, name) = self.resource(block)?;
        if self.resources.get(&resource).is_some_and(|known| known.can_push == Some(false)) {
            let message =
                format!("the type of resource \"{resource}\" has no push, so nothing can be put to it");
            self.report(Code::PutWithoutPush, self.span(&block.ident), message);
        }
        let skip_get = self.reader().boolean(&block.body, "skip_get").unwrap_or(false);
        let params = self.put_params(&block.body);
        Some((name, StepKind::Put(PutStep { resource, params, skip_get })))
    }

    /// The free attributes and those in a `params` block, together.
    fn put_params(&mut self, body: &Body) -> BTreeMap<String, Value> {
        let mut params = BTreeMap::new();
        let mut reader = self.reader();
        let mut given: Vec<FreeAttribute> = reader.free(body, &PUT_OWN);
        for block in body.blocks().filter(|block| block.ident.as_str() == "params") {
            given.extend(reader.free(&block.body, &[]));
        }
        for attribute in given {
            let FreeAttribute { name, value, .. } = attribute;
            if params.insert(name.text.clone(), value).is_some() {
                let message = format!("param \"{}\" is given twice, beside and in \"params\"", name.text);
                let finding = reader.finding(Code::DuplicatePutParam, name.span, message);
                reader.push(finding);
            }
        }
        params
    }

    /// The resource that a get or put names, and the step's own name.
    fn resource(&mut self, block: &Block) -> Option<(String, Name)> {
        let document = self.types.document;
        let (type_name, name) = (Name::label(document, block, 0)?, Name::label(document, block, 1)?);
        let canonical = format!("{}.{}", type_name.text, name.text);
        if !self.resources.contains_key(&canonical) {
            let resources = self.resources;
            let fragment = self.rules.fragment;
            let mut reader = self.reader();
            let span = type_name.span.start..name.span.end;
            let finding = reader
                .finding(Code::UnresolvedReference, span, format!("resource \"{canonical}\" is not declared"))
                .suggest(&canonical, resources.keys().map(String::as_str));
            reader.push(if fragment { finding.into_warning() } else { finding });
        }
        self.used_resources.insert(canonical.clone());
        Some((canonical, name))
    }

    /// `task "name"`
    pub(super) fn task(&mut self, block: &Block) -> Option<(Name, StepKind)> {
        let body = &block.body;
        let name = Name::label(self.types.document, block, 0)?;
        let Some(run) = body.blocks().find(|block| block.ident.as_str() == "run") else {
            let message = format!("task \"{}\" needs a \"run\" block", name.text);
            let mut reader = self.reader();
            let finding = reader.finding(Code::RunCount, name.span, message);
            reader.push(
                finding.hint("write `run \"exec\" { … }`, with \"path\" and \"args\" on lines of their own"),
            );
            return None;
        };
        let inputs = self.paths(body, "inputs");
        let outputs = self.paths(body, "outputs");
        let mut reader = self.types.reader();
        let env = reader.text_map(body, "env");
        let run = self.rules.command(&mut reader, run, &[])?;
        Some((name, StepKind::Task(TaskStep { run, inputs, outputs, env })))
    }

    /// Paths that stay below the working directory.
    fn paths(&mut self, body: &Body, name: &str) -> Vec<String> {
        let mut reader = self.reader();
        let paths = reader.names(body, name).unwrap_or_default();
        for path in paths.iter().filter(|path| leaves(&path.text)) {
            let message = format!("path \"{}\" in \"{name}\" leaves the working directory", path.text);
            let finding = reader.finding(Code::PathEscapes, path.span.clone(), message);
            reader
                .push(finding.hint(
                    "give a path relative to the working directory, without `..` that leads out of it",
                ));
        }
        paths.into_iter().map(|path| path.text).collect()
    }

    /// `service "type" ["instance"]`
    pub(super) fn service(&mut self, block: &Block) -> Option<(Name, StepKind)> {
        let document = self.types.document;
        let service_type = Name::label(document, block, 0)?;
        let name = Name::label(document, block, 1).unwrap_or_else(|| service_type.clone());
        if !self.types.require(self.known, TypeKind::Service, &service_type.text, self.rules) {
            let fragment = self.rules.fragment;
            unresolved(&mut self.types.reader(), self.known, TypeKind::Service, &service_type, fragment);
        }
        let known = self.known.service.get(&service_type.text);
        let declared = known.map(|service| service.params.clone());
        let built_in = known.is_some_and(|service| service.builtin.is_some());
        let mut reader = self.reader();
        let mut params = BTreeMap::new();
        for attribute in reader.free(&block.body, &[]) {
            match &declared {
                Some(declared) if !declared.contains(&attribute.name.text) => {
                    if built_in && attribute.name.text == "alias" {
                        refuse_alias(&mut reader, &attribute.name);
                        continue;
                    }
                    undeclared_param(&mut reader, &attribute.name, declared);
                }
                _ => {
                    params.insert(attribute.name.text, attribute.value);
                }
            }
        }
        Some((name, StepKind::Service(ServiceStep { service_type: service_type.text, params })))
    }
}

/// A service without the name by which its job asks for it would be looked for in vain.
fn refuse_alias(reader: &mut Reader<'_>, name: &Name) {
    let message = "attribute \"alias\" of a built-in service is not supported by this version yet";
    let finding = reader.finding(Code::NotSupportedYet, name.span.clone(), message);
    reader.push(finding.hint("use `SERVICE_<NAME>_HOST` and `SERVICE_<NAME>_PORT`"));
}

/// Whether a path is absolute or leads out of where it begins.
fn leaves(path: &str) -> bool {
    let mut depth = 0_i64;
    let outside = path.split('/').any(|part| {
        depth += match part {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        depth < 0
    });
    path.starts_with('/') || path.is_empty() || outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below() {
        assert!(!leaves("a/b") && !leaves("./a/../b") && !leaves(".") && !leaves("a/.."));
        assert!(leaves("/a") && leaves("..") && leaves("a/../../b") && leaves(""));
    }
}

//! One function for each kind of type block.

use std::collections::BTreeMap;
use std::time::Duration;

use hcl_edit::structure::{Block, Body};
use pikoci_model::pipeline::{BuiltinService, ReadyCheck, ResourceType, RunnerType, SecretType, ServiceType};
use pikoci_model::step::Command;
use pikoci_model::text::Value;

use super::Lowered;
use crate::diagnostic::Code;
use crate::lower::command::{CommandRules, RunnerOverride};
use crate::lower::name::Form;
use crate::lower::{Reader, TypeKind};

/// Attributes of a secret type that are not its connection.
pub(super) const SECRET_TYPE_OWN: [&str; 3] = ["source", "sha256", "params"];

/// Between the probes of a ready check, unless it says otherwise.
const READY_INTERVAL: Duration = Duration::from_secs(1);

/// Over all probes of a ready check, unless it says otherwise.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Lowers a type block. `builtin` is the label under which a built-in is used; `None` is a user's definition.
pub(super) fn lower(
    reader: &mut Reader<'_>,
    rules: &mut CommandRules<'_>,
    kind: TypeKind,
    block: &Block,
    builtin: Option<&str>,
) -> Option<Lowered> {
    match kind {
        TypeKind::Runner => None,
        TypeKind::Resource => Some(Lowered::Resource(Box::new(resource_type(reader, rules, block)))),
        TypeKind::Secret => secret_type(reader, rules, block),
        TypeKind::Service => {
            service_type(reader, rules, block, builtin).map(|it| Lowered::Service(Box::new(it)))
        }
    }
}

/// `runner_type`: its `run` block holds two templates.
pub(super) fn runner_type(reader: &mut Reader<'_>, block: &Block) -> Option<RunnerType> {
    let Some(run) = nested(&block.body, "run") else {
        missing(reader, block, "a \"source\" or a \"run\" block");
        return None;
    };
    let path = reader.plain(&run.body, "path").map(|path| path.text);
    if !run.body.has_attribute("path") {
        missing(reader, run, "a \"path\"");
    }
    let args = reader.names(&run.body, "args").unwrap_or_default();
    param_names(reader, &block.body);
    Some(RunnerType { path: path?, args: args.into_iter().map(|arg| arg.text).collect() })
}

fn resource_type(reader: &mut Reader<'_>, rules: &mut CommandRules<'_>, block: &Block) -> ResourceType {
    let body = &block.body;
    let mut resource_type = ResourceType {
        params: param_names(reader, body),
        defaults: defaults(reader, body),
        check: command(reader, rules, body, "check"),
        pull: command(reader, rules, body, "pull"),
        push: command(reader, rules, body, "push"),
        cache: reader.boolean(body, "cache").unwrap_or(false),
    };
    let commands = [&mut resource_type.check, &mut resource_type.pull, &mut resource_type.push];
    override_runner(reader, rules, body, commands.into_iter().flatten());
    resource_type
}

fn secret_type(reader: &mut Reader<'_>, rules: &mut CommandRules<'_>, block: &Block) -> Option<Lowered> {
    let body = &block.body;
    let params = param_names(reader, body);
    let get = command(reader, rules, body, "get");
    if nested(body, "get").is_none() {
        missing(reader, block, "a \"source\" or a \"get\" block");
    }
    let config = connection(reader, body, &params);
    let mut secret = SecretType { get: get?, config };
    override_runner(reader, rules, body, [&mut secret.get].into_iter());
    Some(Lowered::Secret { params, secret: Box::new(secret) })
}

/// The attributes of a secret type that its command gets as parameters.
pub(super) fn connection(reader: &mut Reader<'_>, body: &Body, params: &[String]) -> BTreeMap<String, Value> {
    let mut config = BTreeMap::new();
    for attribute in reader.free(body, &SECRET_TYPE_OWN) {
        if params.is_empty() || params.contains(&attribute.name.text) {
            config.insert(attribute.name.text, attribute.value);
        } else {
            undeclared_param(reader, &attribute.name, params);
        }
    }
    config
}

/// Reports a parameter that its type does not declare.
pub(in crate::lower) fn undeclared_param(
    reader: &mut Reader<'_>,
    name: &crate::lower::Name,
    params: &[String],
) {
    let message = format!("param \"{}\" is not declared by its type and is not passed", name.text);
    let finding = reader
        .finding(Code::UndeclaredParam, name.span.clone(), message)
        .suggest(&name.text, params.iter().map(String::as_str));
    reader.push(finding);
}

fn service_type(
    reader: &mut Reader<'_>,
    rules: &mut CommandRules<'_>,
    block: &Block,
    builtin: Option<&str>,
) -> Option<ServiceType> {
    let body = &block.body;
    let suffix = reader.plain(body, "suffix");
    let mut service = ServiceType {
        params: param_names(reader, body),
        defaults: defaults(reader, body),
        start: command(reader, rules, body, "start"),
        process: command(reader, rules, body, "process"),
        ready_check: ready_check(reader, rules, body),
        stop: command(reader, rules, body, "stop"),
        builtin: builtin.map(|label| BuiltinService {
            suffix: suffix.map_or_else(|| label.to_owned(), |suffix| suffix.text),
        }),
    };
    let has = |word: &str| nested(body, word).is_some();
    let complaint = match (has("start"), has("process"), has("stop")) {
        (true, true, _) if builtin.is_none() => Some("\"start\" and \"process\" exclude each other"),
        (false, false, _) => Some("a \"source\", a \"start\" or a \"process\" block is needed"),
        (true, _, false) => Some("what \"start\" launches needs a \"stop\" block to end it"),
        _ => None,
    };
    if let Some(complaint) = complaint {
        let span = reader.document.span(&block.ident);
        let label = block.labels.first().map_or("", |label| label.as_str());
        let message = format!("service_type \"{label}\": {complaint}");
        let finding = reader.finding(Code::StartStopMissing, span, message);
        reader.push(finding);
        return None;
    }
    let ServiceType { start, process, ready_check, stop, .. } = &mut service;
    let probe = ready_check.as_mut().map(|check| &mut check.command);
    let commands = [start.as_mut(), process.as_mut(), probe, stop.as_mut()];
    override_runner(reader, rules, body, commands.into_iter().flatten());
    Some(service)
}

fn ready_check(reader: &mut Reader<'_>, rules: &mut CommandRules<'_>, body: &Body) -> Option<ReadyCheck> {
    let block = nested(body, "ready_check")?;
    let command = rules.command(reader, block, &["interval", "timeout"])?;
    let mut time = |name: &str, default: Duration| match reader.duration(&block.body, name) {
        Some((Duration::ZERO, span)) => {
            let finding =
                reader.finding(Code::Duration, span, format!("\"{name}\" must be longer than zero"));
            reader.push(finding);
            default
        }
        Some((duration, _)) => duration,
        None => default,
    };
    let interval = time("interval", READY_INTERVAL);
    let timeout = time("timeout", READY_TIMEOUT);
    Some(ReadyCheck { command, interval, timeout })
}

/// The declared parameter names.
pub(super) fn param_names(reader: &mut Reader<'_>, body: &Body) -> Vec<String> {
    let names = reader.names(body, "params").unwrap_or_default();
    for name in &names {
        name.check(Form::Identifier, "param", reader.document, reader.findings);
    }
    names.into_iter().map(|name| name.text).collect()
}

/// Values of params that are not given.
pub(super) fn defaults(reader: &mut Reader<'_>, body: &Body) -> BTreeMap<String, Value> {
    let Some(block) = nested(body, "defaults") else { return BTreeMap::new() };
    reader
        .free(&block.body, &[])
        .into_iter()
        .map(|attribute| (attribute.name.text, attribute.value))
        .collect()
}

/// The first block of this name; others were reported.
fn nested<'b>(body: &'b Body, word: &str) -> Option<&'b Block> {
    body.blocks().find(|block| block.ident.as_str() == word)
}

fn command(
    reader: &mut Reader<'_>,
    rules: &mut CommandRules<'_>,
    body: &Body,
    word: &str,
) -> Option<Command> {
    nested(body, word).and_then(|block| rules.command(reader, block, &[]))
}

fn missing(reader: &mut Reader<'_>, block: &Block, what: &str) {
    let span = reader.document.span(&block.ident);
    let label = block.labels.first().map_or_else(String::new, |label| format!(" \"{}\"", label.as_str()));
    let message = format!("{}{label} needs {what}", block.ident.as_str());
    let finding = reader.finding(Code::MissingAttribute, span, message);
    reader.push(finding);
}

/// Applies the `runner` block of a type, if it has one, to the type's commands.
pub(super) fn override_runner<'c>(
    reader: &mut Reader<'_>,
    rules: &mut CommandRules<'_>,
    body: &Body,
    commands: impl Iterator<Item = &'c mut Command>,
) {
    let Some(block) = nested(body, "runner") else { return };
    let Some(other) = RunnerOverride::read(reader, rules, block) else { return };
    let span = reader.document.span(&block.ident);
    for command in commands {
        let refusal = if command.runner != "exec" {
            format!(
                "a runner can replace \"exec\" only, but a command of the type uses \"{}\"",
                command.runner
            )
        } else if other.leaves_the_program(command) {
            format!(
                "the commands of this type are parts of PikoCI, which the runner \"{}\" does not have",
                other.runner()
            )
        } else {
            *command = other.apply(std::mem::take(command));
            other.check_applied(reader, rules, command, &span);
            continue;
        };
        let finding = reader.finding(Code::OverrideNeedsExec, span, refusal);
        reader.push(finding);
        return;
    }
}

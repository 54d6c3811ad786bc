//! Runner commands: blocks whose label names a runner.

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::structure::Block;
use pikoci_model::pipeline::RunnerType;
use pikoci_model::step::Command;
use pikoci_model::text::{self, Text};

use super::runners::{Runner, Runners, mentions};
use super::{FreeAttribute, Name, Reader, shell_script};
use crate::diagnostic::Code;
use crate::source::Span;

/// What commands are lowered with.
pub struct CommandRules<'a> {
    /// The runners that a label may name.
    pub runners: &'a Runners,
    /// Whether the operator lets secrets stand in process arguments.
    pub allow_secret_args: bool,
    /// Whether the file is a fragment, in which what is not declared is a warning.
    pub fragment: bool,
    /// The labels that commands named.
    pub used: BTreeSet<String>,
}

impl CommandRules<'_> {
    /// The command that a block describes. `own` are attributes that are the block's, not the command's.
    pub fn command(&mut self, reader: &mut Reader<'_>, block: &Block, own: &[&str]) -> Option<Command> {
        let label = Name::label(reader.document, block, 0)?;
        let body = &block.body;
        let path = reader.text(body, "path");
        let args = reader.texts(body, "args").unwrap_or_default();
        let env = reader.text_map(body, "env");
        let except: Vec<&str> = ["path", "args", "env"].iter().chain(own).copied().collect();
        let attributes = reader.free(body, &except);

        self.used.insert(label.text.clone());
        let runner = match self.runners.get(&label.text) {
            None => {
                let fragment = self.fragment;
                let finding = reader
                    .finding(
                        Code::UnresolvedReference,
                        label.span.clone(),
                        format!("runner \"{}\" is not declared", label.text),
                    )
                    .suggest(&label.text, self.runners.labels());
                reader.push(if fragment { finding.into_warning() } else { finding });
                label.text.clone()
            }
            Some(Runner::Broken) => label.text.clone(),
            Some(Runner::Native(native)) => {
                self.check_native(reader, block, native, path.as_ref(), &args);
                native.to_owned()
            }
            Some(Runner::Template(template)) => {
                self.check_template(reader, &label, template, &args, &attributes);
                label.text.clone()
            }
        };
        Some(Command {
            runner,
            path,
            args: args.into_iter().map(|(text, _)| text).collect(),
            env,
            attributes: attributes
                .into_iter()
                .map(|attribute| (attribute.name.text, attribute.value))
                .collect(),
        })
    }

    fn check_native(
        &self,
        reader: &mut Reader<'_>,
        block: &Block,
        runner: &str,
        path: Option<&Text>,
        args: &[(Text, Span)],
    ) {
        let mut script = None;
        if runner == "exec"
            && let Some(path) = path
        {
            script = shell_script::position(path, &args.iter().map(|(text, _)| text).collect::<Vec<_>>());
        }
        if path.is_some_and(Text::has_secret)
            && let Some(attribute) = block.body.get_attribute("path")
        {
            let span = reader.value_span(attribute);
            self.refuse_secret(reader, "\"path\"", span);
        }
        for (index, (text, span)) in args.iter().enumerate() {
            if text.has_secret() && script != Some(index) {
                self.refuse_secret(reader, "\"args\"", span.clone());
            }
        }
        if runner == "shell" {
            check_shell(reader, block);
        }
    }

    /// Everything that a template puts into arguments is an argument.
    fn check_template(
        &self,
        reader: &mut Reader<'_>,
        label: &Name,
        template: &RunnerType,
        args: &[(Text, Span)],
        attributes: &[FreeAttribute],
    ) {
        for (text, span) in args {
            if text.has_secret() {
                self.refuse_secret(reader, "\"args\"", span.clone());
            }
        }
        for attribute in attributes {
            if !attribute.value.secrets().is_empty() && mentions(template, &attribute.name.text) {
                let what = format!("\"{}\"", attribute.name.text);
                self.refuse_secret(reader, &what, attribute.span.clone());
            }
        }
        let takes_args = template.args.iter().any(|element| element == "$args" || element == "$image");
        if let (false, Some((_, span))) = (takes_args, args.first()) {
            let message = format!("runner \"{}\" has no place for \"args\": they are ignored", label.text);
            let finding = reader.finding(Code::ArgumentsIgnored, span.clone(), message);
            reader.push(finding.hint("add the element `\"$args\"` to the runner's template"));
        }
    }

    /// `what` is the attribute that holds the secret.
    fn refuse_secret(&self, reader: &mut Reader<'_>, what: &str, span: Span) {
        let code =
            if self.allow_secret_args { Code::SecretInArgumentsAllowed } else { Code::SecretInArguments };
        let message = format!("{what} would show a secret in the arguments of a process");
        let finding = reader.finding(code, span, message);
        reader.push(finding.hint("hand it over through `env`, or through a `param_` variable of the type"));
    }
}

/// The built-in shell runner runs either a text or a file.
fn check_shell(reader: &mut Reader<'_>, block: &Block) {
    let (command, file) = (block.body.get_attribute("cmd"), block.body.get_attribute("file"));
    let span = reader.document.span(&block.ident);
    match (command, file) {
        (None, None) => {
            let message = format!(
                "block \"{}\" of the runner \"shell\" needs \"cmd\" or \"file\"",
                block.ident.as_str()
            );
            let finding = reader.finding(Code::MissingAttribute, span, message);
            reader.push(finding);
        }
        (Some(_), Some(file)) => {
            let span = reader.document.span(&file.key);
            let message = "the runner \"shell\" takes \"cmd\" or \"file\", not both";
            let finding = reader.finding(Code::Duplicate, span, message);
            reader.push(finding);
        }
        _ => {}
    }
}

/// A type's override of its commands' runner.
pub struct RunnerOverride {
    runner: String,
    flags: Vec<Text>,
    attributes: BTreeMap<String, text::Value>,
}

impl RunnerOverride {
    /// Reads the `runner` block of a type.
    pub fn read(
        reader: &mut Reader<'_>,
        rules: &mut CommandRules<'_>,
        block: &Block,
    ) -> Option<RunnerOverride> {
        let command = rules.command(reader, block, &[])?;
        Some(RunnerOverride { runner: command.runner, flags: command.args, attributes: command.attributes })
    }

    /// The runner that takes the place of `exec`.
    pub fn runner(&self) -> &str {
        &self.runner
    }

    /// Whether the command calls the running program, as built-in types do, which is found on the worker's host only.
    pub fn leaves_the_program(&self, command: &Command) -> bool {
        let on_the_host = matches!(self.runner.as_str(), "exec" | "shell");
        let calls = |text: &Text| {
            text.segments()
                .iter()
                .any(|segment| matches!(segment, text::Segment::Literal(it) if it.contains("$PIKOCI_EXE")))
        };
        !on_the_host && command.path.iter().chain(&command.args).any(calls)
    }

    /// Refuses a secret that has come into the arguments of the other runner's program: what was the script of a shell, and
    /// safe there, is the `cmd` of a template now. The override's own attributes were looked at when it was read.
    pub fn check_applied(
        &self,
        reader: &mut Reader<'_>,
        rules: &CommandRules<'_>,
        applied: &Command,
        span: &Span,
    ) {
        let Some(Runner::Template(template)) = rules.runners.get(&self.runner) else { return };
        for (name, value) in &applied.attributes {
            let own = self.attributes.get(name) == Some(value);
            if !own && !value.secrets().is_empty() && mentions(template, name) {
                let what = format!("\"{name}\" of the runner \"{}\"", self.runner);
                rules.refuse_secret(reader, &what, span.clone());
            }
        }
    }

    /// The same command in the other runner: path and args become one shell text, each word quoted.
    pub fn apply(&self, command: Command) -> Command {
        let words = command.path.into_iter().chain(command.args).collect::<Vec<Text>>();
        let script = match words.as_slice() {
            [shell, option, script] if is_plain_shell(shell, option) => script.clone(),
            words => quoted(words),
        };
        let mut attributes = self.attributes.clone();
        attributes.extend(command.attributes);
        attributes.insert("cmd".to_owned(), text::Value::Scalar(script));
        Command {
            runner: self.runner.clone(),
            path: None,
            args: self.flags.clone(),
            env: command.env,
            attributes,
        }
    }
}

/// Whether `/bin/sh -ec` stands here, which is how a runner runs its `cmd` anyway.
fn is_plain_shell(path: &Text, option: &Text) -> bool {
    path.as_literal() == Some("/bin/sh") && option.as_literal() == Some("-ec")
}

/// The words as a shell would have to read them.
fn quoted(words: &[Text]) -> Text {
    let mut out = Text::default();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.append(Text::literal(" "));
        }
        out.append(Text::literal("'"));
        for segment in word.segments() {
            match segment {
                text::Segment::Literal(text) => out.append(Text::literal(text.replace('\'', "'\\''"))),
                secret @ text::Segment::Secret(_) => out.push(secret.clone()),
            }
        }
        out.append(Text::literal("'"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(path: &str, args: &[&str]) -> Command {
        Command {
            runner: "exec".into(),
            path: Some(path.into()),
            args: args.iter().map(|arg| Text::literal(*arg)).collect(),
            ..Command::default()
        }
    }

    #[test]
    fn an_override_quotes_every_word() {
        let image = BTreeMap::from([("image".to_owned(), text::Value::Scalar("alpine".into()))]);
        let other = RunnerOverride { runner: "docker".into(), flags: vec!["--rm".into()], attributes: image };
        let command = |args: &[&str]| other.apply(command("/bin/sh", args)).attributes["cmd"].clone();
        assert_eq!(command(&["-ec", "echo $A"]), text::Value::Scalar("echo $A".into()));
        assert_eq!(command(&["it's", "b c"]), text::Value::Scalar("'/bin/sh' 'it'\\''s' 'b c'".into()));
    }
}

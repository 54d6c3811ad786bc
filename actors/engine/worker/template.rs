//! Runner types that a pipeline declares: path and arguments are templates.

use std::cell::Cell;
use std::collections::BTreeMap;

use pikoci_model::outcome::Failure;
use pikoci_model::pipeline::RunnerType;
use pikoci_model::step::Command;

use super::command::{Prepared, Surroundings, argument};
use super::environment::Environment;
use super::expand::{Unknown, expand, sole_name};
use super::secrets::{Clear, Secrets};

/// Names that `$env` never passes on: they belong to the host's side of the command.
const INTERNAL: [&str; 9] =
    ["cmd", "image", "path", "args", "WORKDIR", "PIKOCI_OUTPUT", "script", "shell", "file"];

/// Prepares the program of a declared runner.
///
/// # Errors
/// A secret where none may be.
pub(super) fn prepare(
    runner: &RunnerType,
    command: &Command,
    env: &Environment,
    secrets: &Secrets,
    around: Surroundings<'_>,
) -> Result<Prepared, Failure> {
    let mut names = BTreeMap::new();
    if let Some(path) = &command.path {
        names.insert("path".to_owned(), secrets.clear(path)?);
    }
    for (name, value) in &command.attributes {
        names.insert(name.clone(), secrets.clear_value(value, str::to_owned)?);
    }
    names.insert("WORKDIR".to_owned(), Clear::plain(around.workdir));
    let args: Result<Vec<Clear>, Failure> = command.args.iter().map(|arg| secrets.clear(arg)).collect();
    let template = Template { runner, names: &names, env, around };
    let mut prepared = Prepared::default();
    template.fill(&mut prepared, args?)?;
    Ok(prepared)
}

struct Template<'a> {
    runner: &'a RunnerType,
    names: &'a BTreeMap<String, Clear>,
    env: &'a Environment,
    around: Surroundings<'a>,
}

impl Template<'_> {
    fn fill(&self, prepared: &mut Prepared, args: Vec<Clear>) -> Result<(), Failure> {
        let elements = &self.runner.args;
        let has_args = elements.iter().any(|element| sole_name(element) == Some("args"));
        let image = elements.iter().position(|element| sole_name(element) == Some("image"));
        if !has_args && !args.is_empty() && image.is_none() {
            prepared.warnings.push("WARNING: W010: this runner takes no `args`; they are ignored".to_owned());
        }
        let mut args = Some(args);
        let program = self.expand(&self.runner.path, prepared)?;
        prepared.argv.push(program);
        for (index, element) in elements.iter().enumerate() {
            if !has_args && image == Some(index) {
                self.splice(args.take().unwrap_or_default(), prepared)?;
            }
            match sole_name(element) {
                Some("args") => self.splice(args.take().unwrap_or_default(), prepared)?,
                Some("env") => self.splice_environment(prepared),
                sole => {
                    let expanded = self.expand(element, prepared)?;
                    if !(expanded.is_empty() && sole.is_some()) {
                        prepared.argv.push(expanded);
                    }
                }
            }
        }
        Ok(())
    }

    fn expand(&self, element: &str, prepared: &mut Prepared) -> Result<String, Failure> {
        let secret = Cell::new(false);
        let lookup = |name: &str| match self.names.get(name) {
            Some(value) => {
                secret.set(secret.get() | value.secret);
                Some(value.text.clone())
            }
            None => {
                secret.set(secret.get() | self.env.is_secret(name));
                self.env.get(name).map(str::to_owned)
            }
        };
        let text = expand(element, Unknown::Empty, lookup);
        let value = Clear { text, secret: secret.get() };
        argument(value, element, self.around.allow_secret_args, &mut prepared.warnings)
    }

    fn splice(&self, args: Vec<Clear>, prepared: &mut Prepared) -> Result<(), Failure> {
        for arg in args {
            let arg = argument(arg, "args", self.around.allow_secret_args, &mut prepared.warnings)?;
            prepared.argv.push(arg);
        }
        Ok(())
    }

    fn splice_environment(&self, prepared: &mut Prepared) {
        let mut pass = |pair: String| prepared.argv.extend(["-e".to_owned(), pair]);
        for (name, value) in self.env.own().filter(|(name, _)| *name != "env" && !INTERNAL.contains(name)) {
            pass(if value.secret { name.to_owned() } else { format!("{name}={}", value.text) });
        }
        if let Some(inside) = self.inside() {
            pass(format!("WORKDIR={inside}"));
            if let Some(output) = self.env.get("PIKOCI_OUTPUT") {
                pass(format!("PIKOCI_OUTPUT={}", output.replacen(self.around.workdir, inside, 1)));
            }
        }
    }

    /// WORKDIR as seen inside: `-w X` together with the volume `$WORKDIR:X`.
    fn inside(&self) -> Option<&str> {
        let elements = &self.runner.args;
        let at = elements.iter().position(|element| element == "-w" || element == "--workdir")?;
        let inside = elements.get(at + 1)?;
        let mounts = ["$WORKDIR", "${WORKDIR}"].map(|name| format!("{name}:{inside}"));
        elements.iter().any(|element| mounts.contains(element)).then_some(inside.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikoci_model::text::{SecretRef, SecretValue, Text, Value};

    fn runner(args: &[&str]) -> RunnerType {
        RunnerType { path: "docker".into(), args: args.iter().map(|arg| (*arg).to_owned()).collect() }
    }

    fn fill(
        runner: &RunnerType,
        command: &Command,
        env: &Environment,
        secrets: &Secrets,
    ) -> Result<Prepared, Failure> {
        let runner_types = BTreeMap::new();
        let around = Surroundings {
            workdir: "/w",
            runner_types: &runner_types,
            docker_binary: "docker",
            allow_secret_args: false,
            unique: "u",
            instance: pikoci_model::id::InstanceId(uuid::Uuid::nil()),
            labels: &[],
            host_services: false,
        };
        prepare(runner, command, env, secrets, around)
    }

    fn docker_like() -> Command {
        Command {
            runner: "mine".into(),
            args: vec!["-v".into(), "/srv/$x:/c".into()],
            attributes: [("image", "rust:1"), ("cmd", "cargo test $NAME")]
                .map(|(name, value)| (name.to_owned(), Value::Scalar(value.into())))
                .into(),
            ..Command::default()
        }
    }

    #[test]
    fn arguments_go_before_the_image_when_the_template_has_no_place_for_them() {
        let template =
            runner(&["run", "-v", "$WORKDIR:/workdir", "$image", "$none", "/bin/sh", "-ec", "$cmd"]);
        let prepared = fill(&template, &docker_like(), &Environment::default(), &Secrets::default()).unwrap();
        let expected = "docker run -v /w:/workdir -v /srv/$x:/c rust:1 /bin/sh -ec|cargo test $NAME";
        assert_eq!(prepared.argv.join(" ").replace("-ec cargo", "-ec|cargo"), expected);
        assert!(prepared.warnings.is_empty());
        let deaf =
            fill(&runner(&["$cmd"]), &docker_like(), &Environment::default(), &Secrets::default()).unwrap();
        assert!(deaf.warnings[0].contains("W010"));
    }

    #[test]
    fn the_environment_is_passed_without_internals_and_without_secrets() {
        let template = runner(&["run", "-v", "$WORKDIR:/in", "-w", "/in", "$env", "$image"]);
        let mut env = Environment::inherit(&[("PATH".into(), "/bin".into())].into());
        env.plain("BUILD_NUMBER", "7");
        env.plain("cmd", "x");
        env.plain("WORKDIR", "/w");
        env.plain("PIKOCI_OUTPUT", "/w/.pikoci/output-0-1");
        env.set("TOKEN", Clear { text: "hunter2".into(), secret: true });
        let command = Command { args: vec![], ..docker_like() };
        let prepared = fill(&template, &command, &env, &Secrets::default()).unwrap();
        let expected = "docker run -v /w:/in -w /in -e BUILD_NUMBER=7 -e TOKEN -e WORKDIR=/in \
                        -e PIKOCI_OUTPUT=/in/.pikoci/output-0-1 rust:1";
        assert_eq!(prepared.argv.join(" "), expected);
    }

    #[test]
    fn a_secret_in_a_template_is_refused() {
        let given = SecretRef::Given { variable: "v".into() };
        let mut secrets = Secrets::default();
        secrets.insert(given.clone(), SecretValue::new("hunter2"));
        let mut command = docker_like();
        command.attributes.insert("cmd".into(), Value::Scalar(Text::secret(given)));
        let refused =
            fill(&runner(&["$image", "$cmd"]), &command, &Environment::default(), &secrets).unwrap_err();
        assert!(refused.text.starts_with("L038: `$cmd` holds a secret"), "{refused}");
    }
}

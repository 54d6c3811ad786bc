//! The built-in docker runner: one `docker run` with WORKDIR mounted and the build's variables passed on.
//!
//! Variables are passed by name (`-e NAME`), their values stand only in the client's own environment, so nothing of
//! them is visible in its arguments.

use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::step::Command;
use pikoci_model::text::{SecretValue, Value};

use super::command::{Container, Prepared, PrivateFile, Surroundings, argument, attribute_list};
use super::environment::Environment;
use super::secrets::{Clear, Secrets};

/// Where WORKDIR is mounted when the command does not say.
const MOUNT: &str = "/workdir";
/// Attributes with a value that are flags of `docker run` under another or the same name.
const VALUE_FLAGS: [(&str, &str); 14] = [
    ("user", "--user"),
    ("network", "--network"),
    ("volumes", "--volume"),
    ("tmpfs", "--tmpfs"),
    ("hostname", "--hostname"),
    ("extra_hosts", "--add-host"),
    ("dns", "--dns"),
    ("cap_add", "--cap-add"),
    ("cap_drop", "--cap-drop"),
    ("devices", "--device"),
    ("security_opt", "--security-opt"),
    ("shm_size", "--shm-size"),
    ("memory", "--memory"),
    ("cpus", "--cpus"),
];
/// Attributes with a value that keep their name as a flag.
const SAME_FLAGS: [(&str, &str); 4] =
    [("gpus", "--gpus"), ("runtime", "--runtime"), ("platform", "--platform"), ("pull_policy", "--pull")];
/// Attributes that are switches.
const SWITCHES: [(&str, &str); 2] = [("privileged", "--privileged"), ("init", "--init")];

/// Prepares `docker run`. The container carries its instance as a label, by which it is found and removed: a name may
/// belong to somebody else.
///
/// # Errors
/// `R110` without an image; `cmd` beside `script`; a secret where none may be.
pub(super) fn prepare(
    command: &Command,
    env: &mut Environment,
    secrets: &Secrets,
    around: Surroundings<'_>,
) -> Result<Prepared, Failure> {
    let expanding = env.clone();
    let run = Run { command, secrets, env: &expanding, around };
    let mut prepared = Prepared::default();
    let image = run.text("image")?.filter(|image| !image.text.is_empty()).ok_or_else(no_image)?;
    let mount = run.text("workdir")?.map_or_else(|| MOUNT.to_owned(), |dir| dir.text);
    run.begin(&mut prepared, &mount)?;
    run.flags(&mut prepared)?;
    let shell = run.shell(&mut prepared, &mount)?;
    run.pass_environment(env, &mut prepared, &mount)?;
    run.raw_args(&mut prepared)?;
    let entrypoint = run.list("entrypoint")?;
    if let Some(first) = entrypoint.first() {
        prepared.argv.extend(["--entrypoint".to_owned(), first.text.clone()]);
    }
    let allow = around.allow_secret_args;
    let image = argument(image, "image", allow, &mut prepared.warnings)?;
    let always_pulled = run.text("pull_policy")?.is_some_and(|policy| policy.text == "always");
    prepared.container = Some(Container { instance: around.instance, image: image.clone(), always_pulled });
    prepared.argv.push(image);
    prepared.argv.extend(entrypoint.into_iter().skip(1).map(|part| part.text));
    prepared.argv.extend(shell);
    Ok(prepared)
}

fn no_image() -> Failure {
    Failure::coded(RunCode::R110, "no image for this docker command; set `image` in its block")
}

struct Run<'a> {
    command: &'a Command,
    secrets: &'a Secrets,
    env: &'a Environment,
    around: Surroundings<'a>,
}

impl Run<'_> {
    /// A value with the build's own `$NAME`s replaced, secrets untouched.
    fn clear(&self, value: &Value) -> Result<Clear, Failure> {
        self.secrets.clear_value(value, |part| self.env.expand_attribute(part))
    }

    fn text(&self, name: &str) -> Result<Option<Clear>, Failure> {
        self.command.attributes.get(name).map(|value| self.clear(value)).transpose()
    }

    fn list(&self, name: &str) -> Result<Vec<Clear>, Failure> {
        attribute_list(self.command, name, |value| self.clear(value))
    }

    fn begin(&self, prepared: &mut Prepared, mount: &str) -> Result<(), Failure> {
        let Surroundings { workdir, docker_binary, unique, labels, instance, .. } = self.around;
        let directory = match self.text("dir")? {
            Some(dir) => format!("{mount}/{}", dir.text),
            None => mount.to_owned(),
        };
        let fixed = [docker_binary, "run", "--rm", "--name", unique];
        prepared.argv.extend(fixed.map(str::to_owned));
        prepared.argv.extend(["--label".to_owned(), format!("pikoci.instance={instance}")]);
        for (name, value) in labels {
            prepared.argv.extend(["--label".to_owned(), format!("{name}={value}")]);
        }
        let volume = format!("{workdir}:{mount}");
        prepared.argv.extend(["--volume".to_owned(), volume, "--workdir".to_owned(), directory]);
        Ok(())
    }

    fn flags(&self, prepared: &mut Prepared) -> Result<(), Failure> {
        let allow = self.around.allow_secret_args;
        for (name, flag) in VALUE_FLAGS.into_iter().chain(SAME_FLAGS) {
            for value in self.list(name)? {
                let value = argument(value, name, allow, &mut prepared.warnings)?;
                let value = if name == "pull_policy" { pull_policy(&value) } else { value };
                prepared.argv.extend([flag.to_owned(), value]);
            }
        }
        for (name, flag) in SWITCHES {
            if self.text(name)?.is_some_and(|value| value.text == "true") {
                prepared.argv.push(flag.to_owned());
            }
        }
        let asked = self.command.attributes.contains_key("network")
            || self.command.args.iter().filter_map(|arg| arg.as_literal()).any(|arg| {
                ["--network", "--net"].iter().any(|flag| arg == *flag || arg.starts_with(&format!("{flag}=")))
            });
        if self.around.host_services && !asked {
            prepared.argv.extend(["--network".to_owned(), "host".to_owned()]);
        }
        Ok(())
    }

    /// The command inside: a script for a shell, or nothing for the image's own.
    fn shell(&self, prepared: &mut Prepared, mount: &str) -> Result<Vec<String>, Failure> {
        let script = match (self.text_as_written("cmd")?, self.lines("script")?) {
            (Some(_), Some(_)) => return Err(Failure::plain("`cmd` and `script` exclude each other")),
            (Some(cmd), None) => cmd,
            (None, Some(script)) => script,
            (None, None) => return Ok(Vec::new()),
        };
        let mut shell: Vec<String> = self.list("shell")?.into_iter().map(|part| part.text).collect();
        if shell.is_empty() {
            shell = vec!["/bin/sh".to_owned(), "-ec".to_owned()];
        }
        if !script.secret {
            shell.push(script.text);
            return Ok(shell);
        }
        let name = format!("script-{}", self.around.unique);
        let file = format!("{mount}/.pikoci/{name}");
        prepared.private.push(PrivateFile { name, content: SecretValue::new(script.text) });
        let options = shell.pop().unwrap_or_default();
        let rest: String = options.chars().filter(|option| *option != 'c').collect();
        shell.extend((rest != "-").then_some(rest));
        shell.push(file);
        Ok(shell)
    }

    /// A script is its shell's business: nothing in it is expanded here.
    fn text_as_written(&self, name: &str) -> Result<Option<Clear>, Failure> {
        let value = self.command.attributes.get(name);
        value.map(|value| self.secrets.clear_value(value, str::to_owned)).transpose()
    }

    fn lines(&self, name: &str) -> Result<Option<Clear>, Failure> {
        if !self.command.attributes.contains_key(name) {
            return Ok(None);
        }
        let lines =
            attribute_list(self.command, name, |value| self.secrets.clear_value(value, str::to_owned))?;
        let secret = lines.iter().any(|line| line.secret);
        let text = lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n");
        Ok(Some(Clear { text, secret }))
    }

    /// `-e NAME` for every variable of ours. A name that the client itself needs with another value (`PATH`, `HOME`)
    /// is passed with its value and kept from the client, unless it is a secret.
    fn pass_environment(
        &self,
        env: &mut Environment,
        prepared: &mut Prepared,
        mount: &str,
    ) -> Result<(), Failure> {
        let output = self.env.get("PIKOCI_OUTPUT").map(|path| path.replacen(self.around.workdir, mount, 1));
        let mut pass = |pair: String| prepared.argv.extend(["-e".to_owned(), pair]);
        for (name, value) in self.env.own().filter(|(name, _)| !is_internal(name)) {
            let clients_own = matches!(name, "PATH" | "HOME") || name.starts_with("DOCKER_");
            pass(if clients_own && !value.secret {
                format!("{name}={}", value.text)
            } else {
                name.to_owned()
            });
        }
        pass(format!("WORKDIR={mount}"));
        if let Some(output) = output {
            pass(format!("PIKOCI_OUTPUT={output}"));
        }
        // git refuses a directory of another owner; this marks it as safe without touching any file.
        pass("GIT_CONFIG_COUNT=1".to_owned());
        pass("GIT_CONFIG_KEY_0=safe.directory".to_owned());
        pass("GIT_CONFIG_VALUE_0=*".to_owned());
        if let Some(Value::Map(extra)) = self.command.attributes.get("env") {
            for (name, value) in extra {
                env.set(name, self.clear(value)?);
                prepared.argv.extend(["-e".to_owned(), name.clone()]);
            }
        }
        Ok(())
    }

    fn raw_args(&self, prepared: &mut Prepared) -> Result<(), Failure> {
        for arg in &self.command.args {
            let arg = self.secrets.clear_with(arg, |part| self.env.expand_attribute(part))?;
            let arg = argument(arg, "args", self.around.allow_secret_args, &mut prepared.warnings)?;
            prepared.argv.push(arg);
        }
        Ok(())
    }
}

/// Names that stay on the host's side: the runner's own attributes, and what has another value inside.
fn is_internal(name: &str) -> bool {
    let fixed = ["cmd", "image", "path", "args", "WORKDIR", "PIKOCI_OUTPUT", "PIKOCI_EXE", "CACHE_DIR"];
    let more = ["script", "shell", "file", "env", "entrypoint", "workdir", "dir"];
    let flags = VALUE_FLAGS.iter().chain(&SAME_FLAGS).chain(&SWITCHES);
    fixed.contains(&name)
        || more.contains(&name)
        || flags.into_iter().any(|(attribute, _)| *attribute == name)
}

fn pull_policy(word: &str) -> String {
    match word {
        "if-not-present" => "missing".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikoci_model::id::InstanceId;
    use pikoci_model::text::{SecretRef, Text};
    use std::collections::BTreeMap;

    fn docker(attributes: &[(&str, Value)], args: &[&str], secrets: &Secrets) -> Result<Prepared, Failure> {
        let command = Command {
            runner: "docker".into(),
            args: args.iter().map(|arg| (*arg).into()).collect(),
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            ..Command::default()
        };
        let runner_types = BTreeMap::new();
        let labels = [("pikoci.build".to_owned(), "7".to_owned())];
        let around = Surroundings {
            workdir: "/w",
            runner_types: &runner_types,
            docker_binary: "docker",
            allow_secret_args: false,
            unique: "pikoci-7-0-1",
            instance: InstanceId(uuid::Uuid::nil()),
            labels: &labels,
            host_services: true,
        };
        let mut env = Environment::inherit(&[("PATH".into(), "/bin".into())].into());
        env.plain("BUILD_NUMBER", "7");
        env.plain("HOME", "/h");
        env.plain("image", "x");
        env.plain("PIKOCI_OUTPUT", "/w/.pikoci/output-0-1");
        prepare(&command, &mut env, secrets, around)
    }

    fn scalar(text: &str) -> Value {
        Value::Scalar(text.into())
    }

    #[test]
    fn the_command_mounts_workdir_and_passes_variables_by_name() {
        let attributes = [("image", scalar("rust:$BUILD_NUMBER")), ("cmd", scalar("cargo $BUILD_NUMBER"))];
        let prepared = docker(&attributes, &["-v", "/c:/c"], &Secrets::default()).unwrap();
        let expected = "docker run --rm --name pikoci-7-0-1 \
             --label pikoci.instance=00000000-0000-0000-0000-000000000000 --label pikoci.build=7 --volume /w:/workdir \
             --workdir /workdir --network host -e BUILD_NUMBER -e HOME=/h -e WORKDIR=/workdir \
             -e PIKOCI_OUTPUT=/workdir/.pikoci/output-0-1 -e GIT_CONFIG_COUNT=1 \
             -e GIT_CONFIG_KEY_0=safe.directory -e GIT_CONFIG_VALUE_0=* -v /c:/c rust:7 /bin/sh -ec cargo $BUILD_NUMBER";
        assert_eq!(prepared.argv.join(" "), expected);
        let container = prepared.container.unwrap();
        assert_eq!((container.instance, container.always_pulled), (InstanceId(uuid::Uuid::nil()), false));
    }

    #[test]
    fn a_network_that_was_asked_for_is_kept_and_flags_are_translated() {
        let attributes = [
            ("image", scalar("a")),
            ("volumes", Value::List(vec![scalar("/x:/x"), scalar("/y:/y")])),
            ("privileged", Value::Bare("true".into())),
            ("entrypoint", Value::List(vec![scalar("")])),
        ];
        let argv = docker(&attributes, &["--network=none"], &Secrets::default()).unwrap().argv.join(" ");
        assert!(!argv.contains("host") && argv.contains("--volume /x:/x --volume /y:/y"), "{argv}");
        assert!(argv.contains("--privileged") && argv.ends_with("--network=none --entrypoint  a"), "{argv}");
    }

    #[test]
    fn a_script_with_a_secret_is_a_private_file_and_no_image_is_named() {
        let given = SecretRef::Given { variable: "v".into() };
        let mut secrets = Secrets::default();
        secrets.insert(given.clone(), SecretValue::new("hunter2"));
        let attributes = [("image", scalar("a")), ("cmd", Value::Scalar(Text::secret(given)))];
        let prepared = docker(&attributes, &[], &secrets).unwrap();
        assert!(prepared.argv.join(" ").ends_with("a /bin/sh -e /workdir/.pikoci/script-pikoci-7-0-1"));
        assert_eq!(prepared.private[0].content.reveal(), "hunter2");
        assert_eq!(docker(&[], &[], &secrets).unwrap_err().code, Some(RunCode::R110));
    }
}

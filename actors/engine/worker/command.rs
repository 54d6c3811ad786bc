//! From a command block to a program with its arguments: the runners `exec` and `shell`, and the way to the others.
//!
//! A secret never becomes an argument. Inside a shell's script it is handed over as a file that only the process can
//! read; anywhere else in `path` or `args` it is refused, unless the operator allows it.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use pikoci_model::id::InstanceId;
use pikoci_model::outcome::Failure;
use pikoci_model::pipeline::RunnerType;
use pikoci_model::port::HandedFile;
use pikoci_model::step::Command;
use pikoci_model::text::{SecretValue, Value};

use super::docker;
use super::environment::Environment;
use super::secrets::{Clear, Secrets};
use super::template;

/// A program ready to be started.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// Program and arguments; empty for a command that succeeds without doing anything.
    pub argv: Vec<String>,
    /// Files that only the process can read.
    pub files: Vec<HandedFile>,
    /// Files to be written below WORKDIR's `.pikoci/` first, for a reader inside a container.
    pub private: Vec<PrivateFile>,
    /// The container that the program starts, to be removed whatever happens.
    pub container: Option<Container>,
    /// Where it runs, relative to WORKDIR; none: there.
    pub dir: Option<String>,
    /// Lines for the log.
    pub warnings: Vec<String>,
}

/// A container that a program starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    /// Its label.
    pub instance: InstanceId,
    pub image: String,
    /// The image is pulled although it may be there.
    pub always_pulled: bool,
}

/// A file below WORKDIR's `.pikoci/`, mode 0600.
#[derive(Debug)]
pub(crate) struct PrivateFile {
    pub name: String,
    pub content: SecretValue,
}

/// What a runner must know of where it runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Absolute.
    pub workdir: &'a str,
    /// Runner types that the pipeline declares.
    pub runner_types: &'a BTreeMap<String, RunnerType>,
    /// `docker` or another client that understands the same.
    pub docker_binary: &'a str,
    /// The operator allows secrets as arguments.
    pub allow_secret_args: bool,
    /// Unique name of this command on the host, fit for a container.
    pub unique: &'a str,
    /// The identity of a container that it starts.
    pub instance: InstanceId,
    /// Labels of a container that it starts.
    pub labels: &'a [(String, String)],
    /// Services of the build listen on the host.
    pub host_services: bool,
}

/// Chooses the runner and prepares the program. The environment may gain what the runner needs.
///
/// # Errors
/// An unknown runner, an attribute that does not fit, a secret where none may be.
pub(crate) fn prepare(
    command: &Command,
    env: &mut Environment,
    secrets: &Secrets,
    around: Surroundings<'_>,
) -> Result<Prepared, Failure> {
    if let Some(runner_type) = around.runner_types.get(&command.runner) {
        return template::prepare(runner_type, command, env, secrets, around);
    }
    match command.runner.as_str() {
        "exec" => exec(command, secrets, around.allow_secret_args),
        "shell" => shell(command, secrets, around),
        "docker" => docker::prepare(command, env, secrets, around),
        other => Err(Failure::plain(format!("runner `{other}` is not declared"))),
    }
}

fn exec(command: &Command, secrets: &Secrets, allow: bool) -> Result<Prepared, Failure> {
    let path = match &command.path {
        Some(path) => secrets.clear(path)?,
        None => Clear::plain(""),
    };
    if path.text.is_empty() {
        return Ok(Prepared::default());
    }
    let dir = directory(attribute(command, secrets, "dir")?)?;
    let mut prepared = Prepared { dir, ..Prepared::default() };
    prepared.argv.push(argument(path, "path", allow, &mut prepared.warnings)?);
    let args: Result<Vec<Clear>, Failure> = command.args.iter().map(|arg| secrets.clear(arg)).collect();
    let args = args?;
    let script = script_index(&prepared.argv[0], &args).filter(|index| args[*index].secret);
    let mut args = args.into_iter().enumerate().peekable();
    while let Some((index, arg)) = args.next() {
        if script == Some(index + 1) {
            prepared.argv.extend(without_c(&arg.text));
        } else if script == Some(index) {
            prepared.argv.push(hand_over(&mut prepared.files, arg.text));
            // What follows the script is `$0`, which a script file has by itself.
            args.next();
        } else {
            prepared.argv.push(argument(arg, "args", allow, &mut prepared.warnings)?);
        }
    }
    Ok(prepared)
}

/// The attribute `dir` of `exec`. Links are not followed here: a stop may run in a directory that its start makes.
fn directory(dir: Option<Clear>) -> Result<Option<String>, Failure> {
    let Some(Clear { text, .. }) = dir.filter(|dir| !dir.text.is_empty()) else { return Ok(None) };
    let below = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if Path::new(&text).components().all(below) {
        return Ok(Some(text));
    }
    Err(Failure::plain(format!(
        "`dir` is `{text}`, which leads outside the work directory; it must be a path below it, without `..`"
    )))
}

/// An argument of a process; every other user of the host can read it.
pub(super) fn argument(
    value: Clear,
    place: &str,
    allow: bool,
    warnings: &mut Vec<String>,
) -> Result<String, Failure> {
    if !value.secret {
        return Ok(value.text);
    }
    if allow {
        warnings
            .push(format!("WARNING: W005: `{place}` holds a secret that every user of this host can see"));
        return Ok(value.text);
    }
    Err(Failure::plain(format!(
        "L038: `{place}` holds a secret; hand it over through `env` or a `param_` variable"
    )))
}

/// Where the script of `sh -c SCRIPT` stands in the arguments.
fn script_index(program: &str, args: &[Clear]) -> Option<usize> {
    let name = program.rsplit('/').next().unwrap_or(program);
    if !["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"].contains(&name) {
        return None;
    }
    let is_c =
        |arg: &Clear| arg.text.starts_with('-') && !arg.text.starts_with("--") && arg.text.contains('c');
    let option = args.iter().position(is_c)?;
    (option + 1 < args.len()).then_some(option + 1)
}

/// The options beside `c`: `-ec` becomes `-e`, `-c` nothing.
fn without_c(options: &str) -> Option<String> {
    let rest: String = options.chars().filter(|option| *option != 'c').collect();
    (rest != "-").then_some(rest)
}

fn hand_over(files: &mut Vec<HandedFile>, content: String) -> String {
    let placeholder = format!("\u{1}pikoci-file-{}\u{1}", files.len());
    files.push(HandedFile { placeholder: placeholder.clone(), content: SecretValue::new(content) });
    placeholder
}

fn shell(command: &Command, secrets: &Secrets, around: Surroundings<'_>) -> Result<Prepared, Failure> {
    let attribute = |name: &str| attribute(command, secrets, name);
    let shell = attribute("shell")?;
    let mut prepared = Prepared::default();
    match (attribute("cmd")?, attribute("file")?) {
        (Some(script), None) => {
            let shell = shell.map_or_else(|| "/bin/sh".to_owned(), |shell| shell.text);
            prepared.argv.push(shell.clone());
            if script.secret {
                prepared.argv.push("-e".to_owned());
                prepared.argv.push(hand_over(&mut prepared.files, script.text));
            } else {
                prepared.argv.extend(["-ec".to_owned(), script.text]);
                if !command.args.is_empty() {
                    prepared.argv.push(shell);
                }
            }
        }
        (None, Some(file)) => {
            let file = format!("{}/{}", around.workdir, file.text);
            match shell {
                Some(shell) => prepared.argv.extend([shell.text, file]),
                None => {
                    let run = r#"chmod 0755 "$0" && exec "$0" "$@""#;
                    prepared.argv.extend(["/bin/sh".into(), "-ec".into(), run.into(), file]);
                }
            }
        }
        _ => return Err(Failure::plain("runner `shell` needs exactly one of `cmd` and `file`")),
    }
    for arg in &command.args {
        let arg = secrets.clear(arg)?;
        prepared.argv.push(argument(arg, "args", around.allow_secret_args, &mut prepared.warnings)?);
    }
    Ok(prepared)
}

/// An attribute of a command block as text.
///
/// # Errors
/// A secret that could not be had.
pub(super) fn attribute(command: &Command, secrets: &Secrets, name: &str) -> Result<Option<Clear>, Failure> {
    command.attributes.get(name).map(|value| secrets.clear_value(value, str::to_owned)).transpose()
}

/// An attribute that may be one value or a list of them.
///
/// # Errors
/// A secret that could not be had.
pub(super) fn attribute_list(
    command: &Command,
    name: &str,
    clear: impl Fn(&Value) -> Result<Clear, Failure>,
) -> Result<Vec<Clear>, Failure> {
    match command.attributes.get(name) {
        None => Ok(Vec::new()),
        Some(Value::List(items)) => items.iter().map(clear).collect(),
        Some(single) => Ok(vec![clear(single)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikoci_model::text::{SecretRef, Text};

    fn secret() -> (Secrets, Text) {
        let given = SecretRef::Given { variable: "v".into() };
        let mut secrets = Secrets::default();
        secrets.insert(given.clone(), SecretValue::new("hunter2"));
        (secrets, Text::secret(given))
    }

    fn command(runner: &str, path: &str, args: Vec<Text>) -> Command {
        Command { runner: runner.into(), path: Some(path.into()), args, ..Command::default() }
    }

    fn run(command: &Command, secrets: &Secrets, allow: bool) -> Result<Prepared, Failure> {
        let types = BTreeMap::new();
        let around = Surroundings {
            workdir: "/w",
            runner_types: &types,
            docker_binary: "docker",
            allow_secret_args: allow,
            unique: "u",
            instance: InstanceId(uuid::Uuid::nil()),
            labels: &[],
            host_services: false,
        };
        prepare(command, &mut Environment::default(), secrets, around)
    }

    #[test]
    fn exec_passes_arguments_as_written_and_an_empty_path_does_nothing() {
        let given = command("exec", "cargo", vec!["test".into(), "$NAME".into()]);
        assert_eq!(run(&given, &Secrets::default(), false).unwrap().argv, ["cargo", "test", "$NAME"]);
        assert!(run(&command("exec", "", vec![]), &Secrets::default(), false).unwrap().argv.is_empty());
        let unknown = run(&command("cloud", "", vec![]), &Secrets::default(), false).unwrap_err();
        assert_eq!(unknown.text, "runner `cloud` is not declared");
    }

    #[test]
    fn a_script_with_a_secret_becomes_a_file() {
        let (secrets, text) = secret();
        let mut script = Text::literal("echo ");
        script.append(text);
        let given = command("exec", "/bin/bash", vec!["-ec".into(), script, "name".into(), "one".into()]);
        let prepared = run(&given, &secrets, false).unwrap();
        let placeholder = prepared.files[0].placeholder.as_str();
        assert_eq!(prepared.argv, ["/bin/bash", "-e", placeholder, "one"]);
        assert_eq!(prepared.files[0].content.reveal(), "echo hunter2");
    }

    #[test]
    fn a_secret_elsewhere_is_refused_or_warned_about() {
        let (secrets, text) = secret();
        let given = command("exec", "curl", vec![text]);
        assert!(run(&given, &secrets, false).unwrap_err().text.starts_with("L038: `args` holds a secret"));
        let allowed = run(&given, &secrets, true).unwrap();
        assert_eq!((allowed.argv[1].as_str(), allowed.warnings.len()), ("hunter2", 1));
    }

    #[test]
    fn exec_runs_in_a_directory_below_the_work_directory_only() {
        let within = |dir: &str| {
            let mut given = command("exec", "make", vec![]);
            given.attributes.insert("dir".into(), Value::Scalar(dir.into()));
            run(&given, &Secrets::default(), false).map(|prepared| prepared.dir)
        };
        assert_eq!(within("app/./sub").unwrap().as_deref(), Some("app/./sub"));
        assert_eq!(within("").unwrap(), None);
        for outside in ["/etc", "../other", "app/../.."] {
            let refused = within(outside).unwrap_err().text;
            assert!(refused.starts_with(&format!("`dir` is `{outside}`, which leads outside")), "{refused}");
        }
    }

    #[test]
    fn shell_takes_a_script_or_a_file() {
        let with = |pairs: &[(&str, Text)]| Command {
            runner: "shell".into(),
            attributes: pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), Value::Scalar(text.clone())))
                .collect(),
            ..Command::default()
        };
        let (secrets, text) = secret();
        let argv = |command: &Command| run(command, &secrets, false).map(|prepared| prepared.argv);
        assert_eq!(argv(&with(&[("cmd", "ls".into())])).unwrap(), ["/bin/sh", "-ec", "ls"]);
        let file = argv(&with(&[("file", "a/b.sh".into()), ("shell", "bash".into())])).unwrap();
        assert_eq!(file, ["bash", "/w/a/b.sh"]);
        assert_eq!(argv(&with(&[("cmd", text)])).unwrap()[..2], ["/bin/sh", "-e"]);
        assert!(argv(&with(&[])).is_err());
    }
}

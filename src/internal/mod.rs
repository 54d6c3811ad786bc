//! `pikoci internal …`: the native parts of the built-in types.
//!
//! The types in `builtin/` are ordinary HCL with shell scripts; where a shell would need programs
//! that a worker may not have, or would have to put a secret among a process's arguments, the
//! script calls one of these. They read what a script reads: the environment of its command.

mod docker_absent;
mod docker_start;
mod docker_stop;
mod engine;
mod environment;
mod free_port;
mod fs;
mod host;
mod ready;
mod run_as;
mod secret;
mod vault;
mod vault_setup;

use std::io::Write;
use std::process::ExitCode;

/// What a command answers: its exit code, or the one line that says why it failed.
type Outcome = Result<ExitCode, String>;

/// A command reads its arguments and its environment.
type Command = fn(&[String]) -> Outcome;

/// The commands by name.
const COMMANDS: [(&str, Command); 15] = [
    ("docker-absent", docker_absent::run),
    ("docker-start", docker_start::run),
    ("docker-stop", docker_stop::run),
    ("env-get", secret::from_environment),
    ("file-get", secret::from_file),
    ("free-port", free_port::run),
    ("fs-check", fs::check),
    ("fs-pull", fs::pull),
    ("host-check", host::run),
    ("http-ready", ready::http),
    ("nothing", nothing),
    ("ready", ready::run),
    ("run-as", run_as::run),
    ("vault-get", vault::get),
    ("vault-setup", vault_setup::run),
];

/// A command without a program: it succeeds.
fn nothing(_: &[String]) -> Outcome {
    Ok(ExitCode::SUCCESS)
}

/// Runs the command that `args` begins with.
pub fn run(args: &[String]) -> ExitCode {
    let name = args.first().map_or("", String::as_str);
    let Some((_, command)) = COMMANDS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
        say(&format!("`internal {name}` is no command; there are: {}", known.join(", ")));
        return ExitCode::from(2);
    };
    match command(&args[1..]) {
        Ok(code) => code,
        Err(reason) => {
            say(&reason);
            ExitCode::FAILURE
        }
    }
}

/// One line to standard error.
fn say(line: &str) {
    // Nobody is left to be told when standard error is closed.
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// One line to standard output: the answer of a command.
fn answer(line: &str) -> Outcome {
    writeln!(std::io::stdout(), "{line}").map_err(|e| format!("cannot print the answer: {e}"))?;
    Ok(ExitCode::SUCCESS)
}

//! `docker-stop [INSTANCE…] [-- COMMAND…]`: runs the command, then removes the containers of these instances, or else of
//! this service's, and proves that none is left. It fails if either does.
//!
//! Containers are found by the label that carries the instance, never by name: a name may belong
//! to somebody else by now. When the start did not end by itself, the engine may still be creating
//! a container for it: the launcher then runs this twice with a pause.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};

use super::{Outcome, engine, environment};

/// Removals before giving up; a failed one is tried again with a new listing.
const TRIES: u32 = 5;

pub(super) fn run(args: &[String]) -> Outcome {
    let (instances, command) = split(args);
    let instances = match instances {
        [] => vec![environment::require("SERVICE_INSTANCE")?],
        given => given.to_vec(),
    };
    // Whatever becomes of the command, the containers go.
    let ended = command.map(first);
    for instance in instances {
        remove_all(&format!("pikoci.instance={instance}"))?;
    }
    ended.unwrap_or(Ok(ExitCode::SUCCESS))
}

/// The instances, and the command behind `--`.
fn split(args: &[String]) -> (&[String], Option<&[String]>) {
    match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], Some(&args[at + 1..])),
        None => (args, None),
    }
}

/// Runs the command that comes first; gives its exit code, of a signal as a shell does.
fn first(command: &[String]) -> Outcome {
    let (program, args) = command.split_first().ok_or("no command follows `--`")?;
    let status = Command::new(program).args(args).status();
    let status = status.map_err(|error| format!("cannot run `{program}`: {error}"))?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// Returns when a listing is empty.
fn remove_all(label: &str) -> Result<(), String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        let containers = engine::containers_with(label)?;
        if containers.is_empty() {
            return Ok(());
        }
        let mut args = vec!["rm", "--force", "--volumes"];
        args.extend(containers.iter().map(String::as_str));
        match engine::ask(&args) {
            Ok(_) => super::say(&format!("removed {} container(s)", containers.len())),
            Err(error) => last = error,
        }
    }
    match engine::containers_with(label)?.len() {
        0 => Ok(()),
        left => Err(format!("{left} container(s) could not be removed: {last}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_command_stands_behind_the_instances() {
        assert_eq!(split(&words("")), (&[][..], None));
        assert_eq!(split(&words("one two")), (&words("one two")[..], None));
        assert_eq!(split(&words("one -- rm -- x")), (&words("one")[..], Some(&words("rm -- x")[..])));
    }

    #[test]
    fn its_end_is_the_end_of_the_command() {
        let ended = |script: &str| first(&["/bin/sh".to_owned(), "-ec".to_owned(), script.to_owned()]);
        assert_eq!(ended("true"), Ok(ExitCode::SUCCESS));
        assert_eq!(ended("exit 3"), Ok(ExitCode::from(3)));
        assert_eq!(ended("kill -9 $$"), Ok(ExitCode::from(137)));
        assert!(first(&words("/no/such/program")).unwrap_err().contains("/no/such/program"));
    }
}

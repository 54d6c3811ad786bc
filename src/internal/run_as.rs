//! `run-as USER -- PROGRAM …`: becomes the program, as another user when this is root.
//!
//! Some servers refuse to run as root. No process stays between the caller and the server, so
//! signals reach it and its end is seen.

use std::convert::Infallible;
use std::ffi::CString;

use nix::unistd::{User, execvp, geteuid, initgroups, setgid, setuid};

use super::Outcome;

/// Without root rights the program runs as whoever runs this.
pub(super) fn run(args: &[String]) -> Outcome {
    let [name, separator, program @ ..] = args else { return Err(usage()) };
    if separator != "--" || program.is_empty() {
        return Err(usage());
    }
    if geteuid().is_root() {
        become_user(name)?;
    }
    let failed = exec(program)?;
    Err(format!("cannot run `{}`: {}", program[0], failed.desc()))
}

fn usage() -> String {
    "usage: internal run-as USER -- PROGRAM [ARGUMENT…]".to_owned()
}

fn become_user(name: &str) -> Result<(), String> {
    let user = User::from_name(name)
        .ok()
        .flatten()
        .ok_or_else(|| format!("there is no user `{name}` on this worker"))?;
    let c_name = CString::new(name).map_err(|_| usage())?;
    initgroups(&c_name, user.gid)
        .and_then(|()| setgid(user.gid))
        .and_then(|()| setuid(user.uid))
        .map_err(|e| format!("cannot become user `{name}`: {}", e.desc()))
}

/// Returns only with the reason why the program could not be started.
fn exec(program: &[String]) -> Result<nix::Error, String> {
    let args: Result<Vec<CString>, _> = program.iter().map(|arg| CString::new(arg.as_str())).collect();
    let args = args.map_err(|_| "an argument holds a zero byte".to_owned())?;
    let outcome: Result<Infallible, nix::Error> = execvp(&args[0], &args);
    match outcome {
        Err(error) => Ok(error),
        Ok(never) => match never {},
    }
}

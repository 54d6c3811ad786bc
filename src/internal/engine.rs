//! The container engine's command line client.

use std::process::{Command, Stdio};

use super::environment;

/// The client of the worker's container engine: `docker`, or what `PIKOCI_DOCKER` names.
pub(super) fn client() -> Command {
    let mut command = Command::new(environment::get("PIKOCI_DOCKER").unwrap_or_else(|| "docker".to_owned()));
    command.stdin(Stdio::null());
    command
}

/// Runs the client and gives what it printed, without surrounding white space.
pub(super) fn ask(args: &[&str]) -> Result<String, String> {
    let output = client().args(args).output().map_err(|e| unavailable(&e))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(format!("docker {}: {}", args.first().unwrap_or(&""), message.trim()))
}

/// The client cannot be run at all.
pub(super) fn unavailable(error: &std::io::Error) -> String {
    format!("cannot run the docker client: {error}")
}

/// The ids of all containers, also created ones that never ran, with this label.
pub(super) fn containers_with(label: &str) -> Result<Vec<String>, String> {
    let filter = format!("label={label}");
    let listing = ask(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter])?;
    Ok(listing.lines().map(str::to_owned).collect())
}

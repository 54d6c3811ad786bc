//! `docker-stop`: removes the containers of this service instance and proves that none is left.
//!
//! Containers are found by the label that carries the instance, never by name: a name may belong
//! to somebody else by now. When the start did not end by itself, the engine may still be creating
//! a container for it: the launcher then runs this twice with a pause.

use std::process::ExitCode;

use super::{Outcome, engine, environment};

/// Removals before giving up; a failed one is tried again with a new listing.
const TRIES: u32 = 5;

pub(super) fn run(args: &[String]) -> Outcome {
    let instance = match args.first() {
        Some(instance) => instance.clone(),
        None => environment::require("SERVICE_INSTANCE")?,
    };
    remove_all(&format!("pikoci.instance={instance}"))?;
    Ok(ExitCode::SUCCESS)
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

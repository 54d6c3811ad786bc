//! The built-in services and secrets with real servers: as processes of this machine, and in containers of a real
//! engine. What is missing on the machine is a failure: `integration/test` installs it.

mod docker;
mod host;
mod vault;

use std::path::PathBuf;

use crate::scenarios::{Script, Stage, play};

/// Plays a scenario of this directory, after `change` has given it what only the test knows.
fn perform(name: &str, change: impl FnOnce(&mut Script)) {
    let mut script =
        Script::read(&PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/services/files")), name);
    change(&mut script);
    play(&script, Stage::Plain);
}

/// The search path with a directory before it.
fn path_with(directory: &std::path::Path) -> String {
    format!("{}:{}", directory.display(), std::env::var("PATH").unwrap_or_default())
}

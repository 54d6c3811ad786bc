//! `docker-absent [--pull] IMAGE`: succeeds if the container engine answers and cannot have this image.
//!
//! The client's exit code does not tell an image that cannot be had from other failures, and its messages are meant for
//! people: the engine is asked.

use std::process::ExitCode;

use super::{Outcome, engine};

pub(super) fn run(args: &[String]) -> Outcome {
    let (pull, image) = match args {
        [image] => (false, image),
        [pull, image] if pull == "--pull" => (true, image),
        _ => return Err("docker-absent [--pull] IMAGE".to_owned()),
    };
    engine::ask(&["version", "--format", "{{.Server.Version}}"])?;
    let had = if pull {
        engine::ask(&["pull", "--quiet", image])
    } else {
        engine::ask(&["image", "inspect", "--format", "{{.Id}}", image])
    };
    Ok(if had.is_ok() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

//! Tasks and services in containers, as a scenario.

use std::{fs, os::unix::fs::PermissionsExt};

use super::perform;
use crate::{docker::engine::Engine, world::program::command};

#[test]
fn tasks_and_services_run_in_containers_and_nothing_is_left() {
    let engine = Engine::start();
    engine.import_images();
    perform("docker", |script| {
        script.env.insert("DOCKER_HOST".to_owned(), engine.host());
    });
    assert_eq!(engine.containers(), Vec::<String>::new());
}

/// An engine whose name `stable` another worker takes between the look and the start, and has let go at the next look.
const RACE: &str = r#"#!/bin/sh -e
case "$1 $*" in
  "ps "*) ;;
  "run "*"--name stable "*) echo 'Conflict. The container name is already in use' >&2; exit 125 ;;
  "run "*) echo "$*" > ran ;;
esac
"#;

#[test]
fn a_name_that_another_worker_takes_meanwhile_is_left_to_it() {
    let home = tempfile::tempdir().unwrap();
    let docker = home.path().join("docker");
    fs::write(&docker, RACE).unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    let out = command(home.path())
        .args(["internal", "docker-start", "--image", "redis:7", "--port", "6379"])
        .env("PIKOCI_DOCKER", &docker)
        .env("PIKOCI_OWNER", "me")
        .envs([
            ("SERVICE_INSTANCE", "0123456789"),
            ("SERVICE_CONTAINER", "stable"),
            ("SERVICE_PORT", "26379"),
        ])
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    let ran = fs::read_to_string(home.path().join("ran")).unwrap();
    assert!(ran.contains("--name stable-01234567 "), "{ran}");
}

//! Nobody listens any more: the reader of a pipe has gone.

use std::{
    io::{BufRead, BufReader, pipe},
    process::Stdio,
};

use crate::world::{api::Api, program::command};

#[test]
fn a_command_whose_reader_has_gone_ends_as_it_would_have() {
    let home = tempfile::tempdir().unwrap();
    let state = format!("--state-dir={}", home.path().display());
    for args in [vec!["version"], vec!["doctor", &state], vec!["doctor", "--json", &state]] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let out = command(home.path()).args(&args).stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success() && said.is_empty(), "{args:?}: {} {said}", out.status);
    }
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = command(home.path()).arg("version").stdout(full).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("standard output: No space left"), "{out:?}");
}

#[test]
fn a_server_whose_log_nobody_takes_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut server = command(home.path())
        .args(["server", "--run-worker", "--log-level=debug", "--admin-password=correct horse"])
        .args([
            "--listen=127.0.0.1:0".to_owned(),
            format!("--state-dir={}", home.path().join("state").display()),
        ])
        .stdout(Stdio::piped())
        .stderr(writer)
        .spawn()
        .unwrap();
    let first = BufReader::new(server.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let url = first.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let api = Api::login(url, "admin", "correct horse");
    assert_eq!(api.get("/health").status, 200);
    let kill =
        |name: &str| std::process::Command::new("kill").args([name, &server.id().to_string()]).status();
    assert!(kill("-TERM").unwrap().success());
    assert!(server.wait().unwrap().success());
}

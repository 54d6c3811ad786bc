//! The disk of the database is full, and has room again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use tempfile::tempdir;

use crate::world::{deadline::until, program::Start};

/// Two builds log more than the disk has room for; each begins and ends a service.
const PIPELINE: &str = r#"
service_type "thing" {
  start "shell" { cmd = "echo up >> ORDER" }
  stop "shell" { cmd = "echo down >> ORDER" }
}
job "big" {
  service "thing" {}
  task "lines" {
    run "shell" { cmd = "head -c 6000000 /dev/urandom | base64 -w0" }
  }
}
"#;
/// What one build logs, in bytes.
const LOGGED: usize = 8_000_000;

/// A small disk in memory, mounted for as long as this lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(at: &Path) -> Self {
        fs::create_dir(at).unwrap();
        mount(&["-t", "tmpfs", "-o", "size=8m", "small", at.to_str().unwrap()]);
        Self(at.to_owned())
    }

    fn grow(&self) {
        mount(&["-o", "remount,size=200m", self.0.to_str().unwrap()]);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(args: &[&str]) {
    let status = Command::new("mount").args(args).status().unwrap();
    assert!(status.success(), "a disk of the test's own needs root");
}

#[test]
fn what_a_full_disk_holds_up_goes_on_when_there_is_room() {
    let home = tempdir().unwrap();
    let disk = SmallDisk::new(&home.path().join("disk"));
    let order = home.path().join("order");
    fs::write(home.path().join("p.hcl"), PIPELINE.replace("ORDER", order.to_str().unwrap())).unwrap();
    let server = Start::new(home.path())
        .args(&["--db-system=sqlite", "--db-name=disk/ci.db", "--pipeline-config=p.hcl"])
        .server();
    let api = server.api();
    for _ in 0..2 {
        let answer = api.post("/api/v1/teams/main/pipelines/p/jobs/big/trigger", &json!({}));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    until("word of the full disk", || server.log().contains("disk is full").then_some(()));
    assert_eq!(api.get("/api/v1/teams/main/pipelines/p/jobs").status, 200, "what is there can be read");

    disk.grow();
    for build in ["big/1", "big/2"] {
        let done = api.done("p", build);
        assert_eq!(done["status"], "succeeded", "{done}");
        assert_eq!(api.log("p", build, "1").len(), LOGGED);
    }
    assert_eq!(fs::read_to_string(&order).unwrap(), "up\ndown\nup\ndown\n");
    server.signal("TERM");
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");
}

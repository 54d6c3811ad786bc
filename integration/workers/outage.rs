//! A database that vanishes while a build runs: the build goes on, ends, frees its slot, and is told when it is back.

use std::fs;

use serde_json::json;

use super::{
    database::OwnDatabase,
    yard::{self, Yard},
};
use crate::world::{
    api::{Api, build_path},
    deadline::until,
    processes::Kin,
};

/// More than a worker keeps in memory.
const LINES: u32 = 700_000;
const PIPELINE: &str = r#"
variable "dir" { type = "string" }
service_type "standing" {
  process "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo service >> ${var.dir}/ran; touch up; exec sleep 1000"]
  }
  ready_check "exec" {
    path     = "test"
    args     = ["-e", "up"]
    interval = "50ms"
    timeout  = "30s"
  }
}
job "talk" {
  service "standing" {}
  task "print" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", "echo print >> ${var.dir}/ran; touch ${var.dir}/began; while [ ! -e ${var.dir}/go ]; do sleep 0.05; done; exec seq 700000"]
    }
  }
  task "after" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", "echo after >> ${var.dir}/ran; echo over"]
    }
  }
}
"#;

fn health(api: &Api) -> (u16, String) {
    let answer = api.get("/health");
    (answer.status, answer.body["data"]["db"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_build_outlives_the_database() {
    let flags = yard::flags("nats", "nats-server-url", "PIKOCI_TEST_NATS");
    let mut database = OwnDatabase::start();
    let mut yard = Yard::open_with(PIPELINE, &flags, &database.flags());
    yard.worker("one", &yard.token(), &flags);
    until("the worker", || (yard.online() == 1).then_some(()));
    let answer = yard.api.post("/teams/main/pipelines/yard/jobs/talk/trigger", &json!({}));
    assert!(answer.status < 300, "{:?}", answer.body);
    until("the task", || yard.path("began").exists().then_some(()));

    database.kill();
    fs::write(yard.path("go"), "").unwrap();
    until("a health that names the database", || {
        let (status, said) = health(&yard.api);
        (status == 503 && said.contains("cannot be reached: ") && said.contains("refused")).then_some(())
    });
    until("the end of the last step", || ran(&yard).ends_with("after\n").then_some(()));
    yard.none_left(Kin::Work);
    yard.until_said("one", "it is kept on disk");
    assert_eq!(health(&yard.api).0, 503);
    let page = yard.api.exchange("GET", &build_path("yard", "talk/1"), None);
    assert_eq!(page.status, 503, "{}", String::from_utf8_lossy(&page.body));

    database.come_back();
    until("a database that answers", || (health(&yard.api).0 == 200).then_some(()));
    let build = yard.api.done("yard", "talk/1");
    assert_eq!((&build["status"], &build["run"]), (&json!("succeeded"), &json!(1)), "{build:#}");
    let expected: String = (1..=LINES).map(|number| format!("{number}\n")).collect();
    assert!(yard.api.log("yard", "talk/1", "1") == expected, "the log is not what was printed");
    assert_eq!(ran(&yard), "service\nprint\nafter\n", "each once");
    yard.close();
}

/// What ran, in order.
fn ran(yard: &Yard) -> String {
    fs::read_to_string(yard.path("ran")).unwrap_or_default()
}

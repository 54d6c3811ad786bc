//! `pikoci client`: a server, from a terminal.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use super::shell::{Said, Shell};
use crate::world::{
    deadline::until,
    program::{Server, Start},
    repository::Repository,
};

const FILE: &str = r#"
variable "url" {}
variable "dir" {}
resource "git" "app" {
  params { url = var.url }
  check_interval = "never"
}
job "test" {
  get "git" "app" { trigger = true }
  task "show" {
    run "shell" { cmd = "cat app/text" }
  }
}
job "long" {
  task "wait" {
    run "shell" { cmd = "echo begun; until [ -e ${var.dir}/go ]; do sleep 0.02; done; echo ended" }
  }
}
job "bad" {
  task "fail" {
    run "shell" { cmd = "exit 1" }
  }
}
"#;

struct Remote {
    shell: Shell,
    server: Server,
    home: tempfile::TempDir,
}

impl Remote {
    /// A server with the pipeline `site`, created through the client.
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let remote = Self { shell: Shell::new(), server: Start::new(home.path()).server(), home };
        let files = BTreeMap::from([("text".to_owned(), "hello\n".to_owned())]);
        let repository = Repository::new(remote.shell.dir(), "app", &files);
        remote.shell.write("site.hcl", FILE);
        let vars = serde_json::json!({ "url": repository.bare, "dir": remote.shell.dir() });
        remote.shell.write("vars.json", &vars.to_string());
        let password = remote.server.password.clone();
        remote.client(0, &["login", "--username", "admin", "--password", &password]);
        remote.client(
            0,
            &["pipelines", "create", "-pn", "site", "--config", "site.hcl", "--vars", "vars.json"],
        );
        remote
    }

    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [&["client", "--url", self.server.url.as_str()][..], args].concat()
    }

    fn client(&self, code: i32, args: &[&str]) -> Said {
        self.shell.expect(code, &self.args(args))
    }

    fn json(&self, args: &[&str]) -> Value {
        let said = self.client(0, args);
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {said:#?}"))
    }

    fn done(&self, job: &str, number: &str) -> Value {
        let args = ["builds", "get", "-pn", "site", "-jn", job, "--build-number", number];
        until(&format!("{job} #{number}"), || {
            let said = self.shell.run(&self.args(&args));
            let build: Value = serde_json::from_str(&said.out).ok()?;
            (build["phase"] == "done").then_some(build)
        })
    }
}

#[test]
fn pipelines_are_created_listed_shown_drawn_updated_and_deleted() {
    let remote = Remote::new();
    let list = remote.json(&["pipelines", "list"]);
    assert_eq!(list[0]["canonical"], "site", "{list:#}");
    let one = remote.json(&["pipelines", "get", "-pn", "site"]);
    assert_eq!(one["jobs"].as_array().map(Vec::len), Some(3), "{one:#}");
    let dot = remote.client(0, &["pipelines", "graph", "-pn", "site", "--format", "dot"]);
    assert!(dot.out.contains("digraph"), "{}", dot.out);
    remote.shell.write("site.hcl", &FILE.replace("\"bad\"", "\"worse\""));
    let update = ["pipelines", "update", "-pn", "site", "--config", "site.hcl", "--vars", "vars.json"];
    remote.client(0, &update);
    assert!(remote.client(0, &["jobs", "get", "-pn", "site", "-jn", "worse"]).out.contains("worse"));
    remote.shell.write("site.hcl", "jobb \"x\" {}\n");
    let refused = remote.client(2, &update);
    assert!(refused.err.contains("L001") && refused.err.contains("jobb"), "{refused:#?}");
    remote.client(0, &["pipelines", "delete", "-pn", "site"]);
    remote.client(4, &["pipelines", "get", "-pn", "site"]);
}

#[test]
fn a_build_is_triggered_and_its_log_followed() {
    let remote = Remote::new();
    remote.json(&["jobs", "trigger", "-pn", "site", "-jn", "long"]);
    let logs = ["builds", "logs", "-pn", "site", "-jn", "long", "--build-number", "1", "--follow"];
    let following = remote.shell.start(&remote.args(&logs));
    following.until("begun");
    fs::write(remote.shell.dir().join("go"), "").unwrap();
    let (code, rest) = following.end();
    assert_eq!(code, 0, "{rest:#?}");
    assert!(rest.iter().any(|line| line.contains("ended")), "{rest:#?}");
    let again = remote.client(0, &logs[..8]);
    assert!(again.out.contains("begun\n") && again.out.contains("ended\n"), "{again:#?}");
    let list = remote.json(&["builds", "list", "-pn", "site", "-jn", "long"]);
    assert_eq!(list[0]["status"], "succeeded", "{list:#}");
}

#[test]
fn builds_are_cancelled_and_run_again_and_conflicts_give_5() {
    let remote = Remote::new();
    remote.json(&["jobs", "trigger", "-pn", "site", "-jn", "long"]);
    let number = |act: &'static str, job: &'static str, number: &'static str| {
        ["builds", act, "-pn", "site", "-jn", job, "--build-number", number]
    };
    remote.client(5, &number("retry", "long", "1"));
    remote.client(0, &number("cancel", "long", "1"));
    assert_eq!(remote.done("long", "1")["status"], "cancelled");
    remote.client(5, &number("cancel", "long", "1"));
    remote.client(0, &number("retry", "long", "1"));
    assert_eq!(remote.json(&number("get", "long", "1.1"))["build_number"], "1.1");
    remote.client(4, &number("get", "long", "77"));
}

#[test]
fn resources_are_shown_checked_and_their_versions_listed() {
    let remote = Remote::new();
    assert_eq!(remote.done("test", "1")["status"], "succeeded");
    let resource = |act: &'static str| ["resources", act, "-pn", "site", "--resource-canonical", "git.app"];
    assert_eq!(remote.json(&resource("get"))["canonical"], "git.app");
    remote.client(0, &resource("trigger"));
    let versions = remote.json(&resource("versions"));
    assert!(versions[0]["version"]["ref"].is_string(), "{versions:#}");
    remote.client(4, &["resources", "get", "-pn", "site", "--resource-canonical", "git.other"]);
}

#[test]
fn the_whole_database_is_exported_and_served_by_another_server() {
    let remote = Remote::new();
    assert_eq!(remote.done("test", "1")["status"], "succeeded");
    let said = remote.client(0, &["export", "--output", "copy.db"]);
    assert_eq!(said.err, "copy.db\ncopy-log.db\n");
    let said = remote.client(2, &["export", "--output", "copy.db"]);
    assert!(said.err.contains("copy.db exists; name a file that does not"), "{said:#?}");
    let export = remote.home.path().join("state/export");
    until("the end of what the server made for it", || (!export.exists()).then_some(()));

    let home = tempfile::tempdir().unwrap();
    let key = format!("--host-key-file={}", remote.home.path().join("state/host.key").display());
    let file = format!("--db-name={}", remote.shell.dir().join("copy.db").display());
    let copy = Start::new(home.path()).args(&["--db-system=sqlite", &file, &key]).server();
    let login = ["login", "--username", "admin", "--password", &remote.server.password];
    let there = |args: &[&str]| remote.shell.expect(0, &[&["client", "--url", &copy.url][..], args].concat());
    there(&login);
    let log = there(&["builds", "logs", "-pn", "site", "-jn", "test", "--build-number", "1"]);
    assert!(log.out.contains("hello\n"), "{log:#?}");
}

#[test]
fn who_is_not_logged_in_gets_3_and_who_types_wrong_gets_2() {
    let remote = Remote::new();
    let stranger = Shell::new();
    stranger.expect(3, &remote.args(&["pipelines", "list"]));
    stranger.expect(3, &remote.args(&["login", "--username", "admin", "--password", "wrong"]));
    stranger.expect(2, &remote.args(&["pipelines", "get"]));
    stranger.expect(2, &remote.args(&["pipelinez", "list"]));
    let nowhere = ["client", "--url", "127.0.0.1:1", "pipelines", "list"];
    let said = stranger.expect(1, &nowhere);
    assert!(said.err.starts_with("error: "), "{said:#?}");
}

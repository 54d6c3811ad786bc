//! `pikoci run`: a job here, without a server.

use std::collections::BTreeMap;

use super::shell::Shell;
use crate::world::{deadline::until, repository::Repository};

const FILE: &str = r#"
variable "url" { default = "/nowhere" }
variable "mark" { default = "" }
variable "password" {
  secret "env" { key = "PASSWORD" }
}
resource "git" "app" {
  params { url = var.url }
}
service_type "thing" {
  start "shell" { cmd = "true" }
  stop "shell" { cmd = "echo stopped >> ${var.mark}" }
}
job "test" {
  get "git" "app" { trigger = true }
  service "thing" {}
  task "show" {
    run "shell" { cmd = "cat app/text; echo \"$BUILD_PIPELINE_NAME $BUILD_NUMBER $BUILD_TEAM_NAME\"" }
  }
  put "git" "app" {}
}
job "bad" {
  task "fail" {
    run "shell" { cmd = "echo going wrong >&2; exit 3" }
  }
}
job "long" {
  service "thing" {}
  task "wait" {
    run "shell" { cmd = "echo waiting; sleep 600" }
  }
}
job "secret" {
  task "show" {
    env = { PASSWORD = var.password }
    run "shell" { cmd = "echo \"it is $PASSWORD.\"" }
  }
}
"#;

fn shell() -> Shell {
    let shell = Shell::new();
    shell.write("My Pipeline.hcl", FILE);
    shell.write("app/text", "from the directory\n");
    shell
}

fn run<'a>(job: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--pipeline-config", "My Pipeline.hcl", "--job", job][..], more].concat()
}

#[test]
fn a_directory_stands_for_a_resource_and_puts_are_skipped() {
    let shell = shell();
    let mark = format!("mark={}/mark", shell.dir().display());
    let said = shell.expect(0, &run("test", &["--resource", "git.app=app", "--var", &mark]));
    assert!(said.out.contains("from the directory\nmy-pipeline 1 main\n"), "{}", said.out);
    assert!(
        said.out.contains("==> [task] show") && said.out.contains("skipped") && said.out.contains("✓ test"),
        "{}",
        said.out
    );
    assert_eq!(std::fs::read_to_string(shell.dir().join("mark")).unwrap(), "stopped\n");
}

#[test]
fn without_a_directory_the_newest_version_is_fetched() {
    let shell = shell();
    let files = BTreeMap::from([("text".to_owned(), "from git\n".to_owned())]);
    let repository = Repository::new(shell.dir(), "upstream", &files);
    let (url, mark) =
        (format!("url={}", repository.bare.display()), format!("mark={}/mark", shell.dir().display()));
    shell.write(
        "more.hcl",
        &FILE.replace("params { url = var.url }", "params {\n    url  = var.url\n    name = \"app\"\n  }"),
    );
    let said = shell.expect(0, &["run", "-p", "more.hcl", "-j", "test", "--var", &url, "--var", &mark]);
    assert!(said.out.contains("from git\nmore 1 main\n"), "{}", said.out);
}

#[test]
fn a_check_is_heard_and_a_service_speaks_before_it_is_stopped() {
    let shell = shell();
    shell.write(
        "heard.hcl",
        r#"
resource_type "loud" {
  check "shell" { cmd = "echo looking around >&2; echo '[{\"n\":\"1\"}]'" }
  pull "shell" { cmd = "true" }
}
resource "loud" "one" {}
resource "git" "none" {
  params { url = "/nowhere/at/all" }
}
service_type "speaker" {
  process "exec" {
    path = "/bin/sh"
    args = ["-c", "trap 'echo last words; exit 0' TERM; while :; do sleep 0.05; done"]
  }
}
job "listen" {
  get "loud" "one" {}
  service "speaker" {}
  task "t" {
    run "exec" { path = "true" }
  }
}
job "fetch" {
  get "git" "none" {}
}
"#,
    );
    let said = shell.expect(0, &["run", "-p", "heard.hcl", "-j", "listen"]);
    assert!(said.out.contains("[check] loud.one\nlooking around\n==> "), "{}", said.out);
    let at = |text: &str| said.out.find(text).unwrap_or_else(|| panic!("{text}: {}", said.out));
    assert!(at("last words") < at("service speaker is stopped"), "{}", said.out);
    let said = shell.expect(1, &["run", "-p", "heard.hcl", "-j", "fetch"]);
    assert!(said.out.contains("[check] git.none\nfatal: '/nowhere/at/all'"), "{}", said.out);
}

#[test]
fn a_job_that_fails_a_job_that_is_not_there_a_file_that_is_wrong() {
    let shell = shell();
    let said = shell.expect(1, &run("bad", &[]));
    assert!(said.out.contains("going wrong") && said.out.contains("✗ bad"), "{}", said.out);
    let said = shell.expect(2, &run("bed", &[]));
    assert!(said.err.contains("\"bed\"") && said.err.contains("bad"), "{}", said.err);
    shell.write("wrong.hcl", "jobb \"x\" {}\n");
    shell.expect(2, &["run", "-p", "wrong.hcl", "-j", "x"]);
}

#[test]
fn an_interrupt_stops_services_and_gives_130() {
    let shell = shell();
    let mark = format!("mark={}/mark", shell.dir().display());
    let running = shell.start(&run("long", &["--var", &mark]));
    running.until("waiting");
    running.signal("INT");
    let (code, _) = running.end();
    assert_eq!(code, 130);
    until("the stop", || {
        (std::fs::read_to_string(shell.dir().join("mark")).ok()? == "stopped\n").then_some(())
    });
}

#[test]
fn a_second_interrupt_does_not_wait_for_a_stop_that_hangs() {
    let shell = shell();
    let pipeline = "service_type \"stuck\" {\n  start \"exec\" { path = \"true\" }\n  stop \"exec\" {\n    path = \"sleep\"\n    args = [\"9\"]\n  }\n}\n\
                    job \"hung\" {\n  service \"stuck\" {}\n  task \"t\" {\n    run \"shell\" { cmd = \"echo waiting; sleep 60\" }\n  }\n}\n";
    shell.write("hung.hcl", pipeline);
    let running = shell.start(&["run", "-p", "hung.hcl", "-j", "hung"]);
    running.until("waiting");
    running.signal("INT");
    running.until("stuck:stop");
    running.signal("INT");
    let (code, said) = running.end();
    assert_eq!(code, 130);
    assert!(!said.iter().any(|line| line.contains("cancelled in")), "it waited for the stop: {said:?}");
}

#[test]
fn a_given_value_replaces_a_secret_and_is_one() {
    let shell = shell();
    let said = shell.expect(0, &run("secret", &["--var", "password=hunter2-hunter2"]));
    assert!(said.out.contains("it is ***.") && !said.out.contains("hunter2"), "{}", said.out);
    let said = shell.expect(1, &run("secret", &["--no-secrets"]));
    assert!(said.out.contains("R103") || said.err.contains("R103"), "{said:#?}");
}

#[test]
fn a_dry_run_runs_nothing() {
    let shell = shell();
    let said = shell.expect(0, &run("bad", &["--dry-run"]));
    assert!(said.out.contains("[task] fail") && !said.out.contains("going wrong"), "{}", said.out);
}

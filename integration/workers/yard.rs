//! A server without a worker, and workers that only know its broker.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
};

use crate::world::{
    api::Api,
    deadline::until,
    processes::{Kin, none_left},
    program::{MARK, Server, Start, command, fresh_mark, run},
    servers::address,
};

pub const SECRET: &str = "of this installation, long enough";
const PASSWORD: &str = "correct horse";
const PIPELINE: &str = r#"
variable "dir" { type = "string" }
service_type "standing" {
  process "exec" {
    path = "/bin/sh"
    args = ["-ec", "touch up; exec sleep 1000"]
  }
  ready_check "exec" {
    path     = "test"
    args     = ["-e", "up"]
    interval = "50ms"
    timeout  = "30s"
  }
}
job "wait" {
  service "standing" {}
  task "go" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", "touch ${var.dir}/began; while [ ! -e ${var.dir}/go ]; do sleep 0.05; done"]
    }
  }
}
"#;

pub struct Yard {
    pub api: Api,
    server: Option<Server>,
    workers: BTreeMap<String, Child>,
    mark: String,
    home: tempfile::TempDir,
}

/// How this broker is reached, as an installation of its own.
pub fn flags(system: &str, flag: &str, variable: &str) -> Vec<String> {
    vec![
        format!("--pubsub-system={system}"),
        format!("--{flag}={}", address(variable)),
        format!("--queue-prefix=yard-{}", fresh_mark()),
    ]
}

impl Yard {
    pub fn open(flags: &[String]) -> Self {
        Self::open_with(PIPELINE, flags, &[])
    }

    /// With another pipeline, and flags of the server alone.
    pub fn open_with(text: &str, flags: &[String], of_server: &[String]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let pipeline = home.path().join("yard.hcl");
        fs::write(&pipeline, text).unwrap();
        let mark = fresh_mark();
        let mut start = Start::new(home.path()).args(&[
            &format!("--admin-password={PASSWORD}"),
            &format!("--jwt-secret={SECRET}"),
            &format!("--pipeline-config={}", pipeline.display()),
            &format!("--var=dir={}", home.path().display()),
            "--run-worker=false",
            "--lease=15s",
            "--renew-interval=1s",
        ]);
        start.args.extend(flags.iter().chain(of_server).cloned());
        start.mark.clone_from(&mark);
        let mut server = start.server();
        PASSWORD.clone_into(&mut server.password);
        Self { api: server.api(), server: Some(server), workers: BTreeMap::new(), mark, home }
    }

    /// What the server said a worker needs.
    pub fn token(&self) -> String {
        until("the worker token in the server's log", || {
            let log = self.server.as_ref()?.log();
            let (_, rest) = log.split_once("worker token: ")?;
            Some(rest.split_whitespace().next()?.to_owned())
        })
    }

    /// A token that was made without asking the server.
    pub fn made_with(&self, secret: &str, more: &[&str]) -> String {
        let secret = format!("--jwt-secret={secret}");
        let output = run(self.home.path(), &[&["worker-token", &secret], more].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn worker(&mut self, name: &str, token: &str, flags: &[String]) {
        let said = fs::File::create(self.log_of(name)).unwrap();
        let home = self.home.path();
        let worker = command(home)
            .args(["worker", "--name", name])
            .arg(format!("--state-dir={}", home.join(name).join("state").display()))
            .arg(format!("--work-dir={}", home.join(name).join("work").display()))
            .args(flags)
            .env("WORKER_TOKEN", token)
            .env(MARK, &self.mark)
            .stdout(said.try_clone().unwrap())
            .stderr(Stdio::from(said))
            .spawn()
            .unwrap();
        self.workers.insert(name.to_owned(), worker);
    }

    pub fn online(&self) -> usize {
        let workers = self.api.get("/workers").body;
        let workers = workers["data"].as_array().unwrap();
        workers.iter().filter(|worker| worker["state"] == "online").count()
    }

    /// `kill -9`.
    pub fn kill(&mut self, name: &str) {
        let mut worker = self.workers.remove(name).unwrap();
        worker.kill().unwrap();
        worker.wait().unwrap();
    }

    pub fn until_said(&self, worker: &str, words: &str) {
        until(&format!("\"{words}\" in the log of {worker}"), || {
            fs::read_to_string(self.log_of(worker)).unwrap().contains(words).then_some(())
        });
    }

    /// Waits until none of these is alive.
    pub fn none_left(&self, kin: Kin) {
        none_left(&self.mark, kin);
    }

    pub fn until_server_said(&self, words: &str) {
        until(&format!("\"{words}\" in the server's log"), || {
            self.server.as_ref()?.log().contains(words).then_some(())
        });
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.home.path().join(file)
    }

    fn log_of(&self, worker: &str) -> PathBuf {
        self.home.path().join(format!("{worker}.log"))
    }

    /// Everything ends in order, and nothing is left.
    pub fn close(mut self) {
        for (name, worker) in &mut self.workers {
            let mut kill = std::process::Command::new("kill");
            assert!(kill.args(["-TERM", &worker.id().to_string()]).status().unwrap().success());
            until(&format!("the end of worker {name}"), || worker.try_wait().unwrap());
        }
        let server = self.server.take().unwrap();
        server.signal("TERM");
        let (status, log) = server.wait();
        assert!(status.success() && !log.contains("panicked"), "{status}\n{log}");
        self.workers.clear();
        none_left(&self.mark, Kin::All);
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        for (name, worker) in &mut self.workers {
            // Already over, perhaps.
            let _ = worker.kill();
            let _ = worker.wait();
            if thread::panicking() {
                let log = Path::new(self.home.path()).join(format!("{name}.log"));
                eprintln!("--- worker {name} said ---\n{}", fs::read_to_string(log).unwrap_or_default());
            }
        }
    }
}

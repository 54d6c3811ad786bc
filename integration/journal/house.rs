//! A server with a database of its own, a job with three services, and a record of what they did.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use serde_json::json;

use crate::world::{
    api::Api,
    deadline::until,
    processes::{Kin, kill_below, none_left},
    program::{MARK, Server, Start, command, fresh_mark, run},
};

const PASSWORD: &str = "correct horse";

/// Three services that leave a process behind, and a task that does not end.
const PIPELINE: &str = r#"
service_type "daemon" {
  start "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo started >> LOG; setsid sleep 1000 < /dev/null > /dev/null 2>&1 & echo $! > $SERVICE_NAME.pid"]
  }
  stop "exec" {
    path = "/bin/sh"
    args = ["-c", "STOP"]
  }
}
job "j" {
  service "daemon" "one" {}
  service "daemon" "two" {}
  service "daemon" "three" {}
  task "long" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", "echo task >> LOG; exec sleep 1000"]
    }
  }
}
"#;

/// A host: everything that a server and its worker leave on it.
pub struct House {
    place: tempfile::TempDir,
    mark: String,
}

impl House {
    /// With a pipeline whose services stop with this shell line.
    pub fn new(stop: &str) -> Self {
        let house = Self { place: tempfile::tempdir().unwrap(), mark: fresh_mark() };
        let log = house.path("log").display().to_string();
        let pipeline = PIPELINE.replace("STOP", stop).replace("LOG", &log);
        fs::write(house.path("p.hcl"), pipeline).unwrap();
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub fn start(&self) -> Server {
        let (db, work) = (self.path("db"), self.path("work"));
        let args = ["--db-system", "sqlite", "--db-name", db.to_str().unwrap(), "--admin-password", PASSWORD];
        let places = ["--pipeline-config", "p.hcl", "--work-dir", work.to_str().unwrap()];
        let start = Start::new(self.place.path()).args(&args).args(&places);
        Start { mark: self.mark.clone(), ..start }.server()
    }

    pub fn api(server: &Server) -> Api {
        Api::login(&server.url, "admin", PASSWORD)
    }

    /// Starts the job and waits until all its services stand.
    pub fn build(&self, server: &Server) -> Api {
        let api = Self::api(server);
        let before = self.count("task");
        let answer = api.post("/api/v1/teams/main/pipelines/p/jobs/j/trigger", &json!({}));
        assert!(answer.status < 300, "{}", answer.body);
        until("the job's task", || (self.count("task") > before).then_some(()));
        api
    }

    /// How often this word was written.
    pub fn count(&self, word: &str) -> usize {
        self.words().iter().filter(|line| *line == word).count()
    }

    pub fn words(&self) -> Vec<String> {
        fs::read_to_string(self.path("log")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    pub fn wait_for(&self, word: &str, times: usize) {
        until(&format!("{word} {times} times"), || (self.count(word) >= times).then_some(()));
    }

    /// A command of the program that looks at this host's journal.
    pub fn journal(&self, args: &[&str]) -> Output {
        let state = self.path("state").display().to_string();
        let mut all = args.to_vec();
        all.extend(["--state-dir", state.as_str()]);
        run(self.place.path(), &all)
    }

    pub fn pending(&self) -> bool {
        let output = self.journal(&["doctor"]);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output));
        output.status.code() == Some(1)
    }

    /// The same job without a server.
    pub fn local_run(&self) -> Child {
        let state = format!("--state-dir={}", self.path("state").display());
        command(self.place.path())
            .args(["run", "--pipeline-config", "p.hcl", "--job", "j", &state])
            .env(MARK, &self.mark)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// As [`House::kill_all`], of a local run.
    pub fn kill_helpers_of(run: &mut Child) {
        let pid = i32::try_from(run.id()).unwrap();
        assert!(Command::new("kill").args(["-STOP", &pid.to_string()]).status().unwrap().success());
        assert!(kill_below(pid, "pikoci-nursery") > 0);
        assert!(kill_below(pid, "pikoci-shim") > 0);
        run.kill().unwrap();
        run.wait().unwrap();
    }

    /// Worker, nursery and shims are killed together: the worker is held still so that it rescues nothing meanwhile.
    pub fn kill_all(server: Server) {
        server.signal("STOP");
        let pid = server.pid();
        assert!(kill_below(pid, "pikoci-nursery") > 0);
        // They are below the worker still: it takes what a dead nursery leaves.
        assert!(kill_below(pid, "pikoci-shim") > 0);
        server.signal("KILL");
        let _ = server.wait();
    }

    pub fn nothing_is_left(&self) {
        none_left(&self.mark, Kin::All);
    }
}

pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

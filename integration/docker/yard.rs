//! A server whose containers are watched.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::engine::Engine;
use crate::world::{
    api::{Api, build_path},
    deadline::until,
    processes::{Kin, none_left},
    program::{Server, Start, fresh_mark},
};

/// An engine and a server that uses it, with one pipeline.
pub struct Yard {
    // Fields are dropped in this order: the server before what it works with.
    server: Option<Server>,
    api: Option<Api>,
    pub engine: Engine,
    pipeline: String,
    mark: String,
    dir: PathBuf,
    _home: TempDir,
}

impl Yard {
    /// Starts both; `door` says at which socket the server finds the engine.
    pub fn open(pipeline: &str, door: impl FnOnce(&Engine) -> String) -> Self {
        let engine = Engine::start();
        engine.import_images();
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("dir");
        fs::create_dir(&dir).unwrap();
        let mut start =
            Start::new(home.path()).args(&["--db-system", "mem", "--admin-password", "correct horse"]);
        start.args.push("--concurrency=4".to_owned());
        start.env =
            vec![("DOCKER_HOST".to_owned(), door(&engine)), ("CI_SECRET_TOKEN".to_owned(), TOKEN.to_owned())];
        start.mark = fresh_mark();
        let mark = start.mark.clone();
        let mut server = start.server();
        "correct horse".clone_into(&mut server.password);
        let api = server.api();
        let (pipeline, server, api) = (pipeline.to_owned(), Some(server), Some(api));
        let yard = Self { server, api, engine, pipeline, mark, dir, _home: home };
        yard.save();
        yard
    }

    fn save(&self) {
        let files = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docker/files"));
        let text = fs::read_to_string(files.join(format!("{}.hcl", self.pipeline))).unwrap();
        let vars = json!({ "dir": self.dir.to_string_lossy() });
        let body = json!({ "name": self.pipeline, "config": BASE64_STANDARD.encode(text), "vars": vars });
        let answer = self.api().post("/api/v1/teams/main/pipelines", &body);
        assert!(answer.status < 300, "{} {:#}", answer.status, answer.body);
    }

    fn api(&self) -> &Api {
        self.api.as_ref().unwrap()
    }

    pub fn trigger(&self, job: &str) {
        let path = format!("/api/v1/teams/main/pipelines/{}/jobs/{job}/trigger", self.pipeline);
        let answer = self.api().post(&path, &json!({}));
        assert!(answer.status < 300, "{job}: {} {:#}", answer.status, answer.body);
    }

    pub fn cancel(&self, build: &str) {
        let path = format!("{}/cancel", build_path(&self.pipeline, build));
        assert!(self.api().post(&path, &json!({})).status < 300, "cancel of {build}");
    }

    /// Waits for a build's end, which must be this one.
    pub fn ends(&self, build: &str, status: &str) -> Value {
        let done = self.api().done(&self.pipeline, build);
        let log = self.log(build, "0");
        assert_eq!(done["status"], status, "{build}: {}\n{log}\n{:#}", done["error"], done["services"]);
        done
    }

    pub fn log(&self, build: &str, step: &str) -> String {
        self.api().log(&self.pipeline, build, step)
    }

    /// Waits until a step's log contains a text.
    pub fn says(&self, build: &str, step: &str, text: &str) {
        until(&format!("{text:?} in the log of {build}"), || {
            self.api().build(&self.pipeline, build)?;
            self.log(build, step).contains(text).then_some(())
        });
    }

    /// Lets builds go on that wait for this file.
    pub fn give(&self, file: &str) {
        fs::write(self.dir.join(file), "").unwrap();
    }

    /// Takes it away again.
    pub fn take(&self, file: &str) {
        fs::remove_file(self.dir.join(file)).unwrap();
    }

    /// Whether a build has made this file.
    pub fn has(&self, file: &str) -> bool {
        self.dir.join(file).exists()
    }

    /// Waits until the engine has no container but these.
    pub fn holds_only(&self, names: &[&str]) {
        until(&format!("no containers but {names:?}"), || (self.engine.containers() == names).then_some(()));
    }

    /// `kill -9` of the server with its worker; nothing that it started stays.
    pub fn kill(&mut self) {
        let server = self.server.take().unwrap();
        self.api = None;
        server.signal("KILL");
        server.wait();
        none_left(&self.mark, Kin::All);
    }

    /// Ends in order, with nothing left.
    pub fn close(mut self) {
        let server = self.server.take().unwrap();
        server.signal("TERM");
        let (status, log) = server.wait();
        assert!(status.success(), "{status}\n{log}");
        assert!(!log.contains(TOKEN), "the server's log shows the secret:\n{log}");
        none_left(&self.mark, Kin::All);
        self.holds_only(&[]);
    }
}

/// A secret of the worker.
pub const TOKEN: &str = "sesame-open-container";

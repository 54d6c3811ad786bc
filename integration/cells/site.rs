//! A server and its worker, on one database and one broker.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
};

use super::{
    broker::Broker,
    database::{Database, Place},
};
use crate::world::{
    api::Api,
    deadline::until,
    processes::{Kin, none_left},
    program::{MARK, Server, Start, command, fresh_mark},
    repository::Repository,
};

const PASSWORD: &str = "correct horse";
const SECRET: &str = "of this installation, long enough";

pub struct Site {
    broker: Broker,
    prefix: String,
    mark: String,
    server: Option<Server>,
    worker: Option<Worker>,
    api: Option<Api>,
    token: String,
    // Removed last, when nobody uses them any more.
    place: Place,
    repository: Repository,
    home: tempfile::TempDir,
}

/// `pikoci worker`, and where what it says goes.
struct Worker {
    process: Child,
    log: PathBuf,
}

impl Site {
    /// Starts everything; the pipeline is there, and its first push.
    pub fn open(database: Database, broker: Broker) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("dir")).unwrap();
        let words = BTreeMap::from([("words".to_owned(), "some words\n".to_owned())]);
        let repository = Repository::new(home.path(), "app", &words);
        let mark = fresh_mark();
        // Unique also among test runs on servers that stay.
        let prefix = format!("cell_{}", mark.replace('-', "_"));
        let place = Place::new(database, &prefix);
        let (server, worker, api, token) = (None, None, None, String::new());
        let mut site = Self { broker, prefix, mark, server, worker, api, token, place, repository, home };
        site.start_server();
        if broker != Broker::Local {
            site.start_worker();
        }
        site
    }

    pub fn api(&self) -> &Api {
        self.api.as_ref().unwrap()
    }

    /// A file that the pipeline knows.
    pub fn path(&self, file: &str) -> PathBuf {
        self.home.path().join("dir").join(file)
    }

    /// Starts the worker; one that is inside comes with its server.
    pub fn start_worker(&mut self) {
        if self.broker == Broker::Local {
            self.start_server();
            return;
        }
        let log = self.home.path().join("worker.log");
        let said = fs::File::options().create(true).append(true).open(&log).unwrap();
        let state = self.home.path().join("worker-state");
        let process = command(self.home.path())
            .args(["worker", "--name=cell", "--concurrency=2"])
            .arg(format!("--state-dir={}", state.display()))
            .args(self.broker.flags(&self.prefix))
            .env("WORKER_TOKEN", &self.token)
            .env(MARK, &self.mark)
            .stdout(said.try_clone().unwrap())
            .stderr(Stdio::from(said))
            .spawn()
            .unwrap();
        self.worker = Some(Worker { process, log });
    }

    /// `kill -9` of what runs the builds.
    pub fn kill_worker(&mut self) {
        match self.worker.take() {
            Some(mut worker) => {
                worker.process.kill().unwrap();
                worker.process.wait().unwrap();
            }
            None => self.end_server("KILL"),
        }
    }

    /// Another process takes the server's place: the old one is killed when builds run elsewhere, else it hands them back.
    pub fn replace_server(&mut self) {
        self.end_server(if self.worker.is_some() { "KILL" } else { "TERM" });
        self.start_server();
    }

    /// Everything ends in order, and nothing is left.
    pub fn close(mut self) {
        if let Some(mut worker) = self.worker.take() {
            signal(&worker.process, "TERM");
            let status = until("the worker's end", || worker.process.try_wait().unwrap());
            assert!(status.success(), "the worker ended with {status}");
            sane(&fs::read_to_string(&worker.log).unwrap());
        }
        self.end_server("TERM");
        none_left(&self.mark, Kin::All);
    }

    fn start_server(&mut self) {
        let home = self.home.path();
        let pipeline = Path::new(env!("CARGO_MANIFEST_DIR")).join("cells/story.hcl");
        let mut start = Start::new(home).args(&[
            &format!("--admin-password={PASSWORD}"),
            &format!("--jwt-secret={SECRET}"),
            &format!("--pipeline-config={}", pipeline.display()),
            &format!("--var=dir={}", home.join("dir").display()),
            &format!("--var=app_url={}", self.repository.bare.display()),
            "--lease=15s",
            "--renew-interval=1s",
            "--concurrency=2",
        ]);
        start.args.extend(self.place.flags(home));
        start.args.extend(self.broker.flags(&self.prefix));
        if self.broker != Broker::Local {
            start.args.push("--run-worker=false".to_owned());
        }
        start.mark.clone_from(&self.mark);
        let mut server = start.server();
        PASSWORD.clone_into(&mut server.password);
        if self.broker != Broker::Local {
            self.token = until("the worker token in the server's log", || token(&server.log()));
        }
        self.api = Some(server.api());
        self.server = Some(server);
    }

    fn end_server(&mut self, how: &str) {
        let server = self.server.take().unwrap();
        server.signal(how);
        let (status, log) = server.wait();
        assert!(how == "KILL" || status.success(), "the server ended with {status}\n{log}");
        sane(&log);
    }
}

/// What a server without a worker says at its start.
fn token(log: &str) -> Option<String> {
    let (_, rest) = log.split_once("worker token: ")?;
    Some(rest.split_whitespace().next()?.to_owned())
}

fn sane(log: &str) {
    assert!(!log.contains("panicked"), "{log}");
}

fn signal(process: &Child, name: &str) {
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args([format!("-{name}"), process.id().to_string()]).status().unwrap().success());
}

impl Drop for Site {
    fn drop(&mut self) {
        let Some(worker) = &mut self.worker else { return };
        // Already over, perhaps.
        let _ = worker.process.kill();
        let _ = worker.process.wait();
        if thread::panicking() {
            eprintln!("--- the worker said ---\n{}", fs::read_to_string(&worker.log).unwrap_or_default());
        }
    }
}

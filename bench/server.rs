//! The program, started on directories of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{Bench, Fallible, client::Client, vanish};

/// A server that does not end in this time is killed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory with a pipeline, and perhaps the database of an earlier start.
pub struct Home {
    dir: TempDir,
}

/// A running server. Ended when dropped.
pub struct Server {
    child: Child,
    /// From the start to the ready line.
    pub took: Duration,
    url: String,
    password: String,
}

impl Home {
    /// An empty one, with this pipeline.
    pub fn new(bench: &Bench, pipeline: &str) -> Fallible<Self> {
        let dir = tempfile::Builder::new().prefix("pikoci-bench-").tempdir_in(&bench.dir)?;
        fs::write(dir.path().join("bench.hcl"), pipeline)?;
        Ok(Self { dir })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Starts a server here, on SQLite, with two slots.
    pub fn start(&self, bench: &Bench) -> Fallible<Server> {
        self.start_with(bench, &["--concurrency", "2", "--db-system", "sqlite", "--db-name", "data.db"])
    }

    /// Starts a server with this pipeline and these arguments beside those that keep it in this directory.
    pub fn start_with(&self, bench: &Bench, args: &[&str]) -> Fallible<Server> {
        let mut command = self.command(bench, "server", "")?;
        command.args(["--listen", "127.0.0.1:0", "--pipeline-config", "bench.hcl"]).args(args);
        let began = Instant::now();
        let child = command.stdout(Stdio::piped()).spawn();
        let child = child.map_err(|error| format!("{}: {error}", bench.program.display()))?;
        let mut server = Server { child, took: Duration::ZERO, url: String::new(), password: String::new() };
        self.wait_until_ready(&mut server, began)?;
        Ok(server)
    }

    /// The program with this command and nothing of the environment; what it keeps lies at `place` in this directory.
    pub fn command(&self, bench: &Bench, name: &str, place: &str) -> Fallible<Command> {
        let log = fs::File::options().create(true).append(true).open(self.path().join("server.log"))?;
        let mut command = Command::new(&bench.program);
        command.arg(name);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let place = self.path().join(place);
        for (name, part) in [
            ("HOME", ""),
            ("XDG_DATA_HOME", "data"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", "cache"),
        ] {
            command.env(name, place.join(part));
        }
        command.arg("--work-dir").arg(place.join("work")).arg("--state-dir").arg(place.join("state"));
        command.current_dir(self.path()).stdin(Stdio::null()).stderr(log);
        Ok(command)
    }

    fn wait_until_ready(&self, server: &mut Server, began: Instant) -> Fallible<()> {
        let out = server.child.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(out).lines();
        while server.url.is_empty() {
            let Some(line) = lines.next().transpose()? else {
                let said = fs::read_to_string(self.path().join("server.log")).unwrap_or_default();
                return Err(format!("the server did not start:\n{said}").into());
            };
            if let Some((_, password)) = line.split_once("password: ") {
                server.password = password.trim().to_owned();
                // Kept for later starts on the same database, which generate none.
                fs::write(self.path().join("password"), &server.password)?;
            }
            if let Some(at) = line.find("http://") {
                server.took = began.elapsed();
                server.url = line[at..].split_whitespace().next().unwrap_or_default().to_owned();
            }
        }
        // Whatever it says later is read, so that it never waits for us.
        thread::spawn(move || lines.for_each(drop));
        if server.password.is_empty() {
            server.password = fs::read_to_string(self.path().join("password")).unwrap_or_default();
        }
        Ok(())
    }
}

impl Server {
    /// A client that has logged in.
    pub fn client(&self) -> Fallible<Client> {
        Client::login(&self.url, "admin", &self.password)
    }

    /// The server's process and those below it.
    pub fn processes(&self) -> Vec<u32> {
        let mut found = vec![self.child.id()];
        let mut at = 0;
        while at < found.len() {
            found.extend(children(found[at]));
            at += 1;
        }
        found
    }

    /// Stops it in order.
    pub fn stop(mut self) -> Fallible<()> {
        let gone = vanish::watch(self.child.id())?;
        vanish::terminate(&gone)?;
        vanish::wait(&[gone], PATIENCE)?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(PathBuf::from(format!("/proc/{pid}/task")));
    let tasks = tasks.into_iter().flatten().filter_map(Result::ok);
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // After a failed measure nobody asks how it ended.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

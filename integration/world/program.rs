//! The program under test: the binary that `cargo build` made.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
};

use super::{
    api::Api,
    deadline::{PATIENCE, until},
};

/// Marks every process of one test, so that what is left can be found.
pub const MARK: &str = "SCENARIO_MARK";

/// Where the binary is: beside the test's own.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    let binary = target.join("pikoci");
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build` first (integration/test does)",
        binary.display()
    );
    binary
}

/// A command of the program, with an environment that does not depend on who runs the test.
pub fn command(home: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin")));
    command.env("HOME", home).env("LANG", "C.UTF-8").stdin(Stdio::null()).current_dir(home);
    command
}

/// Runs a command of the program to its end.
pub fn run(home: &Path, args: &[&str]) -> Output {
    command(home).args(args).output().unwrap()
}

/// A running server.
pub struct Server {
    child: Child,
    pub url: String,
    pub password: String,
    log: Arc<Mutex<String>>,
}

/// How a server is started.
pub struct Start<'a> {
    pub home: &'a Path,
    pub args: Vec<String>,
    pub mark: String,
    pub env: Vec<(String, String)>,
}

impl<'a> Start<'a> {
    /// On a free port of loopback, in memory.
    pub fn new(home: &'a Path) -> Self {
        let state = format!("--state-dir={}", home.join("state").display());
        let args = ["--listen", "127.0.0.1:0", "--min-check-interval", "1s", state.as_str()];
        Self { home, args: args.map(str::to_owned).into(), mark: fresh_mark(), env: Vec::new() }
    }

    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|a| (*a).to_owned()));
        self
    }

    /// Starts it and waits until it answers.
    pub fn server(self) -> Server {
        let mut child = command(self.home)
            .arg("server")
            .args(&self.args)
            .env(MARK, &self.mark)
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        keep(child.stderr.take().unwrap(), Arc::clone(&log), None);
        let (lines, spoken) = mpsc::channel();
        keep(child.stdout.take().unwrap(), Arc::clone(&log), Some(lines));
        let mut server = Server { child, url: String::new(), password: String::new(), log };
        while server.url.is_empty() {
            let line = spoken
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("the server did not start:\n{}", server.log()));
            if let Some((_, password)) = line.split_once("password: ") {
                server.password = password.trim().to_owned();
            }
            if let Some(at) = line.find("http://") {
                server.url = line[at..].split_whitespace().next().unwrap().to_owned();
            }
        }
        server
    }
}

/// Unique for each start of a test, also over concurrent test runs.
pub fn fresh_mark() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("m{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn keep(stream: impl Read + Send + 'static, log: Arc<Mutex<String>>, lines: Option<mpsc::Sender<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Ok(mut log) = log.lock() {
                log.push_str(&line);
                log.push('\n');
            }
            // Nobody listens after the start; the stream is still read so that the server never blocks.
            let _ = lines.as_ref().map(|lines| lines.send(line));
        }
    });
}

impl Server {
    /// Its API, logged in as the admin.
    pub fn api(&self) -> Api {
        Api::login(&self.url, "admin", &self.password)
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Sends a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = until("the server's end", || self.child.try_wait().unwrap());
        (status, self.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if thread::panicking() {
            eprintln!("--- the server said ---\n{}", self.log());
        }
    }
}

//! The program under test, as a server with a worker inside.

use std::{
    ffi::CString,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{net::UnixDatagram, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, atomic::AtomicBool, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Fallible,
    kernel::{self, Held, syncs},
    kin::{MARK, Mark},
};

/// Longer no start takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// How it is started.
#[derive(Clone)]
pub struct Start {
    pub program: PathBuf,
    pub home: PathBuf,
    /// State, work and database; more than one server may live in a yard.
    pub name: String,
    pub flags: Vec<String>,
    pub mark: Mark,
    /// The groups it is put into, beside the mark's.
    pub groups: Vec<PathBuf>,
    /// Which user it runs as, if not ours.
    pub user: Option<u32>,
    /// Where it finds a container engine.
    pub engine: Option<String>,
    /// A file that it finds in place of the kernel's boot id.
    pub boot: Option<PathBuf>,
    /// Whose state directory it uses, if not its own.
    pub state_of: Option<String>,
    /// The file that cuts off its worker while it is there.
    pub cable: Option<PathBuf>,
    /// Whether `fsync` fails in its state directory; none if the kernel alone decides that.
    pub syncs_fail: Option<Arc<AtomicBool>>,
}

/// A running server.
pub struct Server {
    child: Child,
    held: Held,
    pub pid: i32,
    pub url: String,
    /// Of the first admin, at the first start.
    pub password: Option<String>,
}

impl Start {
    pub fn state(&self) -> PathBuf {
        let name = self.state_of.as_ref().unwrap_or(&self.name);
        self.home.join(format!("{name}-state"))
    }

    pub fn database(&self) -> PathBuf {
        self.home.join(format!("{}.db", self.name))
    }

    pub fn work(&self) -> PathBuf {
        self.home.join(format!("{}-work", self.name))
    }

    /// Runs the program beside the server, on its state directory, to its end.
    ///
    /// # Errors
    /// It fails: what it said.
    pub fn run_beside(&self, args: &[&str]) -> Fallible<()> {
        let mut command = self.plain_command();
        command.args(args).arg("--state-dir").arg(self.state());
        let ledger = self.home.join("beside/events");
        let runs_a_job = args.first() == Some(&"run");
        if runs_a_job {
            command.arg("--var").arg(format!("dir={}", self.home.join("beside").display()));
        }
        self.before_exec(&mut command)?;
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
        let output = output.map_err(|error| error.to_string())?;
        let words = fs::read_to_string(ledger).unwrap_or_default();
        if output.status.success() && (!runs_a_job || words.contains("stopped ")) {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("{}: {}: {}{words}", args.join(" "), output.status, String::from_utf8_lossy(&said)))
    }

    /// Starts it and waits until it answers.
    pub fn server(&self) -> Fallible<Server> {
        let mut command = self.command()?;
        let socket = self.syncs_fail.is_some().then(|| hand_over_syncs(&mut command)).transpose()?;
        self.before_exec(&mut command)?;
        let mut child = command.spawn().map_err(|e| format!("{}: {e}", self.program.display()))?;
        if let Some((socket, failing)) = socket.zip(self.syncs_fail.clone()) {
            let text = |error: std::io::Error| format!("no answers in the kernel's place: {error}");
            let (listener, state) = (syncs::take_over(&socket).map_err(text)?, self.state());
            thread::spawn(move || syncs::answer(&listener, &state, &failing));
        }
        let spoken = listen(child.stdout.take().ok_or("no standard output")?);
        let pid = i32::try_from(child.id()).map_err(|error| error.to_string())?;
        let held = Held::open(pid).ok_or("the server ended at once")?;
        let mut server = Server { child, held, pid, url: String::new(), password: None };
        let deadline = Instant::now() + PATIENCE;
        while server.url.is_empty() {
            let Ok(line) = spoken.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                return Err(format!("the server did not start:\n{}", self.said()));
            };
            if let Some((_, password)) = line.split_once("password: ") {
                server.password = Some(password.trim().to_owned());
            }
            if let Some(at) = line.find("http://") {
                server.url = line[at..].split_whitespace().next().unwrap_or_default().to_owned();
            }
        }
        Ok(server)
    }

    /// What its last lines on standard error are.
    pub fn said(&self) -> String {
        let said = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Cuts the worker off, if it can be.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn pull_cable(&self) -> Fallible<()> {
        let made = self.cable.as_ref().map(|cable| fs::write(cable, "")).transpose();
        made.map(drop).map_err(|error| error.to_string())
    }

    /// And connects it again.
    pub fn mend_cable(&self) {
        if let Some(cable) = &self.cable {
            let _ = fs::remove_file(cable);
        }
    }

    fn log(&self) -> PathBuf {
        self.home.join(format!("{}.log", self.name))
    }

    fn command(&self) -> Fallible<Command> {
        let text = |error: std::io::Error| error.to_string();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log()).map_err(text)?;
        let mut command = self.plain_command();
        command.args(["server", "--listen", "127.0.0.1:0", "--db-system", "sqlite", "--concurrency", "64"]);
        command.args(["--pipeline-config", "faults.hcl", "--name", &self.name]);
        command.arg("--var").arg(format!("dir={}", self.home.join("scripts").display()));
        command.arg("--state-dir").arg(self.state()).arg("--db-name").arg(self.database());
        command.arg("--work-dir").arg(self.work());
        command.args(&self.flags).stdout(Stdio::piped()).stderr(log);
        // With the harness's group it could become an orphan, and the kernel lets stopped members of those go on.
        command.process_group(0);
        if let Some(cable) = &self.cable {
            command.arg("--fault").arg(format!("cut-while={}", cable.display()));
        }
        Ok(command)
    }

    fn plain_command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
        command.env("HOME", &self.home).env("LANG", "C.UTF-8").env(MARK, &self.mark.name);
        command.envs(self.engine.iter().map(|engine| ("DOCKER_HOST", engine)));
        command.current_dir(&self.home).stdin(Stdio::null());
        command
    }

    /// Control groups, mounts and user, in the only order that works.
    fn before_exec(&self, command: &mut Command) -> Fallible<()> {
        let groups = self.mark.group.iter().chain(&self.groups);
        let open = |group: &PathBuf| fs::OpenOptions::new().write(true).open(group.join("cgroup.procs"));
        let groups: Result<Vec<fs::File>, _> = groups.map(open).collect();
        let groups = groups.map_err(|error| format!("control group of the yard: {error}"))?;
        let boot = self.boot.as_deref().map(|file| covers(file, Path::new(BOOT_ID))).transpose()?;
        let user = self.user;
        let prepare = move || {
            for mut group in &groups {
                group.write_all(b"0")?;
            }
            if let Some((file, over)) = &boot {
                kernel::own_mounts()?;
                kernel::lay_over(file, over)?;
            }
            user.map_or(Ok(()), kernel::become_user)
        };
        // SAFETY: between fork and exec only system calls are made; nothing is allocated and no lock is taken.
        unsafe { command.pre_exec(prepare) };
        Ok(())
    }
}

/// Before a user is given up: only root may answer in the kernel's place.
fn hand_over_syncs(command: &mut Command) -> Fallible<UnixDatagram> {
    let (ours, theirs) = UnixDatagram::pair().map_err(|error| error.to_string())?;
    // SAFETY: between fork and exec only system calls are made; nothing is allocated and no lock is taken.
    unsafe { command.pre_exec(move || syncs::hand_over(&theirs)) };
    Ok(ours)
}

fn covers(file: &Path, over: &Path) -> Fallible<(CString, CString)> {
    let text = |error: std::io::Error| error.to_string();
    Ok((kernel::c_path(file).map_err(text)?, kernel::c_path(over).map_err(text)?))
}

fn listen(stream: ChildStdout) -> mpsc::Receiver<String> {
    let (lines, spoken) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // Nobody listens after the start; the stream is still read so that the server never blocks.
            let _ = lines.send(line);
        }
    });
    spoken
}

impl Server {
    /// Signals it, unless it has ended and was waited for.
    pub fn signal(&self, number: i32) {
        self.held.signal(number);
    }

    /// Waits for its end; none if it does not come.
    pub fn end(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                _ => return None,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

//! A broker or database of `integration/backends`, killed and started again with what it was started with.

use std::{
    ffi::OsString,
    fs, io,
    net::TcpStream,
    os::unix::{ffi::OsStringExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Fallible, kernel::Held};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One that this run may kill.
#[derive(Debug)]
pub struct Backend {
    dir: PathBuf,
    name: &'static str,
    place: String,
}

/// How a process was started.
struct Started {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: PathBuf,
    user: u32,
    group: u32,
}

impl Backend {
    /// The one that `integration/backends up` started with this directory.
    pub fn new(backends: &Path, name: &'static str, place: &str) -> Self {
        Self { dir: backends.join(name), name, place: place.to_owned() }
    }

    /// Kills it, waits, and starts it again on the data that it had; returns when it takes calls.
    ///
    /// # Errors
    /// It does not run, or does not come back.
    pub fn kill_and_restart(&self, pause: Duration) -> Fallible<()> {
        let leader = self.leader().ok_or_else(|| format!("{} does not run", self.name))?;
        let started = Started::read(leader).map_err(|error| format!("{}: {error}", self.name))?;
        // A postmaster that is killed leaves its servers, which the next one must not meet: it kills them itself.
        let number = if self.name == "postgresql" { libc::SIGQUIT } else { libc::SIGKILL };
        let members: Vec<Held> = session(leader).into_iter().filter_map(Held::open).collect();
        members.iter().for_each(|member| member.signal(number));
        wait_for("its end", || !members.iter().any(Held::is_alive))
            .map_err(|e| format!("{}: {e}", self.name))?;
        thread::sleep(pause);
        self.start(&started).map_err(|error| format!("{}: {error}", self.name))?;
        wait_for("its return", || TcpStream::connect(&self.place).is_ok())
            .map_err(|e| format!("{}: {e}", self.name))
    }

    fn leader(&self) -> Option<i32> {
        let note = fs::read_to_string(self.dir.join("process")).ok()?;
        let (pid, born_at) = note.trim().split_once(' ')?;
        let pid = pid.parse().ok()?;
        (born(pid)? == born_at).then_some(pid)
    }

    fn start(&self, started: &Started) -> io::Result<()> {
        let log = fs::OpenOptions::new().append(true).open(self.dir.join("log"))?;
        let (program, rest) = started.arguments.split_first().ok_or(io::ErrorKind::NotFound)?;
        let mut command = Command::new(program);
        command.args(rest).env_clear().envs(started.environment.iter().cloned());
        command.current_dir(&started.directory).uid(started.user).gid(started.group);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // SAFETY: between fork and exec one system call is made.
        unsafe {
            command.pre_exec(|| match libc::setsid() {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
        let mut child = command.spawn()?;
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        fs::write(self.dir.join("process"), format!("{pid} {}\n", born(pid).unwrap_or_default()))?;
        // Reaped when the next fault kills it.
        thread::spawn(move || child.wait());
        Ok(())
    }
}

impl Started {
    fn read(pid: i32) -> io::Result<Self> {
        let of = |file: &str| PathBuf::from(format!("/proc/{pid}/{file}"));
        let words = |file: &str| -> io::Result<Vec<Vec<u8>>> {
            let text = fs::read(of(file))?;
            Ok(text.split(|byte| *byte == 0).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect())
        };
        let environment = words("environ")?.into_iter().filter_map(|word| {
            let at = word.iter().position(|byte| *byte == b'=')?;
            let (name, value) = word.split_at(at);
            Some((OsString::from_vec(name.to_vec()), OsString::from_vec(value.get(1..)?.to_vec())))
        });
        let status = fs::read_to_string(of("status"))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok())
                .ok_or(io::ErrorKind::InvalidData)
        };
        Ok(Self {
            arguments: words("cmdline")?.into_iter().map(OsString::from_vec).collect(),
            environment: environment.collect(),
            directory: fs::read_link(of("cwd"))?,
            user: number("Uid:")?,
            group: number("Gid:")?,
        })
    }
}

/// The processes of a session, by its leader.
fn session(leader: i32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| field(*pid, 3).is_some_and(|session| session == leader.to_string())).collect()
}

fn born(pid: i32) -> Option<String> {
    field(pid, 19)
}

/// A field of a process's state, counted from the one after its name.
fn field(pid: i32, number: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(number).map(str::to_owned)
}

fn wait_for(what: &str, happened: impl Fn() -> bool) -> Fallible<()> {
    let deadline = Instant::now() + PATIENCE;
    while !happened() {
        if Instant::now() > deadline {
            return Err(format!("{what} did not come"));
        }
        thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

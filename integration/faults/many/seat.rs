//! A place for a server or a worker: its links stay while processes come and go.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::proxy::Proxy;
use crate::{Fallible, kin::MARK};

/// Longer no orderly end takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Lines that tell why a process has ended.
const LAST: usize = 60;

/// A place.
#[derive(Debug)]
pub struct Seat {
    /// The word that all its processes' names begin with.
    pub name: String,
    pub program: PathBuf,
    pub home: PathBuf,
    /// How its processes are marked.
    pub mark: String,
    /// What all its processes are started with.
    pub arguments: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
    /// Whether each process has a name, a state and a directory of its own.
    pub is_worker: bool,
    pub broker: Proxy,
    pub database: Option<Proxy>,
    taken: AtomicBool,
    sitting: Mutex<Sitting>,
}

#[derive(Debug, Default)]
struct Sitting {
    generation: u32,
    process: Option<Child>,
}

impl Seat {
    /// An empty place.
    pub fn new(name: String, broker: Proxy, database: Option<Proxy>) -> Self {
        Self {
            name,
            program: PathBuf::new(),
            home: PathBuf::new(),
            mark: String::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            is_worker: false,
            broker,
            database,
            taken: AtomicBool::new(false),
            sitting: Mutex::default(),
        }
    }

    /// Takes it for one fault; false if another has it.
    pub fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::SeqCst)
    }

    pub fn give_back(&self) {
        self.taken.store(false, Ordering::SeqCst);
    }

    /// What the process that sits here is called.
    pub fn called(&self) -> String {
        self.call(self.sitting().generation)
    }

    /// Starts a process; a fresh one knows nothing of those before it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&self, fresh: bool) -> Fallible<()> {
        let mut sitting = self.sitting();
        sitting.generation += u32::from(fresh);
        let called = self.call(sitting.generation);
        let text = |error: std::io::Error| format!("{called}: {error}");
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.home.join("log")).map_err(text)?;
        let mut command = Command::new(&self.program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
        command.env("HOME", &self.home).env(MARK, &self.mark).envs(self.environment.iter().cloned());
        command.args(&self.arguments).current_dir(&self.home).stdin(Stdio::null());
        if self.is_worker {
            command.arg(format!("--name={called}"));
            command.arg(format!("--state-dir={}", self.home.join(format!("{called}-state")).display()));
            command.arg(format!("--work-dir={}", self.home.join(format!("{called}-work")).display()));
        }
        command.stdout(log.try_clone().map_err(text)?).stderr(log);
        sitting.process = Some(command.spawn().map_err(text)?);
        Ok(())
    }

    /// Signals the process.
    pub fn signal(&self, number: i32) {
        if let Some(process) = &self.sitting().process
            && let Ok(pid) = i32::try_from(process.id())
        {
            // Not waited for yet, so the number is still its own.
            crate::kernel::Held::open(pid).iter().for_each(|held| held.signal(number));
        }
    }

    /// `kill -9`.
    pub fn kill(&self) {
        if let Some(mut process) = self.sitting().process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts the process again if it has ended by itself, and says how it ended.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn revive(&self) -> Fallible<Option<ExitStatus>> {
        let ended = self.sitting().process.as_mut().and_then(|process| process.try_wait().ok().flatten());
        if ended.is_some() {
            self.start(false)?;
        }
        Ok(ended)
    }

    /// Waits for the process's end in order, which it was asked for.
    ///
    /// # Errors
    /// It does not end, or badly, or has ended before.
    pub fn end(&self) -> Fallible<()> {
        let deadline = Instant::now() + PATIENCE;
        let called = self.called();
        while Instant::now() < deadline {
            let mut sitting = self.sitting();
            let process = sitting.process.as_mut().ok_or_else(|| format!("{called} was not there"))?;
            match process.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("{called} ended with {status}")),
                Ok(None) => {}
                Err(error) => return Err(format!("{called}: {error}")),
            }
            drop(sitting);
            thread::sleep(LOOK_AGAIN);
        }
        Err(format!("{called} did not end"))
    }

    /// Everything that its processes said.
    pub fn said(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }

    /// The last lines of it.
    pub fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(LAST)..].join("\n")
    }

    fn call(&self, generation: u32) -> String {
        format!("{}-{generation}", self.name)
    }

    fn sitting(&self) -> MutexGuard<'_, Sitting> {
        self.sitting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.kill();
    }
}

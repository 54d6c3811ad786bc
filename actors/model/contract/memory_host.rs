//! A host in memory: launcher and workplace over the same files, with programs of its own.
//!
//! | program | what it does |
//! |---|---|
//! | `true`, `false`, `exit N` | ends with 0, 1, N |
//! | `say WORDS`, `complain WORDS` | prints a line on standard output or error and ends with 0 |
//! | `show NAME` | prints `NAME=value` of its environment |
//! | `export KEY=VALUE` | adds a line to `$PIKOCI_OUTPUT` |
//! | `touch PATH`, `has PATH` | makes a file below WORKDIR; ends with 0 if it exists |
//! | `fail-before N WORDS` | says the words and ends with 1 before attempt N, with 0 from then on |
//! | `hang` | runs until it is terminated |
//!
//! What happens is written down in order ([`MemoryHost::story`]); whoever waits for a line is woken by it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    FutureExt,
    channel::oneshot,
    future::{BoxFuture, Shared, pending},
};

use crate::{
    id::InstanceId,
    log::{Chunk, Stream},
    outcome::Ended,
    port::{
        Captured, EndedStop, Item, LaunchError, Launcher, Process, ProcessEnd, ServiceEnd, ServiceLaunch,
        Spawn, WorkItem, Workdir, Workplace, WorkplaceError,
    },
    text::SecretValue,
};

/// See the module. Cloning shares the host.
#[derive(Clone, Default)]
pub struct MemoryHost(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    story: Vec<String>,
    waiting: Vec<(String, oneshot::Sender<()>)>,
    workdirs: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, Vec<u8>>,
    slots: BTreeMap<String, BTreeSet<u32>>,
    directories: u64,
    ports: u16,
    engine: bool,
    programs: BTreeSet<String>,
}

impl MemoryHost {
    /// A host without a container engine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a container engine answers.
    pub fn set_engine(&self, answers: bool) {
        self.state().engine = answers;
    }

    /// Installs a program, for `find_program`.
    pub fn install(&self, name: &str) {
        self.state().programs.insert(name.to_owned());
    }

    /// What happened, in order.
    pub fn story(&self) -> Vec<String> {
        self.state().story.clone()
    }

    /// Work directories that exist.
    pub fn workdirs(&self) -> usize {
        self.state().workdirs.len()
    }

    /// Resolves once a line of the story is `line`, now or later.
    pub async fn happens(&self, line: &str) {
        let wait = {
            let mut state = self.state();
            if state.story.iter().any(|told| told == line) {
                return;
            }
            let (wake, wait) = oneshot::channel();
            state.waiting.push((line.to_owned(), wake));
            wait
        };
        // A host that is dropped never tells it; then nobody waits either.
        let _ = wait.await;
    }

    fn tell(&self, line: String) {
        let mut state = self.state();
        let (woken, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.waiting).into_iter().partition(|(l, _)| *l == line);
        state.waiting = rest;
        state.story.push(line);
        drop(state);
        for (_, wake) in woken {
            // A receiver that is gone does not wait any more.
            let _ = wake.send(());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Launcher for MemoryHost {
    async fn open(&self, item: Item) -> Result<Arc<dyn WorkItem>, LaunchError> {
        self.tell(format!("open {}", item.name));
        Ok(Arc::new(MemoryItem { host: self.clone(), item, state: Mutex::default() }))
    }
}

struct MemoryItem {
    host: MemoryHost,
    item: Item,
    state: Mutex<ItemState>,
}

#[derive(Default)]
struct ItemState {
    masked: Vec<SecretValue>,
    running: Vec<Arc<MemoryProcess>>,
    services: BTreeMap<InstanceId, (ServiceLaunch, Arc<MemoryProcess>)>,
    stopped: BTreeMap<InstanceId, ServiceEnd>,
}

impl MemoryItem {
    fn state(&self) -> MutexGuard<'_, ItemState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a program. Everything but `hang` has ended when this returns.
    fn run(&self, spawn: Spawn) -> Arc<MemoryProcess> {
        self.host.tell(format!("run {}#{}: {}", spawn.step, spawn.attempt, spawn.argv.join(" ")));
        let masked = self.state().masked.clone();
        let process = Arc::new(MemoryProcess::new(self.host.clone(), spawn.step.to_string()));
        let mut run = Run {
            host: &self.host,
            item: &self.item,
            spawn: &spawn,
            masked: &masked,
            captured: Captured::default(),
        };
        if let Some(ended) = run.execute() {
            process.end(ProcessEnd { ended, captured: run.captured, leaked_output: false, killed: 0 });
        }
        self.state().running.push(Arc::clone(&process));
        process
    }
}

#[async_trait]
impl WorkItem for MemoryItem {
    fn mask(&self, values: &[SecretValue]) {
        self.state().masked.extend_from_slice(values);
    }

    async fn spawn(&self, spawn: Spawn) -> Result<Arc<dyn Process>, LaunchError> {
        Ok(self.run(spawn))
    }

    async fn start_service(&self, launch: ServiceLaunch) -> Result<Arc<dyn Process>, LaunchError> {
        self.host.tell(format!("register {}", launch.name));
        let process = self.run(launch.start.clone());
        self.state().services.insert(launch.instance, (launch, Arc::clone(&process)));
        Ok(process)
    }

    async fn stop_service(&self, instance: InstanceId) -> ServiceEnd {
        if let Some(end) = self.state().stopped.get(&instance) {
            return end.clone();
        }
        let found = self.state().services.get(&instance).cloned();
        let none = ServiceEnd { tries: Vec::new(), process: None, killed: 0, stopped: true };
        let Some((launch, process)) = found else { return none };
        process.terminate(Duration::ZERO);
        let ended = process.wait().await.ended;
        let tries: Vec<EndedStop> = match &launch.stop {
            None => Vec::new(),
            Some(stop) => vec![EndedStop::Ended(self.run(stop.spawn.clone()).wait().await.ended)],
        };
        let stopped = tries.iter().all(|tried| *tried == EndedStop::Ended(Ended::Exited(0)));
        self.host.tell(format!("stopped {}", launch.name));
        let end = ServiceEnd { tries, process: Some(ended), killed: 0, stopped };
        self.state().stopped.insert(instance, end.clone());
        end
    }

    async fn close(&self) -> Result<(), Vec<Ended>> {
        let running = self.state().running.clone();
        running.iter().for_each(|process| process.terminate(Duration::ZERO));
        self.host.tell(format!("close {}", self.item.name));
        Ok(())
    }

    async fn lost(&self) {
        pending::<()>().await;
    }
}

/// Like a lost worker: what runs is ended, what is owed a stop is named in the story.
impl Drop for MemoryItem {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.running.iter().for_each(|process| process.terminate(Duration::ZERO));
        for (instance, (launch, _)) in state.services.iter().rev() {
            if !state.stopped.contains_key(instance) {
                self.host.tell(format!("stopped by loss {}", launch.name));
            }
        }
    }
}

type SharedEnd = Shared<BoxFuture<'static, Option<ProcessEnd>>>;

struct MemoryProcess {
    host: MemoryHost,
    step: String,
    ender: Mutex<Option<oneshot::Sender<ProcessEnd>>>,
    end: SharedEnd,
}

impl MemoryProcess {
    fn new(host: MemoryHost, step: String) -> Self {
        let (ender, end) = oneshot::channel::<ProcessEnd>();
        let end = end.map(Result::ok).boxed().shared();
        Self { host, step, ender: Mutex::new(Some(ender)), end }
    }

    /// The first end counts.
    fn end(&self, end: ProcessEnd) -> bool {
        let ender = self.ender.lock().unwrap_or_else(PoisonError::into_inner).take();
        ender.is_some_and(|ender| ender.send(end).is_ok())
    }
}

#[async_trait]
impl Process for MemoryProcess {
    async fn wait(&self) -> ProcessEnd {
        let lost = ProcessEnd {
            ended: Ended::ShimLost,
            captured: Captured::default(),
            leaked_output: false,
            killed: 0,
        };
        self.end.clone().await.unwrap_or(lost)
    }

    fn terminate(&self, _: Duration) {
        let ended = Ended::Signalled(15);
        if self.end(ProcessEnd { ended, captured: Captured::default(), leaked_output: false, killed: 0 }) {
            self.host.tell(format!("terminated {}", self.step));
        }
    }
}

struct Run<'a> {
    host: &'a MemoryHost,
    item: &'a Item,
    spawn: &'a Spawn,
    masked: &'a [SecretValue],
    captured: Captured,
}

impl Run<'_> {
    /// How the program ended; nothing for one that goes on.
    fn execute(&mut self) -> Option<Ended> {
        let program = self.spawn.argv.first().cloned().unwrap_or_default();
        let words = self.spawn.argv.get(1..).unwrap_or_default().join(" ");
        let code = match program.as_str() {
            "true" => 0,
            "false" => 1,
            "exit" => words.parse().unwrap_or(2),
            "hang" => return None,
            "say" => self.print(Stream::Out, &words),
            "complain" => self.print(Stream::Err, &words),
            "show" => {
                let value = self.spawn.env.get(&words).cloned().unwrap_or_else(|| "(unset)".to_owned());
                self.print(Stream::Out, &format!("{words}={value}"))
            }
            "export" => self.export(&words),
            "touch" => {
                self.host.state().files.insert(self.item.workdir.join(&words), Vec::new());
                0
            }
            "has" => i32::from(!self.host.state().files.contains_key(&self.item.workdir.join(&words))),
            "fail-before" => self.fail_before(&words),
            _ => return Some(Ended::NotFound { program, searched: "the host in memory".to_owned() }),
        };
        Some(Ended::Exited(code))
    }

    fn print(&mut self, stream: Stream, words: &str) -> i32 {
        if self.spawn.capture && stream == Stream::Out {
            self.captured.last_line = Some(words.as_bytes().to_vec());
        }
        if self.spawn.capture {
            self.captured.last_mixed_line = Some(words.as_bytes().to_vec());
        }
        let masked = self
            .masked
            .iter()
            .fold(format!("{words}\n"), |text, secret| text.replace(secret.reveal(), "***"));
        if let (Some(sink), false) = (&self.spawn.sink, self.spawn.hide_stdout && stream == Stream::Out) {
            let (step, attempt, bytes) = (self.spawn.step.clone(), self.spawn.attempt, Bytes::from(masked));
            sink.accept(Chunk { step, attempt, stream, offset: 0, line: 1, t: 0, bytes });
        }
        0
    }

    fn export(&self, words: &str) -> i32 {
        let Some(path) = self.spawn.env.get("PIKOCI_OUTPUT") else { return 1 };
        let mut state = self.host.state();
        let file = state.files.entry(PathBuf::from(path)).or_default();
        file.extend_from_slice(words.as_bytes());
        file.push(b'\n');
        0
    }

    fn fail_before(&mut self, words: &str) -> i32 {
        let (attempt, words) = words.split_once(' ').unwrap_or((words, ""));
        self.print(Stream::Out, words);
        i32::from(attempt.parse::<u32>().is_ok_and(|attempt| self.spawn.attempt < attempt))
    }
}

#[async_trait]
impl Workplace for MemoryHost {
    async fn make_workdir(&self) -> Result<Workdir, WorkplaceError> {
        let mut state = self.state();
        state.directories += 1;
        let path = PathBuf::from(format!("/work/{}", state.directories));
        state.workdirs.insert(path.clone());
        Ok(Workdir { path })
    }

    async fn remove_workdir(&self, workdir: &Workdir) -> Result<(), WorkplaceError> {
        let mut state = self.state();
        state.workdirs.remove(&workdir.path);
        state.files.retain(|path, _| !path.starts_with(&workdir.path));
        Ok(())
    }

    async fn make_service_data(&self, instance: InstanceId) -> Result<PathBuf, WorkplaceError> {
        Ok(PathBuf::from(format!("/data/{instance}")))
    }

    async fn cache_dir(
        &self,
        team: &str,
        pipeline: &str,
        canonical: &str,
    ) -> Result<PathBuf, WorkplaceError> {
        Ok(PathBuf::from(format!("/cache/{team}/{pipeline}/{canonical}")))
    }

    async fn lock_cache(&self, _: &Path) -> Box<dyn Send + Sync> {
        Box::new(())
    }

    async fn exists(&self, workdir: &Workdir, path: &str) -> bool {
        self.state().files.contains_key(&workdir.path.join(path))
    }

    async fn reset_file(&self, workdir: &Workdir, path: &str) -> Result<(), WorkplaceError> {
        self.state().files.insert(workdir.path.join(path), Vec::new());
        Ok(())
    }

    async fn read_file(
        &self,
        workdir: &Workdir,
        path: &str,
        limit: usize,
    ) -> Result<Vec<u8>, WorkplaceError> {
        let whole = self.state().files.get(&workdir.path.join(path)).cloned();
        match whole {
            None => Err(WorkplaceError::System { path: path.to_owned(), reason: "no such file".to_owned() }),
            Some(bytes) if bytes.len() > limit => {
                let (size, limit) = (bytes.len() as u64, limit as u64);
                Err(WorkplaceError::TooLarge { path: path.to_owned(), size, limit })
            }
            Some(bytes) => Ok(bytes),
        }
    }

    async fn private_file(
        &self,
        workdir: &Workdir,
        name: &str,
        content: &[u8],
        _: bool,
    ) -> Result<String, WorkplaceError> {
        let relative = format!(".pikoci/{name}");
        self.state().files.insert(workdir.path.join(&relative), content.to_vec());
        Ok(relative)
    }

    async fn build_slot(&self, job: &str) -> Result<(u32, Box<dyn Send + Sync>), WorkplaceError> {
        let mut state = self.state();
        let taken = state.slots.entry(job.to_owned()).or_default();
        let slot = (0..).find(|slot| !taken.contains(slot)).unwrap_or(0);
        taken.insert(slot);
        Ok((slot, Box::new(Slot { host: self.clone(), job: job.to_owned(), slot })))
    }

    async fn free_port(&self) -> Result<u16, WorkplaceError> {
        let mut state = self.state();
        state.ports += 1;
        Ok(40_000 + state.ports)
    }

    async fn engine_answers(&self) -> bool {
        self.state().engine
    }

    fn find_program(&self, name: &str) -> Option<PathBuf> {
        self.state().programs.contains(name).then(|| PathBuf::from(format!("/usr/bin/{name}")))
    }

    fn inherited_environment(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())])
    }

    fn secret_environment(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn program(&self) -> PathBuf {
        PathBuf::from("/usr/bin/pikoci")
    }
}

/// Gives its number back when dropped.
struct Slot {
    host: MemoryHost,
    job: String,
    slot: u32,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(taken) = self.host.state().slots.get_mut(&self.job) {
            taken.remove(&self.slot);
        }
    }
}

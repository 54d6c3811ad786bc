//! A launcher, items, commands, and a way to see whether processes live.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pikoci_exec::journal::StateDirectory;
use pikoci_exec::nursery::start_nursery;
use pikoci_exec::{LauncherSettings, NurseryLauncher};
use pikoci_model::id::{BuildId, Fence, InstanceId, StepPath};
use pikoci_model::log::{Chunk, Stream};
use pikoci_model::port::{
    Item, ItemBuild, Launcher, LogSink, ProcessEnd, ServiceLaunch, Spawn, StopCommand, WorkItem,
};

use crate::entry::NURSERY;

/// Whatever is waited for is there long before this.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// One state directory for all tests of a user: several launchers may share one.
pub fn settings() -> LauncherSettings {
    let user = nix::unistd::geteuid();
    settings_in(&std::env::temp_dir().join(format!("pikoci-exec-tests-{user}")))
}

pub fn settings_in(state: &Path) -> LauncherSettings {
    let state = Arc::new(StateDirectory::open(state).unwrap());
    LauncherSettings::new(std::str::from_utf8(NURSERY).unwrap(), state)
}

pub fn launcher() -> NurseryLauncher {
    launcher_with(settings())
}

pub fn launcher_with(settings: LauncherSettings) -> NurseryLauncher {
    let nursery = start_nursery(&settings.nursery_command).unwrap();
    NurseryLauncher::new(nursery, settings)
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it takes too long")
}

pub async fn open(launcher: &NurseryLauncher) -> Arc<dyn WorkItem> {
    let name = format!("t-{}", InstanceId(uuid::Uuid::now_v7()));
    within(launcher.open(Item { name, workdir: "/".into(), build: None })).await.unwrap()
}

/// The item of a build.
pub async fn open_build(launcher: &NurseryLauncher, number: i64) -> Arc<dyn WorkItem> {
    let build = ItemBuild {
        build: BuildId(number),
        fence: Fence::new(1, 7),
        run: 1,
        number: number.to_string(),
        job: "main/p/j".into(),
    };
    let item = Item { name: format!("b-{number}-1"), workdir: "/".into(), build: Some(build) };
    within(launcher.open(item)).await.unwrap()
}

/// Keeps what a log would get.
#[derive(Default)]
pub struct Kept(pub Mutex<Vec<Chunk>>);

impl LogSink for Kept {
    fn accept(&self, chunk: Chunk) {
        self.0.lock().unwrap().push(chunk);
    }
}

impl Kept {
    pub fn bytes(&self, stream: Stream) -> Vec<u8> {
        let chunks = self.0.lock().unwrap();
        chunks.iter().filter(|chunk| chunk.stream == stream).flat_map(|chunk| chunk.bytes.to_vec()).collect()
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.bytes(Stream::Out)).into_owned()
    }
}

pub fn command(argv: &[&str], sink: Option<&Arc<Kept>>) -> Spawn {
    let env = BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]);
    Spawn {
        step: StepPath::of_plan(0),
        attempt: 1,
        argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
        env,
        dir: "/".into(),
        files: Vec::new(),
        sink: sink.map(|sink| Arc::clone(sink) as Arc<dyn LogSink>),
        capture: true,
        hide_stdout: false,
    }
}

pub fn shell(script: &str, sink: Option<&Arc<Kept>>) -> Spawn {
    command(&["sh", "-c", script], sink)
}

pub async fn run(item: &Arc<dyn WorkItem>, spawn: Spawn) -> ProcessEnd {
    let process = within(item.spawn(spawn)).await.unwrap();
    within(process.wait()).await
}

pub fn service(start: &str, stop: &str, group: u32) -> ServiceLaunch {
    let stop = StopCommand {
        spawn: Spawn { step: StepPath::of_service("db", "stop"), ..shell(stop, None) },
        limit: Duration::from_secs(30),
        retries: vec![Duration::from_millis(50), Duration::from_millis(100)],
    };
    ServiceLaunch {
        instance: InstanceId(uuid::Uuid::now_v7()),
        name: "db".into(),
        service_type: "db".into(),
        by_identity: false,
        group,
        start: Spawn { step: StepPath::of_service("db", "start"), ..shell(start, None) },
        foreground: false,
        stop: Some(stop),
        data: None,
    }
}

/// A directory that any user can write to.
pub fn directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("pikoci-exec-").tempdir().unwrap()
}

/// A named pipe that processes hold open: its end proves that the last of them is dead.
pub struct Holders {
    pub path: PathBuf,
    reader: File,
    heard: Vec<u8>,
}

impl Holders {
    pub fn new(directory: &Path, name: &str) -> Self {
        let path = directory.join(name);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&path).unwrap();
        Self { path, reader, heard: Vec::new() }
    }

    /// A shell line after which the shell and all that it starts hold the pipe.
    pub fn hold(&self) -> String {
        format!("exec 9>{}", self.path.display())
    }

    /// Waits until this many lines were written to the pipe.
    pub fn wait_for_lines(&mut self, lines: usize) {
        self.wait("lines", |heard, _| heard.iter().filter(|byte| **byte == b'\n').count() >= lines);
    }

    /// Waits until this was written to the pipe.
    pub fn wait_for_text(&mut self, text: &str) {
        self.wait(text, |heard, _| String::from_utf8_lossy(heard).contains(text));
    }

    /// Waits until nobody holds the pipe.
    pub fn wait_until_gone(&mut self) {
        self.wait("the end of all holders", |_, ended| ended);
    }

    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    fn wait(&mut self, what: &str, done: impl Fn(&[u8], bool) -> bool) {
        let until = Instant::now() + DEADLINE;
        let mut ended = false;
        while !done(&self.heard, ended) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited too long for {what}; heard {}", self.heard());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            poll(&mut [PollFd::new(self.reader.as_fd(), PollFlags::POLLIN)], timeout).unwrap();
            let mut buffer = [0; 4096];
            match self.reader.read(&mut buffer) {
                Ok(0) => ended = true,
                Ok(length) => self.heard.extend_from_slice(&buffer[..length]),
                Err(_) => {}
            }
        }
    }
}

/// Processes whose parent is this one, with their names.
pub fn children_of(pid: i32) -> Vec<(i32, String)> {
    let mut found = Vec::new();
    for child in processes() {
        let Ok(stat) = fs::read_to_string(format!("/proc/{child}/stat")) else { continue };
        let Some((head, tail)) = stat.rsplit_once(')') else { continue };
        let name = head.split_once('(').map_or("", |(_, name)| name).to_owned();
        if tail.split_ascii_whitespace().nth(1) == Some(&pid.to_string()) {
            found.push((child, name));
        }
    }
    found
}

/// All processes that can be seen.
pub fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The sockets that a process holds, as far as this user may know.
pub fn sockets_of(pid: i32) -> Vec<PathBuf> {
    files_of(pid).into_iter().filter(|link| link.to_string_lossy().starts_with("socket:")).collect()
}

/// What a process has open, as far as this user may know.
pub fn files_of(pid: i32) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
}

/// Waits until no shim works on any item of a journal.
pub fn wait_for_shims(state: &Path) {
    let state = StateDirectory::open(state).unwrap();
    for item in state.items().unwrap() {
        state.item(&item).unwrap().open_lock().unwrap().wait_until_free().unwrap();
    }
}

/// The lines of a file, in alphabetical order.
pub fn in_order(path: &Path) -> Vec<String> {
    let mut lines = lines(path);
    lines.sort();
    lines
}

/// The lines of a file, none if it is not there.
pub fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

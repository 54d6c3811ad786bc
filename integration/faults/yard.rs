//! Where one cell is played: a directory, a server in it, builds that are held at the same gate.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    Fallible,
    canary::Canaries,
    cell::Cell,
    client::Client,
    course::Play,
    events::{Event, Ledger},
    fault::{Act, Twist},
    ground,
    host::Host,
    kernel::{self, Held},
    kin,
    kind::Kind,
    server::{Server, Start},
};

/// The gate at which the harness learns who is who.
pub const HELLO: &str = "hello";
/// Enough for a whole group of builds, twice.
const WORDS: usize = 800;
/// A full disk is small.
const DISK: u64 = 1 << 20;

/// A build that is played with.
#[derive(Debug)]
pub struct Build {
    pub kind: Kind,
    /// `job/number`.
    pub name: String,
    pub id: u64,
    pub shim: Option<Kin>,
}

/// A process of the program.
#[derive(Debug)]
pub struct Kin {
    pub pid: i32,
    pub held: Held,
}

/// The place.
pub struct Yard {
    pub cell: Cell,
    pub start: Start,
    pub ledger: Ledger,
    pub canaries: Canaries,
    pub server: Option<Server>,
    /// The host that has taken over.
    pub second: Option<Server>,
    pub client: Option<Client>,
    /// Of the first admin.
    password: Option<String>,
    pub builds: Vec<Build>,
    pub nursery: Option<Kin>,
    /// When who notes that stops have ended was killed.
    pub noters_killed: Option<Instant>,
    gates: BTreeMap<&'static str, File>,
    mounted: bool,
    freezer: Option<PathBuf>,
    dir: TempDir,
}

impl Yard {
    /// Prepares everything; nothing of the program runs yet.
    pub fn open(host: &Host, play: &Play) -> Fallible<Self> {
        let cell = play.cell;
        let text = |error: std::io::Error| error.to_string();
        let mut dir = tempfile::Builder::new().prefix("y").tempdir_in(&host.root).map_err(text)?;
        dir.disable_cleanup(host.keep);
        let user = ground::user(host, play);
        let mark = ground::mark(host, dir.path())?;
        let start = ground::start(host, &dir, mark.clone(), user, play);
        let mut yard = Self {
            cell,
            ledger: ground::lay_out(dir.path(), play, user, mark)?,
            // Who ends all processes of a user ends that user's bystanders too, rightly.
            canaries: Canaries::stand(&host.namesake, user.filter(|_| cell.fault.twist != Twist::OwnUser))?,
            start,
            server: None,
            second: None,
            client: None,
            password: None,
            builds: Vec::new(),
            nursery: None,
            noters_killed: None,
            gates: BTreeMap::new(),
            mounted: false,
            freezer: None,
            dir,
        };
        for gate in [Some(HELLO), cell.phase.gate()].into_iter().flatten() {
            let path = yard.scripts().join("gate").join(gate);
            kernel::make_pipe(&path).map_err(text)?;
            let open = OpenOptions::new().read(true).write(true).open(&path).map_err(text)?;
            yard.gates.insert(gate, open);
        }
        yard.prepare(host, user)?;
        Ok(yard)
    }

    /// What single faults need before the start.
    fn prepare(&mut self, host: &Host, user: Option<u32>) -> Fallible<()> {
        let text = |error: std::io::Error| error.to_string();
        let act = self.cell.fault.act;
        if act == Act::FullDisk {
            let state = self.start.state();
            fs::create_dir(&state).map_err(text)?;
            kernel::mount_memory(&state, DISK).map_err(text)?;
            self.mounted = true;
            ground::give(&state, user)?;
            fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).map_err(text)?;
        }
        if act == Act::Reboot {
            let boot = self.dir.path().join("boot_id");
            fs::write(&boot, "00000000-0000-4000-8000-000000000001\n").map_err(text)?;
            self.start.boot = Some(boot);
        }
        if act == Act::NoProcesses {
            let pids = host.pids.as_ref().ok_or("no control group limits processes here")?;
            let group = pids.join(&self.start.mark.name);
            fs::create_dir(&group).map_err(text)?;
            self.start.groups.push(group);
        }
        if let (Twist::Frozen, Some(freezer)) = (self.cell.fault.twist, &host.freezer) {
            let group = freezer.join(&self.start.mark.name);
            fs::create_dir(&group).map_err(text)?;
            self.freezer = Some(group);
        }
        if let (Act::Panic, Some(call)) = (act, self.cell.phase.panics_in()) {
            self.start.flags.extend(["--fault".to_owned(), format!("panic-in={call}")]);
        }
        Ok(())
    }

    pub fn scripts(&self) -> PathBuf {
        self.dir.path().join("scripts")
    }

    /// Starts the server, for the first time or again.
    pub fn up(&mut self) -> Fallible<()> {
        self.server = None;
        let server = self.start.server()?;
        self.password = server.password.clone().or_else(|| self.password.take());
        self.client = Some(match self.client.take() {
            Some(client) if self.cell.fault.twist != Twist::NewSecret => client.at(&server.url),
            _ => Client::login(&server.url, self.password.as_deref().unwrap_or_default())?,
        });
        self.server = Some(server);
        Ok(())
    }

    /// Stops the worker as the kernel does it: not even KILL ends it then.
    pub fn freeze_worker(&self) -> Fallible<()> {
        let (group, server) = self.freezer.as_ref().zip(self.server.as_ref()).ok_or("no freezer")?;
        let text = |error: std::io::Error| format!("{}: {error}", group.display());
        fs::write(group.join("cgroup.procs"), server.pid.to_string()).map_err(text)?;
        fs::write(group.join("freezer.state"), "FROZEN").map_err(text)
    }

    /// What waits for it happens now.
    pub fn thaw_worker(&self) {
        if let Some(group) = &self.freezer {
            // Where nothing is frozen nothing is to be done.
            let _ = fs::write(group.join("freezer.state"), "THAWED");
        }
    }

    /// Lets everybody pass a gate that is there, with a word.
    pub fn release(&self, gate: &str, word: &str) {
        if let Some(mut pipe) = self.gates.get(gate) {
            let _ = pipe.write_all(format!("{word}\n").repeat(WORDS).as_bytes());
        }
    }

    /// The same word for everybody who waits there now, and no more.
    pub fn release_once(&self, gate: &str, word: &str) {
        let held: usize = self.builds.iter().map(|build| build.kind.services().len()).sum();
        let count = if self.cell.phase.is_stopping() { held } else { self.builds.len() };
        if let Some(mut pipe) = self.gates.get(gate) {
            let _ = pipe.write_all(format!("{word}\n").repeat(count).as_bytes());
        }
    }

    /// As a new kernel has none.
    pub fn remove_groups_of_builds(&self) {
        let group = self.start.mark.group.as_deref().map(ground::entries).unwrap_or_default();
        group.iter().filter(|entry| entry.is_dir()).for_each(|below| ground::remove_groups(below));
    }

    /// Control groups of builds that are there.
    pub fn groups_left(&self) -> Vec<String> {
        let group = self.start.mark.group.as_deref().map(ground::entries).unwrap_or_default();
        let names = group.iter().filter(|entry| entry.is_dir()).filter_map(|entry| entry.file_name());
        names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with("b-")).collect()
    }

    /// Starts the builds, waits for their hello, and learns whose shim is whose.
    pub fn begin(&mut self, kinds: &[Kind]) -> Fallible<()> {
        let client = self.client.clone().ok_or("no server")?;
        for kind in kinds {
            let (name, id) = client.trigger(kind.name())?;
            self.builds.push(Build { kind: *kind, name, id, shim: None });
        }
        let all = |events: &[Event]| {
            self.builds.iter().all(|b| events.iter().any(|e| e.word == HELLO && e.build == b.name))
        };
        if !self.ledger.wait(Duration::from_secs(60), all) {
            return Err(format!("the builds did not begin:\n{}", self.start.said()));
        }
        let events = self.ledger.all();
        for build in &mut self.builds {
            let hello = events.iter().find(|e| e.word == HELLO && e.build == build.name);
            build.shim = hello.and_then(|hello| kin_above(hello.pid, "pikoci-shim"));
        }
        let shim = self.builds.iter().find_map(|build| build.shim.as_ref());
        self.nursery = shim.and_then(|shim| kin_above(shim.pid, "pikoci-nursery"));
        Ok(())
    }

    /// Opens every gate for good.
    pub fn open_gates(&self) {
        // Each is there in one phase, until it was opened.
        for hold in ["hold-started", "hold-process"] {
            let _ = fs::remove_file(self.scripts().join(hold));
        }
        self.gates.keys().for_each(|gate| self.release(gate, "go"));
    }

    /// The directories of the program's items.
    pub fn items(&self) -> Vec<PathBuf> {
        ground::entries(&self.start.state().join("items"))
    }

    /// Intents that stand.
    pub fn intents(&self) -> Vec<PathBuf> {
        let files = self.items().into_iter().flat_map(|item| ground::entries(&item));
        files.filter(|file| file.extension().is_some_and(|extension| extension == "intent")).collect()
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        self.thaw_worker();
        (self.server, self.second) = (None, None);
        self.open_gates();
        // What was left was counted before.
        self.start.mark.kill_all();
        for group in self.start.mark.group.iter().chain(&self.start.groups).chain(&self.freezer) {
            ground::remove_groups(group);
        }
        if self.mounted {
            kernel::unmount(&self.start.state());
        }
    }
}

fn kin_above(pid: i32, name: &str) -> Option<Kin> {
    let pid = kin::ancestor(pid, name)?;
    Some(Kin { pid, held: Held::open(pid)? })
}

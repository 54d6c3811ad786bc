//! A PostgreSQL of one test alone, which may be killed and comes back.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use crate::world::{deadline::until, ports};

pub struct OwnDatabase {
    dir: tempfile::TempDir,
    port: u16,
    stopped: Option<HowToStart>,
    again: Option<Child>,
}

/// The words it was started with, and who started it.
struct HowToStart {
    words: Vec<String>,
    user: u32,
    group: u32,
}

impl OwnDatabase {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let own = Self { dir, port: ports::free(), stopped: None, again: None };
        assert!(own.script("up").success(), "PostgreSQL does not start");
        own
    }

    /// Flags of a server that uses it.
    pub fn flags(&self) -> Vec<String> {
        ["--db-system=postgresql", "--db-host=127.0.0.1", "--db-user=postgres", "--db-name=postgres"]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("--db-port={}", self.port)])
            .collect()
    }

    /// Ends it without a last word to the disk.
    pub fn kill(&mut self) {
        let process = fs::read_to_string(self.dir.path().join("postgresql/process")).unwrap();
        let pid = process.split(' ').next().unwrap();
        let proc = Path::new("/proc").join(pid);
        let words = fs::read_to_string(proc.join("cmdline")).unwrap();
        let owner = fs::metadata(proc.join("stat")).unwrap();
        let words = words.split_terminator('\0').map(str::to_owned).collect();
        self.stopped = Some(HowToStart { words, user: owner.uid(), group: owner.gid() });
        signal(pid, "QUIT");
        until("the end of PostgreSQL", || {
            let stat = fs::read_to_string(proc.join("stat")).unwrap_or_default();
            let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
            (state.is_empty() || state.starts_with('Z')).then_some(())
        });
    }

    /// Starts it again on its data.
    pub fn come_back(&mut self) {
        let HowToStart { words, user, group } = self.stopped.take().unwrap();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).uid(user).gid(group).current_dir("/");
        self.again = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    fn script(&self, act: &str) -> ExitStatus {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("backends");
        let mut command = Command::new(script);
        command.env("BACKENDS_DIR", self.dir.path()).env("BACKENDS_PORT", self.port.to_string());
        command.args([act, "postgresql"]).stdout(Stdio::null()).status().unwrap()
    }
}

fn signal(pid: &str, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), pid]).status().unwrap().success());
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        match &mut self.again {
            Some(child) => {
                signal(&child.id().to_string(), "QUIT");
                // Its end is all that is wanted of it.
                let _ = child.wait();
            }
            None => drop(self.script("down")),
        }
    }
}

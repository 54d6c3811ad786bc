//! A container engine that nobody else uses.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::TempDir;

use crate::world::deadline::until;

/// Engines of one machine share its bridge: one at a time.
static ONE: Mutex<()> = Mutex::new(());

/// A running engine with a directory of its own; both are gone when it is dropped.
pub struct Engine {
    daemon: Child,
    home: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Engine {
    /// Starts it and waits until it answers.
    ///
    /// # Panics
    /// Without root, and where dockerd is missing.
    pub fn start() -> Self {
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let user = Command::new("id").arg("-u").output().unwrap().stdout;
        assert_eq!(user.trim_ascii(), b"0", "a container engine of the test's own needs root");
        let home = tempfile::tempdir().unwrap();
        let place = |name: &str| home.path().join(name).display().to_string();
        let log = fs::File::create(place("log")).unwrap();
        let daemon = Command::new("dockerd")
            .args(["--data-root", &place("data"), "--exec-root", &place("exec"), "-p", &place("pid")])
            .args(["-H", &format!("unix://{}", place("docker.sock"))])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("dockerd (package docker.io) does not start: {error}"));
        let engine = Self { daemon, home, _alone: alone };
        until("an answer of dockerd", || engine.docker(&["version"]).then_some(()));
        engine
    }

    /// Its directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.home.path().join("docker.sock")
    }

    /// As `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Runs the client; whether it succeeded.
    pub fn docker(&self, args: &[&str]) -> bool {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", self.host()).args(args).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    }

    /// What the client prints, a line each.
    pub fn list(&self, args: &[&str]) -> Vec<String> {
        let output = Command::new("docker").env("DOCKER_HOST", self.host()).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// The names of all containers, also of those that never ran.
    pub fn containers(&self) -> Vec<String> {
        self.list(&["ps", "--all", "--format", "{{.Names}}"])
    }

    /// Imports a directory as an image.
    pub fn import(&self, root: &Path, image: &str, command: &str) {
        let archive = self.home.path().join("image.tar");
        let packed =
            Command::new("tar").arg("-C").arg(root).arg("-cf").arg(&archive).arg(".").status().unwrap();
        assert!(packed.success());
        assert!(
            self.docker(&["import", "-c", command, &archive.display().to_string(), image]),
            "import of {image}"
        );
    }

    /// Imports `busybox:1.36` and a `redis:7` that takes clients from everywhere, both made of this machine's programs.
    pub fn import_images(&self) {
        let root = shell_root(self.home.path());
        self.import(&root, "busybox:1.36", "CMD [\"sh\"]");
        add_program(&root, "/usr/bin/redis-server");
        self.import(&root, "redis:7", "CMD [\"redis-server\",\"--protected-mode\",\"no\"]");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for container in self.containers() {
            self.docker(&["rm", "--force", "--volumes", &container]);
        }
        // TERM lets it unmount what it mounted.
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
    }
}

/// A file system with a shell.
fn shell_root(home: &Path) -> PathBuf {
    let root = home.join("root");
    for directory in ["bin", "tmp", "data", "usr/local/bin"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::copy("/usr/bin/busybox", root.join("bin/busybox")).unwrap();
    for name in [
        "sh", "cat", "echo", "sleep", "test", "sed", "printf", "env", "mkdir", "rm", "touch", "true", "false",
    ] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    root
}

/// Adds a program of this machine with the libraries that it is linked to.
fn add_program(root: &Path, program: &str) {
    let linked = Command::new("ldd").arg(program).output().unwrap();
    let libraries = String::from_utf8(linked.stdout).unwrap();
    let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
    for path in paths.chain([program]) {
        let target = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

//! Tasks and services in containers, with an engine of the test's own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::perform;
use crate::world::deadline::until;

/// A container engine that nobody else uses.
struct Engine {
    daemon: Child,
    home: TempDir,
}

impl Engine {
    fn start() -> Self {
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
        let engine = Self { daemon, home };
        until("an answer of dockerd", || engine.docker(&["version"]).then_some(()));
        engine
    }

    fn host(&self) -> String {
        format!("unix://{}", self.home.path().join("docker.sock").display())
    }

    fn docker(&self, args: &[&str]) -> bool {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", self.host()).args(args).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    }

    /// What the engine lists, a line each.
    fn list(&self, args: &[&str]) -> Vec<String> {
        let output = Command::new("docker").env("DOCKER_HOST", self.host()).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Imports a directory as an image.
    fn import(&self, root: &Path, image: &str, command: &str) {
        let archive = self.home.path().join("image.tar");
        let packed =
            Command::new("tar").arg("-C").arg(root).arg("-cf").arg(&archive).arg(".").status().unwrap();
        assert!(packed.success());
        assert!(
            self.docker(&["import", "-c", command, &archive.display().to_string(), image]),
            "import of {image}"
        );
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
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
    for name in ["sh", "cat", "echo", "sleep", "test", "sed", "printf", "env", "mkdir", "rm", "true", "false"]
    {
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

#[test]
fn tasks_and_services_run_in_containers_and_nothing_is_left() {
    let engine = Engine::start();
    let root = shell_root(engine.home.path());
    engine.import(&root, "busybox:1.36", "CMD [\"sh\"]");
    add_program(&root, "/usr/bin/redis-server");
    engine.import(&root, "redis:7", "CMD [\"redis-server\",\"--protected-mode\",\"no\"]");
    perform("docker", |script| {
        script.env.insert("DOCKER_HOST".to_owned(), engine.host());
    });
    assert_eq!(
        engine.list(&["ps", "-a", "--format", "{{.Names}} {{.Image}} {{.Status}}"]),
        Vec::<String>::new()
    );
}

//! A container engine of the harness's own, with images made of this machine's programs.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::Fallible;

const PATIENCE: Duration = Duration::from_secs(60);
const IMAGE: &str = "redis:7";

/// A running engine; it ends with everything in it when dropped.
pub struct Engine {
    daemon: Child,
    pub socket: PathBuf,
}

impl Engine {
    /// Starts it below a directory.
    ///
    /// # Errors
    /// What is missing here, in words for a table.
    pub fn start(root: &Path) -> Fallible<Self> {
        let home = root.join("engine");
        let text = |error: std::io::Error| format!("{}: {error}", home.display());
        fs::create_dir(&home).map_err(text)?;
        let log = fs::File::create(home.join("log")).map_err(text)?;
        let socket = home.join("docker.sock");
        let mut command = Command::new("dockerd");
        command.arg("--data-root").arg(home.join("data")).arg("--exec-root").arg(home.join("exec"));
        command.arg("-p").arg(home.join("pid")).arg("-H").arg(format!("unix://{}", socket.display()));
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(text)?).stderr(log);
        let daemon = command.spawn().map_err(|error| format!("no container engine: dockerd: {error}"))?;
        let engine = Self { daemon, socket };
        let deadline = Instant::now() + PATIENCE;
        while engine.docker(&["version"]).is_err() {
            if Instant::now() > deadline {
                return Err("no container engine: dockerd does not answer".to_owned());
            }
            thread::sleep(Duration::from_millis(50));
        }
        fs::set_permissions(&engine.socket, fs::Permissions::from_mode(0o666)).map_err(text)?;
        engine.import(&home)?;
        Ok(engine)
    }

    /// Runs the client; what it prints.
    ///
    /// # Errors
    /// It fails: what it said.
    pub fn docker(&self, args: &[&str]) -> Fallible<String> {
        let output = Command::new("docker").env("DOCKER_HOST", self.host()).args(args).output();
        let output = output.map_err(|error| format!("docker: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// As `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Containers of a service instance, those that never ran included.
    pub fn containers_of(&self, instance: &str) -> usize {
        let label = format!("label=pikoci.instance={instance}");
        let listed = self.docker(&["ps", "--all", "--quiet", "--filter", &label]).unwrap_or_default();
        listed.lines().count()
    }

    /// A redis with a shell, both of this machine, with what they are linked to.
    fn import(&self, home: &Path) -> Fallible<()> {
        let text = |error: std::io::Error| format!("image: {error}");
        let root = home.join("root");
        for directory in ["bin", "tmp", "data", "usr/local/bin"] {
            fs::create_dir_all(root.join(directory)).map_err(text)?;
        }
        fs::copy("/usr/bin/busybox", root.join("bin/busybox")).map_err(text)?;
        for name in ["sh", "cat", "echo", "sleep", "test"] {
            symlink("busybox", root.join("bin").join(name)).map_err(text)?;
        }
        let program = "/usr/bin/redis-server";
        let linked = Command::new("ldd").arg(program).output().map_err(text)?.stdout;
        let linked = String::from_utf8_lossy(&linked).into_owned();
        for path in linked.split_whitespace().filter(|word| word.starts_with('/')).chain([program]) {
            let target = root.join(path.trim_start_matches('/'));
            fs::create_dir_all(target.parent().unwrap_or(&root)).map_err(text)?;
            fs::copy(path, target).map_err(text)?;
        }
        let archive = home.join("image.tar");
        let packed = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status();
        packed.map_err(text)?;
        let command = "CMD [\"redis-server\",\"--protected-mode\",\"no\"]";
        self.docker(&["import", "-c", command, &archive.display().to_string(), IMAGE]).map(|_| ())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let left = self.docker(&["ps", "--all", "--quiet"]).unwrap_or_default();
        for container in left.lines() {
            // What cannot be removed ends with the engine's directory.
            let _ = self.docker(&["rm", "--force", "--volumes", container]);
        }
        // TERM lets it unmount what it mounted.
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
    }
}

//! What this machine can do for the harness.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Fallible, engine::Engine, helper, kernel, kind::Kind};

/// An ordinary user without a name: nobody else's processes run as it.
pub const ORDINARY: u32 = 54_321;

/// Where everything happens.
pub struct Host {
    /// The program under test, where every user may execute it.
    pub program: PathBuf,
    /// A program that only sleeps, called like the program's own processes.
    pub namesake: PathBuf,
    /// Below it everything is made.
    pub root: PathBuf,
    pub is_root: bool,
    /// Whether this process has mounts of its own.
    pub mounts: bool,
    /// The mount of control groups, version 2.
    pub groups: Option<PathBuf>,
    /// The mount of the version 1 controller that limits the number of processes.
    pub pids: Option<PathBuf>,
    /// The same of the one that freezes.
    pub freezer: Option<PathBuf>,
    /// A container engine that answers.
    pub engine: Option<Engine>,
    /// Whether yards stay for people to look at.
    pub keep: bool,
}

impl Host {
    /// Looks around. Call it before there is a second thread: it moves the process to mounts of its own.
    ///
    /// # Errors
    /// A program that cannot be copied.
    pub fn find(program: &Path, root: &Path) -> Fallible<Self> {
        let is_root = kernel::is_root();
        let mounts = is_root && kernel::own_mounts().is_ok();
        let copy = root.join("pikoci");
        fs::copy(program, &copy).map_err(|error| format!("{}: {error}", program.display()))?;
        let namesake = root.join("pikoci-shim");
        fs::copy("/bin/sleep", &namesake).map_err(|error| format!("/bin/sleep: {error}"))?;
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        fs::copy(own, root.join(helper::NAME)).map_err(|error| format!("{}: {error}", root.display()))?;
        let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let usable = |path: &PathBuf| is_root && can_make_groups(path);
        Ok(Self {
            program: copy,
            namesake,
            root: root.to_owned(),
            is_root,
            mounts,
            groups: mount_of(&table, "cgroup2", "").filter(usable),
            pids: mount_of(&table, "cgroup", "pids").filter(usable),
            engine: None,
            keep: false,
            freezer: mount_of(&table, "cgroup", "freezer").filter(usable),
        })
    }
}

impl Host {
    /// Why a kind of service cannot be had here.
    pub fn lacks(&self, kind: Kind) -> Option<&'static str> {
        let redis = || Path::new("/usr/bin/redis-server").exists();
        match kind {
            Kind::Docker if self.engine.is_none() => {
                Some("no container engine answers, or none was asked for")
            }
            Kind::Host if !redis() => Some("redis-server is not installed"),
            _ => None,
        }
    }
}

fn mount_of(table: &str, kind: &str, option: &str) -> Option<PathBuf> {
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        let (point, found, options) = (fields.get(1)?, fields.get(2)?, fields.get(3)?);
        let fits = *found == kind && (option.is_empty() || options.split(',').any(|o| o == option));
        fits.then(|| PathBuf::from(point))
    })
}

fn can_make_groups(mount: &Path) -> bool {
    let probe = mount.join(format!("pikoci-faults-probe-{}", std::process::id()));
    fs::create_dir(&probe).is_ok() && fs::remove_dir(&probe).is_ok()
}

//! Control groups (version 2), where this process may make some: they hold what even a reaper could lose, and end it
//! with one write.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use std::os::unix::fs::OpenOptionsExt;

/// The directory in which the groups of work items are made, beside the worker's own group and never inside it.
#[derive(Debug, Clone)]
pub struct Place(PathBuf);

impl Place {
    /// Finds where groups may be made, trying it. None is no fault: an ordinary user on a laptop has no such place.
    ///
    /// The group this process was put in is left for a new one below it, so that builds stand beside the worker. All
    /// processes of the worker must do this together, so it is called before there is more than one.
    pub fn find() -> Option<Self> {
        let mount = mount_point(&fs::read_to_string("/proc/self/mounts").ok()?)?;
        let own = own_group(&fs::read_to_string("/proc/self/cgroup").ok()?)?;
        let beside = own.strip_suffix("/worker").unwrap_or(&own);
        let place = mount.join(beside.trim_start_matches('/'));
        let probe = place.join(format!("probe-{}", std::process::id()));
        fs::create_dir(&probe).ok()?;
        let kills = probe.join("cgroup.kill").exists();
        fs::remove_dir(&probe).ok()?;
        if !kills {
            return None;
        }
        if own != "/" && beside == own {
            let worker = place.join("worker");
            let _ = fs::create_dir(&worker);
            fs::write(worker.join("cgroup.procs"), "0").ok()?;
        }
        Some(Self(place))
    }
}

impl Place {
    /// The directory of an item; with the number of its shim, so that what an earlier one left is in nobody's way.
    fn directory(&self, item: &str, shim: u32) -> PathBuf {
        self.0.join(format!("{item}.{shim}"))
    }

    /// Kills the steps of a dead shim. Its services are left for their stops.
    pub fn kill_steps_after(&self, item: &str, shim: u32) {
        let _ = fs::write(self.directory(item, shim).join("steps/cgroup.kill"), "1");
    }

    /// Ends and removes what a dead shim left of its groups. Says whether nothing of them is there any more.
    pub fn clear_after(&self, item: &str, shim: u32) -> bool {
        let directory = self.directory(item, shim);
        if !directory.exists() {
            return true;
        }
        let _ = fs::write(directory.join("cgroup.kill"), "1");
        remove(&directory);
        !directory.exists()
    }
}

fn mount_point(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (point, kind) = (fields.nth(1)?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(point))
    })
}

fn own_group(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// The two groups of one work item.
#[derive(Debug)]
pub struct ItemGroups {
    directory: PathBuf,
    steps: File,
    services: File,
}

impl ItemGroups {
    /// Makes them. `item` is fit for the name of a directory.
    pub fn make(place: &Place, item: &str) -> io::Result<Self> {
        let directory = place.directory(item, std::process::id());
        fs::create_dir(&directory)?;
        let made = make_both(&directory);
        if made.is_err() {
            remove(&directory);
        }
        let (steps, services) = made?;
        Ok(Self { directory, steps, services })
    }

    pub fn steps(&self) -> BorrowedFd<'_> {
        self.steps.as_fd()
    }

    pub fn services(&self) -> BorrowedFd<'_> {
        self.services.as_fd()
    }

    /// Kills every step, wherever it hid.
    pub fn kill_steps(&self) {
        let _ = fs::write(self.directory.join("steps/cgroup.kill"), "1");
    }

    /// Kills everything of the item.
    pub fn kill_all(&self) {
        let _ = fs::write(self.directory.join("cgroup.kill"), "1");
    }

    /// Whether a process is in one of them.
    pub fn populated(&self) -> bool {
        fs::read_to_string(self.directory.join("cgroup.events"))
            .is_ok_and(|text| text.contains("populated 1"))
    }
}

impl Drop for ItemGroups {
    fn drop(&mut self) {
        remove(&self.directory);
    }
}

fn make_both(directory: &Path) -> io::Result<(File, File)> {
    let make = |name: &str| {
        let path = directory.join(name);
        fs::create_dir(&path)?;
        OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(path)
    };
    Ok((make("steps")?, make("services")?))
}

/// Removes the groups, and those that a command may have made below them.
fn remove(directory: &Path) {
    for path in [directory.join("steps"), directory.join("services"), directory.to_owned()] {
        if fs::remove_dir(&path).is_err() {
            remove_below(&path);
        }
    }
}

fn remove_below(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
        }
    }
    let _ = fs::remove_dir(directory);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_version_is_found_beside_the_first() {
        let mounts =
            "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mount_point(mounts), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(own_group("8:pids:/a\n0::/b/c\n"), Some("/b/c".to_owned()));
        assert_eq!(own_group("8:pids:/a\n"), None);
    }
}

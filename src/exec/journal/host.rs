//! Which life of this host it is: after a restart of the machine no process of an earlier build exists.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

/// One life of the host, and the space of process numbers in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostLife {
    /// The kernel's random name of this life.
    pub boot: String,
    /// Inode of the process number namespace.
    pub pid_namespace: u64,
}

impl HostLife {
    /// This one.
    pub fn current() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let pid_namespace = fs::metadata("/proc/self/ns/pid").map(|about| about.ino()).unwrap_or_default();
        Self { boot: boot.trim().to_owned(), pid_namespace }
    }

    /// Whether a process number noted in the other life means the same process in this one.
    pub fn shares_processes_with(&self, other: &Self) -> bool {
        !self.boot.is_empty() && self == other
    }
}

//! The worker's host as steps see it: directories and files, ports, what is installed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use super::Spill;
use crate::id::InstanceId;

/// A work item's directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workdir {
    /// Absolute path; mode 0700, empty at first.
    pub path: PathBuf,
}

/// Touches the host for the engine. Every path that comes from a pipeline is relative, and stays below WORKDIR.
#[async_trait]
pub trait Workplace: Send + Sync + 'static {
    /// Makes a new, empty work directory.
    async fn make_workdir(&self) -> Result<Workdir, WorkplaceError>;
    /// Removes it, whatever is in it. A failure is reported, and left for later.
    async fn remove_workdir(&self, workdir: &Workdir) -> Result<(), WorkplaceError>;
    /// Makes an instance's data directory, outside WORKDIR, that another user can reach.
    async fn make_service_data(&self, instance: InstanceId) -> Result<PathBuf, WorkplaceError>;
    /// The persistent directory of a resource, made if missing.
    async fn cache_dir(&self, team: &str, pipeline: &str, canonical: &str)
    -> Result<PathBuf, WorkplaceError>;
    /// Waits for the exclusive use of a cache directory; given back when the guard is dropped.
    async fn lock_cache(&self, dir: &Path) -> Box<dyn Send + Sync>;
    /// Whether a path below WORKDIR exists. A link that leads outside does not count.
    async fn exists(&self, workdir: &Workdir, path: &str) -> bool;
    /// Makes an empty file below WORKDIR, emptying it if it exists.
    async fn reset_file(&self, workdir: &Workdir, path: &str) -> Result<(), WorkplaceError>;
    /// The content of a file below WORKDIR, at most `limit` bytes.
    async fn read_file(&self, workdir: &Workdir, path: &str, limit: usize)
    -> Result<Vec<u8>, WorkplaceError>;
    /// Writes a private file (0600) below WORKDIR's `.pikoci/`; gives its path relative to WORKDIR.
    async fn private_file(
        &self,
        workdir: &Workdir,
        name: &str,
        content: &[u8],
        executable: bool,
    ) -> Result<String, WorkplaceError>;
    /// A TCP port on loopback that nobody uses right now.
    async fn free_port(&self) -> Result<u16, WorkplaceError>;
    /// Whether a container engine answers; remembered for a short while.
    async fn engine_answers(&self) -> bool;
    /// Where a program is found in PATH.
    fn find_program(&self, name: &str) -> Option<PathBuf>;
    /// The environment that commands inherit: the worker's own without every variable that configures server or worker.
    fn inherited_environment(&self) -> BTreeMap<String, String>;
    /// `VAULT_ADDR` and `VAULT_TOKEN` of the worker, for secret commands only.
    fn secret_environment(&self) -> BTreeMap<String, String>;
    /// The running program, for native parts of built-in types (`PIKOCI_EXE`).
    fn program(&self) -> PathBuf;
    /// A place for records, empty. All of one workplace share the bytes that the operator allows.
    fn spill(&self) -> Box<dyn Spill>;
}

/// Why the host could not be touched.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum WorkplaceError {
    /// The disk is full.
    #[error("disk full at {path}")]
    DiskFull {
        /// Where.
        path: String,
    },
    /// The file is larger than allowed.
    #[error("{path} has {size} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Which.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Anything else the system says.
    #[error("{path}: {reason}")]
    System {
        /// Where.
        path: String,
        /// The system's words.
        reason: String,
    },
}

//! The worker's host as steps see it: the adapter of the `Workplace` port.
//!
//! Every path that comes from a pipeline is relative and resolved below WORKDIR, links included, before it is touched.

mod below;
mod cache;
mod engine;
mod host;
mod port;
mod spill;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crate::journal::StateDirectory;

pub use host::HostWorkplace;

/// Where things are kept, and what commands inherit. All of it comes from the program's configuration.
#[derive(Clone, Debug)]
pub struct WorkplaceOptions {
    /// The journal: a work directory stays as long as a stop is owed that needs it.
    pub state: Arc<StateDirectory>,
    /// Work directories and caches live below it.
    pub root: PathBuf,
    /// Data directories of services live below it; other users can pass through.
    pub service_root: PathBuf,
    /// Bytes on disk, below `root`, for what no server takes at the moment; 0 = none.
    pub outbox_limit: u64,
    /// Keep work directories for inspection.
    pub keep_workdir: bool,
    /// The environment that commands inherit, already without the program's own configuration.
    pub inherited: BTreeMap<String, String>,
    /// `VAULT_ADDR`, `VAULT_TOKEN` and the like, for secret commands only.
    pub secret_environment: BTreeMap<String, String>,
    /// The running program.
    pub program: PathBuf,
    /// Where a container engine would answer.
    pub engine_socket: PathBuf,
}

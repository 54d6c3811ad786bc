//! The worker of a local run, with its server at the other end of a bus in this process.

use std::{path::PathBuf, sync::Arc};

use pikoci_engine::supervise::Roster;
use pikoci_transport::{LocalHub, Roles};

use super::{
    Nursery,
    node::fresh_node,
    worker::{RunningWorker, WorkerStart, start_worker, worker_node},
};
use crate::{
    cli::LocalServer,
    config::{BuildingConfig, Host},
    shutdown::Interrupts,
};

/// What a person may say of the worker of a local run.
pub struct LocalWorker {
    /// The journal; the host's own if nothing is said.
    pub state_dir: Option<PathBuf>,
    pub keep_workdir: bool,
    pub fetch_secrets: bool,
}

/// Starts both.
///
/// # Errors
/// A directory or signal handler that cannot be had.
pub async fn local_worker(
    host: &Host,
    nursery: Nursery,
    asked: LocalWorker,
) -> Result<(RunningWorker, LocalServer), String> {
    super::harden();
    let LocalWorker { state_dir, keep_workdir, fetch_secrets } = asked;
    let hub = LocalHub::default();
    let (server_node, node) = (fresh_node("local"), worker_node());
    let server_bus = Arc::new(hub.join(server_node.clone(), Roles::SERVER));
    let worker_bus = Arc::new(hub.join(node.clone(), Roles::WORKER));
    let interrupts = Interrupts::listen().map_err(|error| error.to_string())?;
    let server = LocalServer::new(server_bus, server_node, interrupts);
    let state_dir = state_dir.unwrap_or_else(|| host.state_directory());
    let building = BuildingConfig { keep_workdir, outbox_limit: 0, ..BuildingConfig::default() };
    let mut start = WorkerStart::of(&building, host, worker_bus, node, "local".to_owned(), state_dir);
    // What a server's worker left is told to its server by that worker's next life.
    start.keep.records = true;
    start.settings.fetch_secrets = fetch_secrets;
    Ok((start_worker(start, nursery, &Roster::default())?, server))
}

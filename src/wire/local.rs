//! The worker of a local run, with its server at the other end of a bus in this process.

use std::sync::Arc;

use pikoci_engine::{supervise::Roster, worker::Settings};
use pikoci_transport::{LocalHub, Roles};

use super::{
    Nursery,
    node::fresh_node,
    worker::{RunningWorker, WorkerStart, start_worker, worker_node},
};
use crate::{cli::LocalServer, config::Host, shutdown::Interrupts};

/// Starts both.
///
/// # Errors
/// A directory or signal handler that cannot be had.
pub async fn local_worker(
    host: &Host,
    nursery: Nursery,
    keep_workdir: bool,
    fetch_secrets: bool,
) -> Result<(RunningWorker, LocalServer), String> {
    super::harden();
    let hub = LocalHub::default();
    let (server_node, node) = (fresh_node("local"), worker_node());
    let server_bus = Arc::new(hub.join(server_node.clone(), Roles::SERVER));
    let worker_bus = Arc::new(hub.join(node.clone(), Roles::WORKER));
    let interrupts = Interrupts::listen().map_err(|error| error.to_string())?;
    let server = LocalServer::new(server_bus, server_node, interrupts);
    let start = WorkerStart {
        host,
        nursery,
        bus: worker_bus,
        node,
        name: "local".to_owned(),
        slots: 1,
        tags: Vec::new(),
        exclusive_tags: false,
        work_dir: None,
        keep_workdir,
        secrets_dir: None,
        settings: Settings { keep_workdir, fetch_secrets, ..Settings::default() },
    };
    Ok((start_worker(start, &Roster::default())?, server))
}

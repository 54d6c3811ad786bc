//! A worker that knows a broker and nothing else.

use pikoci_engine::supervise::Roster;
use pikoci_seal::mail::WorkerToken;

use super::{
    Nursery, transport,
    worker::{RunningWorker, Takes, WorkerStart, start_worker},
};
use crate::config::{Host, WorkerConfig, WorkerFlags};

/// Joins the broker, plays the journal back and takes work.
///
/// # Errors
/// What is wrong with the settings or the directories.
pub async fn remote_worker(
    config: &WorkerConfig,
    token: &WorkerToken,
    host: &Host,
    nursery: Nursery,
    flags: &WorkerFlags,
) -> Result<RunningWorker, String> {
    super::harden();
    let broker = config.broker.broker().map_err(|error| error.to_string())?;
    let (system, settings) = broker.ok_or("a worker needs a broker")?;
    let (node, bus, outside) = transport::join_as_worker(system, &settings, token, flags.chaos).await?;
    let name = config.name.clone().unwrap_or_else(fresh_name);
    let team = token.claims().team.as_deref();
    tracing::info!(
        name,
        %node,
        "a worker of {} at {}, {}",
        team.map_or_else(|| "all teams".to_owned(), |team| format!("team {team}")),
        outside.system.name(),
        &*outside.link.borrow(),
    );
    let takes = Takes { builds: config.takes("jobs"), checks: config.takes("checks") };
    let state_dir = config.building.state_dir.clone().unwrap_or_else(|| host.state_directory_or(None));
    let start = WorkerStart {
        takes,
        version: flags.version.clone().unwrap_or_else(|| crate::VERSION.to_owned()),
        ..WorkerStart::of(&config.building, host, bus, node, name, state_dir)
    };
    start_worker(start, nursery, &Roster::default())
}

/// A name nobody chose: the host's, and random bits.
fn fresh_name() -> String {
    let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{}-{}", host.unwrap_or_else(|_| "worker".to_owned()), &random[..6])
}

//! A worker that knows a broker and nothing else.

use pikoci_engine::{supervise::Roster, worker::Settings};
use pikoci_exec::Keep;
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
    host: &Host,
    nursery: Nursery,
    flags: &WorkerFlags,
) -> Result<RunningWorker, String> {
    super::harden();
    let token = config.token().map_err(|error| error.to_string())?;
    let token = WorkerToken::read(&token).map_err(|error| format!("the worker token {error}"))?;
    let broker = config.broker.broker().map_err(|error| error.to_string())?;
    let (system, settings) = broker.ok_or("a worker needs a broker")?;
    let (node, bus, outside) = transport::join_as_worker(system, &settings, &token, flags.chaos).await?;
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
    let start = WorkerStart {
        host,
        bus,
        node,
        name,
        slots: config.concurrency,
        tags: config.tags.clone(),
        exclusive_tags: config.exclusive_tags,
        takes: Takes { builds: config.takes("jobs"), checks: config.takes("checks") },
        work_dir: config.work_dir.clone(),
        outbox_limit: config.outbox_limit,
        state_dir: config.state_dir.clone().unwrap_or_else(|| host.state_directory_or(None)),
        keep: Keep { workdirs: config.keep_workdir, records: false },
        secrets_dir: config.secrets_dir.clone(),
        fault: None,
        version: flags.version.clone().unwrap_or_else(|| crate::VERSION.to_owned()),
        settings: Settings {
            hook_timeout: config.hook_timeout,
            drain_timeout: config.drain_timeout,
            output_limit: config.output_limit,
            keep_workdir: config.keep_workdir,
            allow_secret_args: config.allow_secret_args,
            ..Settings::default()
        },
    };
    start_worker(start, nursery, &Roster::default())
}

/// A name nobody chose: the host's, and random bits.
fn fresh_name() -> String {
    let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{}-{}", host.unwrap_or_else(|_| "worker".to_owned()), &random[..6])
}

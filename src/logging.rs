//! The program's own log, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging at `level` (`debug`, `info`, `warn`, `error`), as text or JSON. Other crates speak at `warn`; clients of
/// brokers not at all: what they say again with each try, the transport says once, with place and reason.
pub fn start(level: &str, json: bool) {
    let filter = EnvFilter::new(format!(
        "warn,async_nats=off,lapin=off,pikoci={level},pikoci_engine={level},pikoci_exec={level},pikoci_store={level},pikoci_transport={level},pikoci_web={level}"
    ));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(colour)
        // It would say on standard error that standard error cannot be written, and panic.
        .log_internal_errors(false);
    if json { builder.json().init() } else { builder.init() }
}

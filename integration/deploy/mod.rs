//! What is shipped in `deploy/`: it says what the program understands, and what the promises need.

mod containers;
mod monitoring;
mod pipeline;
mod proxy;
mod settings;
mod units;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Metrics that only a server with a broker tells.
pub const WITH_A_BROKER: [&str; 3] =
    ["pikoci_transport_up", "pikoci_transport_workers", "pikoci_envelopes_dropped_total"];

/// The folder.
fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

fn read(file: &str) -> String {
    fs::read_to_string(directory().join(file)).unwrap_or_else(|error| panic!("deploy/{file}: {error}"))
}

//! The engine's numbers in Prometheus' text format.

use std::{fmt::Write, sync::Arc, time::Duration};

use pikoci_engine::server::{ServerHandle, ServerMetrics};
use tokio::sync::watch;

/// How old the numbers may be.
const REFRESH: Duration = Duration::from_secs(5);

/// Reads the engine's numbers.
pub fn publish(engine: &ServerHandle) -> Arc<dyn Fn() -> String + Send + Sync> {
    let _ = (engine, REFRESH);
    let (_tell, numbers) = watch::channel(String::new());
    Arc::new(move || numbers.borrow().clone())
}

#[expect(dead_code, reason = "being written")]
fn text(metrics: &ServerMetrics) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "pikoci_builds_pending {}", metrics.pending);
    out
}

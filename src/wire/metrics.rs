//! The engine's numbers in Prometheus' text format.

use std::sync::Arc;

use pikoci_engine::server::{ServerHandle, ServerMetrics};
use pikoci_web::ExtraMetrics;

/// Reads the engine's numbers when they are asked for.
pub fn publish(engine: &ServerHandle) -> ExtraMetrics {
    let meter = engine.meter();
    Arc::new(move || {
        let meter = meter.clone();
        Box::pin(async move { text(&meter.read().await) })
    })
}

fn text(metrics: &ServerMetrics) -> String {
    let ServerMetrics { pending, running, offers, checks_waiting, checks_running, envelopes, actors, .. } =
        metrics;
    let lines = [
        ("gauge", "pikoci_builds_pending", "", *pending),
        ("gauge", "pikoci_builds_running", "", *running),
        ("gauge", "pikoci_offers", "", *offers),
        ("gauge", "pikoci_checks", "state=\"waiting\"", *checks_waiting),
        ("gauge", "pikoci_checks", "state=\"running\"", *checks_running),
        ("counter", "pikoci_envelopes_total", "outcome=\"delivered\"", envelopes.delivered),
        ("counter", "pikoci_envelopes_total", "outcome=\"garbled\"", envelopes.garbled),
        ("counter", "pikoci_envelopes_total", "outcome=\"version\"", envelopes.version),
        ("counter", "pikoci_envelopes_total", "outcome=\"unwanted\"", envelopes.unwanted),
        ("counter", "pikoci_envelopes_total", "outcome=\"overflowed\"", envelopes.overflowed),
        ("counter", "pikoci_envelopes_total", "outcome=\"down\"", envelopes.down),
        ("counter", "pikoci_actors_total", "event=\"started\"", actors.started),
        ("counter", "pikoci_actors_total", "event=\"panicked\"", actors.panics),
        ("counter", "pikoci_actors_total", "event=\"failed\"", actors.errors),
        ("counter", "pikoci_actors_total", "event=\"hung\"", actors.kills),
        ("counter", "pikoci_actors_total", "event=\"restarted\"", actors.restarts),
        ("counter", "pikoci_actors_total", "event=\"given_up\"", actors.escalations),
    ];
    let mut out = String::new();
    let mut last = "";
    for (kind, name, labels, value) in lines {
        if name != last {
            out.push_str(&format!("# TYPE {name} {kind}\n"));
            last = name;
        }
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        out.push_str(&format!("{name}{labels} {value}\n"));
    }
    out
}

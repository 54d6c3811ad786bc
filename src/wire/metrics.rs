//! The engine's numbers in Prometheus' text format.

use std::fmt::Write;
use std::sync::Arc;

use pikoci_engine::server::{STOP_BOUNDS, ServerHandle, ServerMetrics, ServiceCounts};
use pikoci_transport::LinkState;
use pikoci_web::ExtraMetrics;

use super::transport::Outside;

/// Reads the engine's numbers when they are asked for.
pub fn publish(engine: &ServerHandle, outside: Option<Outside>) -> ExtraMetrics {
    let meter = engine.meter();
    Arc::new(move || {
        let (meter, way) = (meter.clone(), outside.as_ref().map(transport).unwrap_or_default());
        Box::pin(async move { text(&meter.read().await) + &way })
    })
}

/// The broker, and what was not taken from it.
fn transport(outside: &Outside) -> String {
    let mut out = String::new();
    head(&mut out, "pikoci_transport_up", "gauge");
    let is_up = u8::from(*outside.link.borrow() == LinkState::Up);
    line(&mut out, "pikoci_transport_up", &format!("system=\"{}\"", outside.system.name()), is_up);
    if let Some(end) = &outside.servers_end {
        head(&mut out, "pikoci_transport_workers", "gauge");
        line(&mut out, "pikoci_transport_workers", "", end.workers());
    }
    head(&mut out, "pikoci_envelopes_dropped_total", "counter");
    for (reason, count) in outside.drops.counts() {
        line(&mut out, "pikoci_envelopes_dropped_total", &format!("reason=\"{reason}\""), count);
    }
    out
}

fn text(metrics: &ServerMetrics) -> String {
    let mut out = counters(metrics);
    services(&metrics.services, &mut out);
    out
}

fn counters(metrics: &ServerMetrics) -> String {
    let ServerMetrics { pending, running, offers, checks_waiting, checks_running, envelopes, actors, .. } =
        metrics;
    let ServerMetrics { servers, pipelines_led, adopted, .. } = metrics;
    let lines = [
        ("gauge", "pikoci_servers", "", *servers),
        ("gauge", "pikoci_pipelines_led", "", *pipelines_led),
        ("counter", "pikoci_builds_adopted_total", "", *adopted),
        ("gauge", "pikoci_builds_pending", "", *pending),
        ("gauge", "pikoci_builds_running", "", *running),
        ("gauge", "pikoci_offers", "", *offers),
        ("gauge", "pikoci_checks", "state=\"waiting\"", *checks_waiting),
        ("gauge", "pikoci_checks", "state=\"running\"", *checks_running),
        ("counter", "pikoci_envelopes_total", "outcome=\"delivered\"", envelopes.delivered),
        ("counter", "pikoci_envelopes_total", "outcome=\"garbled\"", envelopes.garbled),
        ("counter", "pikoci_envelopes_total", "outcome=\"version\"", envelopes.version),
        ("counter", "pikoci_envelopes_total", "outcome=\"unwanted\"", envelopes.unwanted),
        ("counter", "pikoci_envelopes_total", "outcome=\"misspoken\"", envelopes.misspoken),
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
            head(&mut out, name, kind);
            last = name;
        }
        line(&mut out, name, labels, value);
    }
    out
}

/// Who may have stopped a service; each is written although nobody of that kind has stopped any yet.
const STOPPERS: [&str; 3] = ["build", "shim", "journal"];

fn services(counts: &ServiceCounts, out: &mut String) {
    head(out, "pikoci_services_started_total", "counter");
    line(out, "pikoci_services_started_total", "", counts.started);
    head(out, "pikoci_services_stopped_total", "counter");
    for by in STOPPERS {
        let stopped = counts.stopped.get(by).copied().unwrap_or_default();
        line(out, "pikoci_services_stopped_total", &format!("by=\"{by}\""), stopped);
    }
    head(out, "pikoci_service_stop_failures_total", "counter");
    line(out, "pikoci_service_stop_failures_total", "", counts.failed);
    head(out, "pikoci_service_reports_refused_total", "counter");
    line(out, "pikoci_service_reports_refused_total", "", counts.refused);
    head(out, "pikoci_service_stop_seconds", "histogram");
    let mut within = 0;
    let bounds = STOP_BOUNDS.iter().map(|ms| (*ms as f64 / 1000.0).to_string()).chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(counts.stop_times) {
        within += count;
        line(out, "pikoci_service_stop_seconds_bucket", &format!("le=\"{bound}\""), within);
    }
    line(out, "pikoci_service_stop_seconds_sum", "", counts.stop_time.as_secs_f64());
    line(out, "pikoci_service_stop_seconds_count", "", within);
}

fn head(out: &mut String, name: &str, kind: &str) {
    let _ = writeln!(out, "# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = match labels {
        "" => writeln!(out, "{name} {value}"),
        labels => writeln!(out, "{name}{{{labels}}} {value}"),
    };
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_of_stops_is_a_cumulative_histogram() {
        let mut counts = ServiceCounts { started: 3, failed: 1, ..ServiceCounts::default() };
        counts.stopped.insert("shim".to_owned(), 2);
        (counts.stop_times[0], counts.stop_times[4]) = (1, 1);
        *counts.stop_times.last_mut().unwrap() = 1;
        counts.stop_time = Duration::from_millis(40_500);
        let mut out = String::new();
        services(&counts, &mut out);
        for said in [
            "pikoci_services_started_total 3\n",
            "pikoci_services_stopped_total{by=\"build\"} 0\n",
            "pikoci_services_stopped_total{by=\"shim\"} 2\n",
            "pikoci_service_stop_failures_total 1\n",
            "pikoci_service_reports_refused_total 0\n",
            "pikoci_service_stop_seconds_bucket{le=\"0.05\"} 1\n",
            "pikoci_service_stop_seconds_bucket{le=\"0.5\"} 1\n",
            "pikoci_service_stop_seconds_bucket{le=\"1\"} 2\n",
            "pikoci_service_stop_seconds_bucket{le=\"+Inf\"} 3\n",
            "pikoci_service_stop_seconds_sum 40.5\n",
            "pikoci_service_stop_seconds_count 3\n",
        ] {
            assert!(out.contains(said), "{said} is not in {out}");
        }
    }
}

//! Counts of requests, and everything as Prometheus reads it.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpResponse, get,
    http::{Method, StatusCode},
    web::Data,
};
use pikoci_model::worker::WorkerState;

use crate::{refused::Refused, site::Site, standing};

/// Upper bounds of the histogram, in seconds.
const BOUNDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Requests that were answered, by status and method.
#[derive(Default)]
pub(crate) struct HttpMetrics {
    seen: Mutex<BTreeMap<(u16, &'static str), Histogram>>,
}

#[derive(Default, Clone)]
struct Histogram {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

impl HttpMetrics {
    /// Counts a request: `took` until its head was answered.
    pub(crate) fn observe(&self, method: &Method, status: StatusCode, took: Duration) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let histogram = seen.entry((status.as_u16(), method_label(method))).or_default();
        let seconds = took.as_secs_f64();
        histogram.count += 1;
        histogram.sum += seconds;
        for (bucket, bound) in histogram.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
    }

    fn write(&self, out: &mut String) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        head(out, "http_requests_total", "counter", "Requests that were answered.");
        for ((code, method), histogram) in &seen {
            line(
                out,
                "http_requests_total",
                &format!("code=\"{code}\",method=\"{method}\""),
                histogram.count,
            );
        }
        head(out, "http_request_duration_seconds", "histogram", "Time until the head of the answer.");
        for ((code, method), histogram) in &seen {
            let labels = format!("code=\"{code}\",method=\"{method}\"");
            for (bucket, bound) in histogram.buckets.iter().zip(BOUNDS) {
                line(
                    out,
                    "http_request_duration_seconds_bucket",
                    &format!("{labels},le=\"{bound}\""),
                    bucket,
                );
            }
            line(
                out,
                "http_request_duration_seconds_bucket",
                &format!("{labels},le=\"+Inf\""),
                histogram.count,
            );
            line(out, "http_request_duration_seconds_sum", &labels, histogram.sum);
            line(out, "http_request_duration_seconds_count", &labels, histogram.count);
        }
    }
}

/// A client may send any word as a method; labels must stay few.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::POST => "post",
        Method::PUT => "put",
        Method::DELETE => "delete",
        Method::HEAD => "head",
        Method::OPTIONS => "options",
        _ => "other",
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = match labels {
        "" => writeln!(out, "{name} {value}"),
        labels => writeln!(out, "{name}{{{labels}}} {value}"),
    };
}

/// Metrics in Prometheus' text format.
#[utoipa::path(tag = "server", responses((status = 200, content_type = "text/plain", body = String)))]
#[get("/metrics")]
pub(crate) async fn metrics(site: Data<Site>) -> Result<HttpResponse, Refused> {
    let mut out = String::new();
    site.metrics.write(&mut out);
    match workers(&site).await {
        Ok(text) => out.push_str(&text),
        // A store that is down is worth a metric, not a missing scrape.
        Err(_) => line(&mut out, "pikoci_store_up", "", 0),
    }
    process(&site, &mut out);
    if let Some(extra) = &site.deps.settings.extra_metrics {
        out.push_str(&extra().await);
    }
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(out))
}

async fn workers(site: &Site) -> Result<String, Refused> {
    let mut out = String::new();
    line(&mut out, "pikoci_store_up", "", 1);
    let mut counts = BTreeMap::from([("online", 0_u32), ("stale", 0)]);
    for worker in site.deps.store.workers().await? {
        let state = if worker.state == WorkerState::Online { "online" } else { "stale" };
        *counts.entry(state).or_default() += 1;
    }
    head(&mut out, "pikoci_workers", "gauge", "Workers by state.");
    for (state, count) in counts {
        line(&mut out, "pikoci_workers", &format!("status=\"{state}\""), count);
    }
    let owed: usize = standing::by_worker(site.deps.store.as_ref()).await?.into_values().sum();
    head(&mut out, "pikoci_service_stops_pending", "gauge", "Services that are still to be stopped.");
    line(&mut out, "pikoci_service_stops_pending", "", owed);
    let builds = site.deps.store.build_counts().await?;
    head(&mut out, "pikoci_builds", "gauge", "Builds that are stored, by status.");
    for (status, count) in builds {
        line(&mut out, "pikoci_builds", &format!("status=\"{}\"", status.word()), count);
    }
    Ok(out)
}

/// What Prometheus expects of every process; values that the system does not give are left out.
fn process(site: &Site, out: &mut String) {
    head(out, "process_start_time_seconds", "gauge", "When the server started, since the epoch.");
    line(out, "process_start_time_seconds", "", site.started_at.timestamp());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = |name: &str| {
        let value = status.lines().find_map(|row| row.strip_prefix(name))?;
        value.trim().trim_end_matches("kB").trim().parse::<u64>().ok()
    };
    if let Some(resident) = kilobytes("VmRSS:") {
        head(out, "process_resident_memory_bytes", "gauge", "Memory that is resident.");
        line(out, "process_resident_memory_bytes", "", resident * 1024);
    }
    if let Some(threads) = kilobytes("Threads:") {
        head(out, "process_threads", "gauge", "Threads.");
        line(out, "process_threads", "", threads);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        head(out, "process_open_fds", "gauge", "Descriptors that are open.");
        line(out, "process_open_fds", "", open.count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_with_few_labels() {
        let counted = HttpMetrics::default();
        counted.observe(&Method::GET, StatusCode::OK, Duration::from_millis(2));
        counted.observe(
            &Method::from_bytes(b"BREW").unwrap(),
            StatusCode::NOT_FOUND,
            Duration::from_secs(60),
        );
        let mut out = String::new();
        counted.write(&mut out);
        assert!(out.contains("http_requests_total{code=\"200\",method=\"get\"} 1\n"), "{out}");
        assert!(out.contains("http_requests_total{code=\"404\",method=\"other\"} 1\n"), "{out}");
        assert!(out.contains("_bucket{code=\"200\",method=\"get\",le=\"0.001\"} 0\n"), "{out}");
        assert!(out.contains("_bucket{code=\"200\",method=\"get\",le=\"0.0025\"} 1\n"), "{out}");
        assert!(out.contains("_bucket{code=\"404\",method=\"other\",le=\"+Inf\"} 1\n"), "{out}");
    }
}

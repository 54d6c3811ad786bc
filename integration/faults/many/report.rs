//! The figures of each transport, as JSON for machines and as Markdown for people.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use serde::Serialize;

use super::{board::Board, harm::Harm, storm::Blow, verdict::Verdict};
use crate::report::percentile;

/// One transport.
#[derive(Debug, Serialize)]
pub struct Figures {
    pub transport: &'static str,
    pub database: String,
    pub seed: u64,
    pub servers: usize,
    pub workers: usize,
    pub lease_seconds: u64,
    pub seconds: f64,
    #[serde(flatten)]
    pub verdict: Verdict,
    pub faults: Vec<Recovery>,
}

/// How long it took after one kind of fault.
#[derive(Clone, Debug, Serialize)]
pub struct Recovery {
    pub fault: &'static str,
    pub times: usize,
    /// Until the next build succeeded.
    pub next_p50_ms: Option<f64>,
    pub next_p99_ms: Option<f64>,
    /// Until every build that was not over at the fault was.
    pub all_p50_ms: Option<f64>,
    pub all_p99_ms: Option<f64>,
}

/// The faults' times, by kind.
pub fn recoveries(board: &Board, blows: &[Blow]) -> Vec<Recovery> {
    let builds = board.builds();
    let mut kinds: BTreeMap<Harm, (Vec<f64>, Vec<f64>, usize)> = BTreeMap::new();
    for blow in blows {
        let since = |then: chrono::DateTime<chrono::Utc>| (then - blow.at).to_std().ok().map(milliseconds);
        let next = builds
            .values()
            .filter(|build| build.status == "succeeded")
            .filter_map(|build| since(build.ended?));
        let hit = builds.values().filter(|build| build.created.is_some_and(|created| created <= blow.at));
        let all = hit.filter_map(|build| since(build.ended?)).max_by(f64::total_cmp);
        let kind = kinds.entry(blow.harm).or_default();
        kind.0.extend(next.min_by(f64::total_cmp));
        kind.1.extend(all);
        kind.2 += 1;
    }
    let rows = kinds.into_iter().map(|(harm, (mut next, mut all, times))| {
        next.sort_by(f64::total_cmp);
        all.sort_by(f64::total_cmp);
        Recovery {
            fault: harm.name(),
            times,
            next_p50_ms: percentile(&next, 50),
            next_p99_ms: percentile(&next, 99),
            all_p50_ms: percentile(&all, 50),
            all_p99_ms: percentile(&all, 99),
        }
    });
    rows.collect()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Tables of all transports.
pub fn markdown(all: &[Figures]) -> String {
    let mut text = String::from(
        "| transport | builds | ended | lost | given up | had another attempt | twice at once | old writes | wrong logs | faults | time |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for figures in all {
        let seen = &figures.verdict;
        let faults: usize = figures.faults.iter().map(|row| row.times).sum();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {faults} | {:.0} s |",
            figures.transport,
            seen.asked,
            seen.ended,
            seen.lost,
            seen.given_up,
            seen.repeated,
            seen.twice_at_once,
            seen.old_writes,
            seen.wrong_logs,
            figures.seconds
        );
    }
    text.push_str("\n| transport | fault | times | next success p50 | p99 | all that ran over p50 | p99 |\n|---|---|--:|--:|--:|--:|--:|\n");
    for (figures, row) in all.iter().flat_map(|figures| figures.faults.iter().map(move |row| (figures, row)))
    {
        let times = [row.next_p50_ms, row.next_p99_ms, row.all_p50_ms, row.all_p99_ms].map(time);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            figures.transport, row.fault, row.times, times[0], times[1], times[2], times[3]
        );
    }
    text
}

fn time(milliseconds: Option<f64>) -> String {
    milliseconds.map_or_else(|| "–".to_owned(), |time| format!("{:.2} s", time / 1000.0))
}

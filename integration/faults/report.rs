//! The figures: per cell and kind, as JSON for machines and as Markdown for people.

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;

use crate::{cell::Cell, faults::FAULTS, kind::Kind, phase::Phase, verdict::Record};

/// What was seen of one cell under one kind of service.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    pub phase: &'static str,
    pub fault: &'static str,
    pub kind: &'static str,
    pub attempts: usize,
    pub services_started: usize,
    pub services_stopped: usize,
    pub double_stops: usize,
    pub leaked_processes: usize,
    pub leaked_groups: usize,
    pub leaked_containers: usize,
    pub innocents: usize,
    pub recycled_numbers: usize,
    pub non_terminal_builds: usize,
    pub overlaps: usize,
    pub not_shown_as_stopped: usize,
    pub broken: usize,
    pub limit_ms: u64,
    pub to_stop_p50_ms: Option<f64>,
    pub to_stop_p99_ms: Option<f64>,
    #[serde(skip)]
    times: Vec<f64>,
}

/// A run that broke a promise.
#[derive(Clone, Debug, Serialize)]
pub struct Broken {
    pub cell: String,
    pub kind: &'static str,
    pub seed: u64,
    pub ordinary_user: bool,
    pub problems: Vec<String>,
    pub repeat: String,
}

/// A cell that could not be had here.
#[derive(Clone, Debug, Serialize)]
pub struct NotHad {
    pub cell: String,
    pub reason: String,
}

/// Everything together.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub seed: u64,
    pub seconds: f64,
    pub runs: usize,
    pub cells: Vec<Figures>,
    pub broken: Vec<Broken>,
    pub not_had: Vec<NotHad>,
    /// Cells in which the harness itself failed.
    pub failures: Vec<String>,
}

/// Figures by cell and kind.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<(usize, Phase, Kind), Figures>);

impl Tally {
    pub fn add(&mut self, cell: Cell, record: &Record) {
        let place = FAULTS.iter().position(|fault| fault.name == cell.fault.name).unwrap_or(usize::MAX);
        let figures = self.0.entry((place, cell.phase, record.kind)).or_insert_with(|| Figures {
            phase: cell.phase.name(),
            fault: cell.fault.name,
            kind: record.kind.name(),
            limit_ms: cell.limit(record.kind),
            ..Figures::default()
        });
        figures.attempts += 1;
        figures.services_started += record.started;
        figures.services_stopped += record.stopped;
        figures.double_stops += record.doubled;
        figures.leaked_processes += record.leaked;
        figures.leaked_groups += record.leaked_groups;
        figures.leaked_containers += record.leaked_containers;
        figures.innocents += record.innocents;
        figures.recycled_numbers += usize::from(record.recycled);
        figures.non_terminal_builds += record.non_terminal;
        figures.overlaps += record.overlapped;
        figures.not_shown_as_stopped += record.unreported;
        figures.broken += usize::from(record.is_broken());
        figures.times.extend(record.to_stop);
    }

    pub fn figures(&self) -> Vec<Figures> {
        self.0.values().cloned().map(Figures::summed_up).collect()
    }
}

impl Figures {
    fn summed_up(mut self) -> Self {
        self.times.sort_by(f64::total_cmp);
        self.to_stop_p50_ms = percentile(&self.times, 50);
        self.to_stop_p99_ms = percentile(&self.times, 99);
        self
    }

    fn joined(mut self, other: &Self) -> Self {
        self.attempts += other.attempts;
        self.services_started += other.services_started;
        self.services_stopped += other.services_stopped;
        self.double_stops += other.double_stops;
        self.leaked_processes += other.leaked_processes;
        self.leaked_groups += other.leaked_groups;
        self.leaked_containers += other.leaked_containers;
        self.innocents += other.innocents;
        self.recycled_numbers += other.recycled_numbers;
        self.non_terminal_builds += other.non_terminal_builds;
        self.overlaps += other.overlaps;
        self.not_shown_as_stopped += other.not_shown_as_stopped;
        self.broken += other.broken;
        self.limit_ms = self.limit_ms.max(other.limit_ms);
        self.times.extend(&other.times);
        self
    }
}

/// The value below which so many of a hundred lie; none of nothing.
pub fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((sorted.len() * percent / 100).min(last)).copied()
}

impl Report {
    /// Faults whose last stops came too late: name and limit, 99th percentile in milliseconds.
    pub fn late(&self) -> Vec<(String, f64)> {
        let rows =
            grouped(&self.cells, |figures| format!("{}, limit {} ms", figures.fault, figures.limit_ms));
        let late = rows.into_iter().filter_map(|(name, figures)| {
            let p99 = figures.to_stop_p99_ms?;
            let limit = u32::try_from(figures.limit_ms).unwrap_or(u32::MAX);
            (p99 > f64::from(limit)).then_some((name, p99))
        });
        late.collect()
    }

    /// Tables by fault, by phase and by kind.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "{} runs in {:.0} s, seed {}.\n", self.runs, self.seconds, self.seed);
        for (title, key) in [
            ("fault", (|figures| figures.fault.to_owned()) as fn(&Figures) -> String),
            ("phase", |figures| figures.phase.to_owned()),
            ("service", |figures| figures.kind.to_owned()),
            ("phase and fault", |figures| format!("{} / {}", figures.phase, figures.fault)),
        ] {
            table(&mut text, title, grouped(&self.cells, key));
        }
        if !self.not_had.is_empty() {
            text.push_str("| not had | why |\n|---|---|\n");
            for cell in &self.not_had {
                let _ = writeln!(text, "| {} | {} |", cell.cell, cell.reason);
            }
        }
        text
    }
}

/// Joined rows in the order of their first appearance.
fn grouped(cells: &[Figures], key: impl Fn(&Figures) -> String) -> Vec<(String, Figures)> {
    let mut rows: Vec<(String, Figures)> = Vec::new();
    for cell in cells {
        let name = key(cell);
        match rows.iter_mut().find(|(known, _)| *known == name) {
            Some((_, row)) => *row = std::mem::take(row).joined(cell),
            None => rows.push((name, cell.clone())),
        }
    }
    rows.into_iter().map(|(name, row)| (name, row.summed_up())).collect()
}

fn table(text: &mut String, title: &str, rows: Vec<(String, Figures)>) {
    let _ = writeln!(
        text,
        "| {title} | runs | services | stopped | double | leaked | innocents | overlaps | not terminal | not shown | p50 | p99 |"
    );
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (name, row) in rows {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.attempts,
            row.services_started,
            share(row.services_stopped, row.services_started),
            row.double_stops,
            row.leaked_processes + row.leaked_groups + row.leaked_containers,
            row.innocents,
            row.overlaps,
            row.non_terminal_builds,
            row.not_shown_as_stopped,
            time(row.to_stop_p50_ms),
            time(row.to_stop_p99_ms),
        );
    }
    text.push('\n');
}

/// Never rounded up to all.
fn share(part: usize, whole: usize) -> String {
    match whole {
        0 => "–".to_owned(),
        _ if part == whole => "100 %".to_owned(),
        _ => format!("{}.{:02} %", part * 100 / whole, part * 10_000 / whole % 100),
    }
}

fn time(milliseconds: Option<f64>) -> String {
    match milliseconds {
        None => "–".to_owned(),
        Some(time) if time < 1000.0 => format!("{time:.0} ms"),
        Some(time) => format!("{:.2} s", time / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_up_to_all() {
        assert_eq!(share(10_000, 10_000), "100 %");
        assert_eq!(share(99_999, 100_000), "99.99 %");
        assert_eq!(share(0, 0), "–");
    }

    #[test]
    fn percentiles_of_few_are_the_largest() {
        assert_eq!(percentile(&[], 99), None);
        assert_eq!(percentile(&[1.0], 50), Some(1.0));
        assert_eq!(percentile(&[1.0, 2.0, 3.0], 99), Some(3.0));
    }
}

//! The figures: per cell and kind, as JSON for machines. For people they are in `tables`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    cell::{Cell, Wait},
    faults::FAULTS,
    kind::Kind,
    phase::Phase,
    verdict::Record,
};

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
    /// Not counted there: they ended in the moment in which their shim was killed, and nobody can know of them.
    pub ended_unseen: usize,
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
    /// What its stops wait for beyond the fault's own limit.
    pub wait: Option<Wait>,
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
            wait: Some(cell.wait(record.kind)).filter(|wait| *wait != Wait::Nothing),
            ..Figures::default()
        });
        figures.attempts += 1;
        figures.services_started += record.started;
        figures.services_stopped += record.stopped;
        figures.double_stops += record.doubled;
        figures.ended_unseen += record.unseen;
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
    /// Without the times of what had to wait for something else than the fault.
    pub fn of_the_fault_alone(&self) -> Self {
        let times = if self.wait.is_some() { Vec::new() } else { self.times.clone() };
        Self { times, ..self.clone() }
    }

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
        self.ended_unseen += other.ended_unseen;
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
}

/// Joined rows in the order of their first appearance.
pub fn grouped<'a>(
    cells: impl IntoIterator<Item = &'a Figures>,
    key: impl Fn(&Figures) -> String,
) -> Vec<(String, Figures)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_few_are_the_largest() {
        assert_eq!(percentile(&[], 99), None);
        assert_eq!(percentile(&[1.0], 50), Some(1.0));
        assert_eq!(percentile(&[1.0, 2.0, 3.0], 99), Some(3.0));
    }
}

//! The figures for people: a page of tables, and a table that fits on one screen.

use std::{collections::BTreeMap, fmt::Write};

use crate::{
    faults::{FAULTS, GROUPS},
    report::{Figures, NotHad, Report, grouped},
};

impl Report {
    /// What was played, by fault, by phase and by service, and what could not be had here.
    pub fn markdown(&self) -> String {
        let mut text = self.first_line();
        let alone: Vec<Figures> = self.cells.iter().map(Figures::of_the_fault_alone).collect();
        table(&mut text, "fault", &limited(grouped(&alone, |figures| figures.fault.to_owned())));
        self.tell_waits(&mut text);
        for (title, key) in [
            ("phase", (|figures| figures.phase.to_owned()) as fn(&Figures) -> String),
            ("service", |figures| figures.kind.to_owned()),
        ] {
            let rows = grouped(&self.cells, key).into_iter().map(|(name, row)| (name, row, None));
            table(&mut text, title, &rows.collect::<Vec<_>>());
        }
        tell_not_had(&mut text, &self.not_had);
        text
    }

    /// A row for each group of faults.
    pub fn summary(&self) -> String {
        let mut text = self.first_line();
        let group = |figures: &Figures| {
            let of_group = |(_, faults): &&(&str, &[&str])| faults.contains(&figures.fault);
            GROUPS.iter().find(of_group).map_or("others", |(name, _)| name).to_owned()
        };
        let alone: Vec<Figures> = self.cells.iter().map(Figures::of_the_fault_alone).collect();
        let mut rows = limited(grouped(&alone, group));
        rows.extend(grouped(&alone, |_| "all".to_owned()).into_iter().map(|(name, row)| (name, row, None)));
        table(&mut text, "what happens", &rows);
        text
    }

    /// By phase and fault: where something is to be looked for.
    pub fn details(&self) -> String {
        let mut text = String::new();
        let rows = grouped(&self.cells, |figures| format!("{} / {}", figures.phase, figures.fault));
        let rows: Vec<Row> = rows.into_iter().map(|(name, row)| (name, row, None)).collect();
        table(&mut text, "phase and fault", &rows);
        text
    }

    fn first_line(&self) -> String {
        let broken = match self.broken.len() {
            0 => "no promise broken".to_owned(),
            broken => format!("{broken} of them broken"),
        };
        let minutes = self.seconds / 60.0;
        format!("{} builds in {minutes:.0} minutes, seed {}: {broken}.\n\n", self.runs, self.seed)
    }

    /// The times that the table of faults leaves out, and the stops of which nobody can know.
    fn tell_waits(&self, text: &mut String) {
        let waiting = self.cells.iter().filter(|figures| figures.wait.is_some());
        let name =
            |figures: &Figures| figures.wait.map(crate::cell::Wait::words).unwrap_or_default().to_owned();
        let rows = grouped(waiting, name);
        if !rows.is_empty() {
            text.push_str("Some stops have to wait by the rules; their times are here, not above:\n\n");
            text.push_str("| they wait | builds | p50 | p99 |\n|---|--:|--:|--:|\n");
        }
        for (name, row) in &rows {
            let (p50, p99) = (time(row.to_stop_p50_ms), time(row.to_stop_p99_ms));
            let _ = writeln!(text, "| {name} | {} | {p50} | {p99} |", row.attempts);
        }
        let unseen: usize = self.cells.iter().map(|figures| figures.ended_unseen).sum();
        let _ = writeln!(
            text,
            "\nNot counted as double: {unseen} stops that ended in the moment in which their shim was killed. Nobody can \
             know of such an end, so they run again.\n"
        );
    }
}

/// Name, figures, limit in milliseconds.
type Row = (String, Figures, Option<u64>);

/// With the longest limit that holds for faults of the row.
fn limited(rows: Vec<(String, Figures)>) -> Vec<Row> {
    let limit = |name: &str, row: &Figures| {
        let faults =
            GROUPS.iter().find(|(group, _)| *group == name).map_or(&[row.fault][..], |(_, all)| all).to_vec();
        let limits = FAULTS.iter().filter(|fault| faults.contains(&fault.name)).map(|fault| fault.limit);
        limits.max()
    };
    rows.into_iter()
        .map(|(name, row)| {
            let limit = limit(&name, &row);
            (name, row, limit)
        })
        .collect()
}

fn table(text: &mut String, title: &str, rows: &[Row]) {
    let _ = writeln!(
        text,
        "| {title} | builds | services | stopped | double | leaked | innocents | overlaps | not ended | not shown | p50 | p99 | limit |"
    );
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (name, row, limit) in rows {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
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
            limit.map(|limit| format!("{} s", limit / 1000)).unwrap_or_default(),
        );
    }
    text.push('\n');
}

/// The phases in which a fault cannot be had, in one row for each reason.
fn tell_not_had(text: &mut String, not_had: &[NotHad]) {
    if not_had.is_empty() {
        return;
    }
    let mut rows: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for NotHad { cell, reason } in not_had {
        let (phase, what) = cell.split_once('/').unwrap_or(("", cell));
        rows.entry((what, reason)).or_default().push(phase);
    }
    text.push_str("| not had here | in phase | why |\n|---|---|---|\n");
    for ((what, reason), phases) in rows {
        let _ = writeln!(text, "| {what} | {} | {reason} |", phases.join(", "));
    }
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
    fn each_fault_is_in_one_group() {
        for fault in &FAULTS {
            let groups = GROUPS.iter().filter(|(_, faults)| faults.contains(&fault.name));
            assert_eq!(groups.count(), 1, "{}", fault.name);
        }
    }
}

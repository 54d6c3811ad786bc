//! Stops that are owed, and what is reported of them.

use super::tables::Tables;
use crate::{
    build::StopReport,
    port::store::{Page, PendingStop, RecordedStop},
};

/// Services of one build, at most: its bits of the id that pages go by.
const BITS: u32 = 16;

impl Tables {
    pub(super) fn record_stop(&mut self, worker: &str, report: &StopReport) -> RecordedStop {
        let Some(entry) = self.builds.get_mut(&report.build) else { return RecordedStop::Unknown };
        let pipeline = entry.build.pipeline;
        let known = entry.services.iter_mut().find(|(_, record)| record.instance == report.instance);
        let changed = match known {
            Some((_, record)) => record.take_report(report, worker),
            None => {
                entry.services.push((report.run, report.to_record(worker)));
                true
            }
        };
        if changed { RecordedStop::Changed(pipeline) } else { RecordedStop::Known }
    }

    pub(super) fn pending_stops(&self, page: Page) -> Vec<PendingStop> {
        let of_builds = self.builds.values().rev().flat_map(|entry| {
            let build = entry.build.id;
            entry.services.iter().enumerate().rev().map(move |(index, (run, record))| PendingStop {
                id: (build.0 << BITS) + i64::try_from(index).unwrap_or(0),
                build,
                run: *run,
                record: record.clone(),
            })
        });
        let owed = of_builds.filter(|stop| stop.record.state.is_pending() && page.holds(stop.id));
        owed.take(page.limit as usize).collect()
    }
}

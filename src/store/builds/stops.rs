//! Services whose stop is owed, and what workers report of them.

use std::collections::HashMap;

use async_trait::async_trait;
use pikoci_model::{
    build::{ServiceRecord, StopReport},
    id::{BuildId, InstanceId},
    port::store::{Page, PendingStop, RecordedStop},
};

use super::{read, row::Stored};
use crate::{
    error::Fault,
    field::{get, json, text, unsigned},
    sql::{Conn, Row, query},
    upsert,
    writer::{Command, Tx},
};

pub(crate) struct RecordStop {
    pub worker: String,
    pub report: StopReport,
}

#[async_trait]
impl Command for RecordStop {
    type Answer = RecordedStop;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<RecordedStop, Fault> {
        let Self { worker, report } = self;
        let Some(stored) = read::for_change(tx, report.build).await? else {
            return Ok(RecordedStop::Unknown);
        };
        tx.add("SELECT run, record FROM services WHERE build_id = ? AND instance = ?")
            .bind(report.build.0)
            .bind(report.instance.to_string());
        let (run, record) = match tx.last().await?.row() {
            None => (report.run, report.to_record(worker)),
            Some(row) => {
                let mut record: ServiceRecord = json(&row, 1)?;
                if !record.take_report(report, worker) {
                    return Ok(RecordedStop::Known);
                }
                (unsigned(&row, 0)?, record)
            }
        };
        put(tx, (report.build, run), &record)?;
        Ok(RecordedStop::Changed(stored.build.pipeline))
    }
}

/// Stores a service's record.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    (build, run): (BuildId, u32),
    record: &ServiceRecord,
) -> Result<(), Fault> {
    tx.add(upsert::PUT_SERVICE)
        .bind(build.0)
        .bind(run)
        .bind(record.instance.to_string())
        .bind(record.state.word())
        .bind(text(record)?);
    Ok(())
}

/// Services of a run that are stopped, or whose stop is owed, as far as is known.
pub(crate) async fn reported(
    tx: &mut Tx<'_>,
    (build, run): (BuildId, u32),
) -> Result<HashMap<InstanceId, ServiceRecord>, Fault> {
    tx.add(
        "SELECT record FROM services WHERE build_id = ? AND run = ? \
         AND state IN ('stopped', 'stop_failed', 'stop_pending')",
    )
    .bind(build.0)
    .bind(run);
    let records = tx.last().await?.rows;
    let records = records.iter().map(|row| json::<ServiceRecord>(row, 0));
    records.map(|record| record.map(|record| (record.instance, record))).collect()
}

/// The build's worker is lost: what its run has not stopped is owed.
pub(crate) async fn lose(tx: &mut Tx<'_>, stored: &Stored) -> Result<(), Fault> {
    let (build, run, worker) = (stored.build.id, stored.build.run, stored.build.worker.as_deref());
    tx.add("SELECT record FROM services WHERE build_id = ? AND run = ? ORDER BY id").bind(build.0).bind(run);
    for row in tx.last().await?.rows {
        let mut record: ServiceRecord = json(&row, 0)?;
        if record.lose(worker) {
            put(tx, (build, run), &record)?;
        }
    }
    Ok(())
}

/// Newest first.
pub(crate) async fn pending(conn: &mut Conn, page: Page) -> Result<Vec<PendingStop>, Fault> {
    let query = query(
        "SELECT id, build_id, run, record FROM services WHERE state IN ('stop_failed', 'stop_pending') \
         AND id < ? AND id > ? ORDER BY id DESC LIMIT ?",
    );
    let query = query.bind(page.before.unwrap_or(i64::MAX)).bind(page.after.unwrap_or(i64::MIN));
    let rows = query.bind(page.limit).fetch_all(conn).await?;
    let stop = |row: &Row| {
        Ok(PendingStop {
            id: get(row, 0)?,
            build: BuildId(get(row, 1)?),
            run: unsigned(row, 2)?,
            record: json(row, 3)?,
        })
    };
    rows.iter().map(stop).collect()
}

/// Of all runs.
pub(crate) async fn of_runs(conn: &mut Conn, build: BuildId) -> Result<Vec<(u32, ServiceRecord)>, Fault> {
    let query = query("SELECT run, record FROM services WHERE build_id = ? ORDER BY run, id");
    let rows = query.bind(build.0).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((unsigned(row, 0)?, json(row, 1)?))).collect()
}

//! Reading logs.

use pikoci_model::{
    id::{BuildId, StepPath},
    log::NumberedChunk,
    port::store::{LogIndex, StepLog},
};

use super::block::{Mark, chunks, marks};
use crate::{
    error::Fault,
    field::{get, unsigned},
    sql::{Conn, Row, query},
};

/// Blocks that are looked at in one go.
const LOOK: i64 = 1024;

/// A step's log of one run.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub build: BuildId,
    pub run: u32,
    pub step: &'a StepPath,
}

/// The chunks of a row `last_number, run, step, begins, marks, data`.
fn of_row(row: &Row) -> Result<Vec<NumberedChunk>, Fault> {
    let marks: Vec<Mark> = marks(get(row, 4)?, unsigned(row, 3)?)?;
    chunks(unsigned(row, 1)?, get(row, 0)?, &StepPath(get(row, 2)?), marks, get(row, 5)?)
}

pub(super) async fn last(conn: &mut Conn, build: BuildId) -> Result<i64, Fault> {
    let query = query("SELECT MAX(last_number) FROM blocks WHERE build_id = ?").bind(build.0);
    Ok(get::<Option<i64>>(&query.fetch_one(conn).await?, 0)?.unwrap_or(0))
}

/// Blocks are read until they hold `max_bytes` beside the first, which may be half read and so counts for nothing.
pub(super) async fn after(
    conn: &mut Conn,
    build: BuildId,
    after: i64,
    max_bytes: usize,
) -> Result<Vec<NumberedChunk>, Fault> {
    let rows = query(
        "WITH next AS (SELECT id, last_number, ends - begins AS size FROM blocks \
         WHERE build_id = ? AND last_number > ? ORDER BY last_number LIMIT ?), \
         summed AS (SELECT id, SUM(size) OVER till AS until_here, size, FIRST_VALUE(size) OVER till AS first \
         FROM next WINDOW till AS (ORDER BY last_number ROWS UNBOUNDED PRECEDING)) \
         SELECT b.last_number, b.run, b.step, b.begins, b.marks, b.data FROM summed s \
         JOIN blocks b ON b.id = s.id WHERE s.until_here - s.size - s.first <= ? ORDER BY b.last_number",
    )
    .bind(build.0)
    .bind(after)
    .bind(LOOK)
    .bind(i64::try_from(max_bytes).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await?;
    let mut out: Vec<NumberedChunk> = Vec::new();
    let mut size = 0;
    for row in &rows {
        for chunk in of_row(row)?.into_iter().filter(|chunk| chunk.number > after) {
            size += chunk.chunk.bytes.len();
            if size > max_bytes && !out.is_empty() {
                return Ok(out);
            }
            out.push(chunk);
        }
    }
    Ok(out)
}

pub(super) async fn step_log(
    conn: &mut Conn,
    of: Of<'_>,
    offset: u64,
    limit: usize,
) -> Result<StepLog, Fault> {
    let total = total(conn, of).await?;
    let mut out = StepLog { offset, bytes: Vec::new(), total };
    for chunk in overlapping(conn, of, offset, limit).await? {
        let skip = usize::try_from(offset.saturating_sub(chunk.chunk.offset)).unwrap_or(usize::MAX);
        let rest = &chunk.chunk.bytes[skip.min(chunk.chunk.bytes.len())..];
        out.bytes.extend_from_slice(&rest[..rest.len().min(limit - out.bytes.len())]);
    }
    Ok(out)
}

async fn total(conn: &mut Conn, of: Of<'_>) -> Result<u64, Fault> {
    let query = query("SELECT MAX(ends) FROM blocks WHERE build_id = ? AND run = ? AND step = ?");
    let row = query.bind(of.build.0).bind(of.run).bind(&of.step.0).fetch_one(conn).await?;
    Ok(get::<Option<i64>>(&row, 0)?.unwrap_or(0).cast_unsigned())
}

/// The chunks that overlap a range of bytes.
pub(super) async fn overlapping(
    conn: &mut Conn,
    of: Of<'_>,
    offset: u64,
    limit: usize,
) -> Result<Vec<NumberedChunk>, Fault> {
    let until = offset.saturating_add(limit as u64);
    let (from, to) = (signed(offset), signed(until));
    let bound =
        query("SELECT MIN(ends) FROM blocks WHERE build_id = ? AND run = ? AND step = ? AND ends >= ?");
    let bound = bound.bind(of.build.0).bind(of.run).bind(&of.step.0).bind(to);
    let bound = get::<Option<i64>>(&bound.fetch_one(conn).await?, 0)?.unwrap_or(i64::MAX);
    let rows = query(
        "SELECT last_number, run, step, begins, marks, data FROM blocks WHERE build_id = ? AND run = ? \
         AND step = ? AND ends > ? AND ends <= ? ORDER BY ends, id",
    )
    .bind(of.build.0)
    .bind(of.run)
    .bind(&of.step.0)
    .bind(from)
    .bind(bound)
    .fetch_all(conn)
    .await?;
    let mut out = Vec::new();
    for row in &rows {
        let chunks = of_row(row)?.into_iter();
        out.extend(chunks.filter(|NumberedChunk { chunk, .. }| {
            chunk.offset < until && chunk.offset + chunk.bytes.len() as u64 > offset
        }));
    }
    Ok(out)
}

fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

pub(super) async fn index(conn: &mut Conn, of: Of<'_>) -> Result<LogIndex, Fault> {
    let rows = query(
        "SELECT begins, marks FROM blocks WHERE build_id = ? AND run = ? AND step = ? ORDER BY ends, id",
    )
    .bind(of.build.0)
    .bind(of.run)
    .bind(&of.step.0)
    .fetch_all(conn)
    .await?;
    let mut places = Vec::new();
    for row in &rows {
        let of_block = marks(get(row, 1)?, unsigned(row, 0)?)?;
        places.extend(of_block.iter().map(|mark| (mark.line, mark.offset, mark.t)));
    }
    let last = last_block(conn, of).await?.pop().map(|last| last.chunk);
    let total = last.as_ref().map_or(0, |chunk| chunk.offset + chunk.bytes.len() as u64);
    Ok(LogIndex::of(total, places, last.as_ref().map(|chunk| (chunk.line, &chunk.bytes[..]))))
}

async fn last_block(conn: &mut Conn, of: Of<'_>) -> Result<Vec<NumberedChunk>, Fault> {
    let query = query(
        "SELECT last_number, run, step, begins, marks, data FROM blocks \
         WHERE build_id = ? AND run = ? AND step = ? ORDER BY ends DESC, id DESC LIMIT 1",
    );
    let row = query.bind(of.build.0).bind(of.run).bind(&of.step.0).fetch_optional(conn).await?;
    row.as_ref().map_or(Ok(Vec::new()), of_row)
}

//! Where a build's log stands: which claim logs, its last event, the last chunk.

use pikoci_model::id::Fence;

use crate::{
    error::Fault,
    field::{get, unsigned},
    sql::Row,
};

/// The end of a build's log.
#[derive(Clone, Copy, Default)]
pub(super) struct Cursor {
    /// Number of the last chunk; 0 = none.
    pub last_number: i64,
    /// The newest claim that logged.
    pub fence: Option<Fence>,
    /// Its last event.
    pub last_event: u64,
}

/// What a claim's chunks are to a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// Its own claim goes on.
    Continues,
    /// A newer claim begins, and replaces what an older one logged in the same run.
    Begins,
    /// An older claim is late.
    Late,
}

impl Cursor {
    pub fn turn(&self, fence: Fence) -> Turn {
        match self.fence {
            Some(current) if current == fence => Turn::Continues,
            Some(current) if fence.claim() < current.claim() => Turn::Late,
            _ => Turn::Begins,
        }
    }
}

/// Finds the row of a build that [`of_row`] reads.
pub(super) const FIND: &str =
    "SELECT last_number, fence, last_event FROM blocks WHERE build_id = ? ORDER BY last_number DESC LIMIT 1";

/// The cursor as the stored rows say.
pub(super) fn of_row(row: Option<&Row>) -> Result<Cursor, Fault> {
    let Some(row) = row else { return Ok(Cursor::default()) };
    Ok(Cursor { last_number: get(row, 0)?, fence: Some(Fence(get(row, 1)?)), last_event: unsigned(row, 2)? })
}

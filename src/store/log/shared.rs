//! Appending where others append too: the row of a build's end is locked, read and moved with its blocks.

use async_trait::async_trait;
use pikoci_model::{
    id::{BuildId, Fence},
    log::Chunk,
};

use super::{
    block::{Block, INSERT},
    cursor::{self, Cursor, Turn},
};
use crate::{
    error::Fault,
    sql::{Sql, places, query_text},
    writer::{Command, Tx},
};

/// Builds whose logs are deleted in one transaction.
pub(super) const FORGET: usize = 200;

const FIND: Sql =
    Sql::new("SELECT last_number, fence, last_event FROM log_ends WHERE build_id = ?").locking();

/// Chunks of one run of a build.
pub(super) struct Append {
    pub build: BuildId,
    pub run: u32,
    pub fence: Fence,
    pub chunks: Vec<(u64, Chunk)>,
}

#[async_trait]
impl Command for Append {
    type Answer = i64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, Fault> {
        tx.add(FIND).bind(self.build.0);
        let row = tx.last().await?.row();
        let mut cursor = cursor::of_row(row.as_ref())?;
        match cursor.turn(self.fence) {
            Turn::Late => return Ok(cursor.last_number),
            Turn::Begins if self.chunks.is_empty() => return Ok(cursor.last_number),
            Turn::Begins => {
                if row.is_some() {
                    let delete = tx.add("DELETE FROM blocks WHERE build_id = ? AND run = ?");
                    delete.bind(self.build.0).bind(self.run);
                }
                cursor.fence = Some(self.fence);
                cursor.last_event = 0;
            }
            Turn::Continues => {}
        }
        for block in self.blocks(&mut cursor) {
            block.put(tx.add(INSERT));
            tx.settle().await?;
        }
        let statement = if row.is_some() {
            "UPDATE log_ends SET last_number = ?, fence = ?, last_event = ? WHERE build_id = ?"
        } else {
            "INSERT INTO log_ends (last_number, fence, last_event, build_id) VALUES (?, ?, ?, ?)"
        };
        let end = tx.add(statement).bind(cursor.last_number).bind(self.fence.0);
        end.bind(cursor.last_event.cast_signed()).bind(self.build.0);
        Ok(cursor.last_number)
    }
}

impl Append {
    /// The new chunks in blocks; the cursor goes with them.
    fn blocks(&self, cursor: &mut Cursor) -> Vec<Block> {
        let size = self.chunks.iter().map(|(_, chunk)| chunk.bytes.len()).sum();
        let mut blocks: Vec<Block> = Vec::new();
        for (event, chunk) in self.chunks.iter().filter(|(event, _)| *event > cursor.last_event) {
            cursor.last_number += 1;
            let number = cursor.last_number;
            match blocks.last_mut().filter(|open| open.takes(self.build, self.fence, number, chunk)) {
                Some(open) => open.push(number, *event, chunk),
                None => {
                    let mut block = Block::new(self.build, self.run, self.fence, chunk, size);
                    block.push(number, *event, chunk);
                    blocks.push(block);
                }
            }
        }
        let last = self.chunks.iter().map(|(event, _)| *event).max().unwrap_or(0);
        cursor.last_event = cursor.last_event.max(last);
        blocks
    }
}

/// Deletes the logs of builds.
pub(super) struct Forget(pub Vec<BuildId>);

#[async_trait]
impl Command for Forget {
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        let places = places(self.0.len());
        for table in ["blocks", "log_ends"] {
            let delete = query_text(format!("DELETE FROM {table} WHERE build_id IN ({places})"));
            delete.bind_all(self.0.iter().map(|build| build.0)).execute(tx.conn().await?).await?;
        }
        Ok(())
    }
}

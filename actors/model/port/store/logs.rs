//! Logs: append-only chunks, outside the build's row, in a database of their own where the system allows it.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    id::{BuildId, Fence, StepPath},
    log::{Chunk, NumberedChunk, line_ends},
};

/// A piece of a step's log, contiguous.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StepLog {
    /// Offset of the first byte.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Bytes of the whole log so far.
    pub total: u64,
}

/// Where lines begin.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LogIndex {
    /// Bytes of the log so far.
    pub bytes: u64,
    /// Lines so far, the last one possibly unfinished.
    pub lines: u64,
    /// (line, offset of the chunk that begins in it, ms since the step's start), ascending; at most 4096, evenly thinned.
    pub marks: Vec<(u64, u64, u64)>,
}

/// The most marks of a [`LogIndex`].
pub const MAX_MARKS: usize = 4096;

impl LogIndex {
    /// The index of a log: each chunk's mark in order, and the last chunk's line and bytes.
    pub fn of(total: u64, marks: Vec<(u64, u64, u64)>, last: Option<(u64, &[u8])>) -> Self {
        let lines =
            last.map_or(0, |(line, bytes)| line + line_ends(bytes) - u64::from(bytes.last() == Some(&b'\n')));
        let every = marks.len().div_ceil(MAX_MARKS).max(1);
        Self { bytes: total, lines, marks: marks.into_iter().step_by(every).collect() }
    }
}

/// Log chunks.
#[async_trait]
pub trait LogStore {
    /// Appends chunks of one run of a build, each with its event number under the claim, in order: a chunk whose number
    /// is not above the highest stored of that claim is skipped, so that a repeated batch changes nothing. A claim with
    /// another fence of the same run (the build was handed back) replaces what the older one logged; chunks of an older
    /// claim than the newest are skipped. Returns the last chunk number of the build.
    async fn append_log(
        &self,
        build: BuildId,
        run: u32,
        fence: Fence,
        chunks: &[(u64, Chunk)],
    ) -> Result<i64, StoreError>;
    /// Chunks of a build after number `after`, in order, at most `max_bytes` (at least one).
    async fn chunks_after(
        &self,
        build: BuildId,
        after: i64,
        max_bytes: usize,
    ) -> Result<Vec<NumberedChunk>, StoreError>;
    /// The last chunk number of a build; 0 = none.
    async fn last_chunk(&self, build: BuildId) -> Result<i64, StoreError>;
    /// A range of a step's log of a run.
    async fn step_log(
        &self,
        build: BuildId,
        run: u32,
        step: &StepPath,
        offset: u64,
        limit: usize,
    ) -> Result<StepLog, StoreError>;
    /// Where the lines of a step's log begin.
    async fn log_index(&self, build: BuildId, run: u32, step: &StepPath) -> Result<LogIndex, StoreError>;
    /// Chunks of one step that overlap the byte range, for lines with their time and stream.
    async fn step_chunks(
        &self,
        build: BuildId,
        run: u32,
        step: &StepPath,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<NumberedChunk>, StoreError>;
}

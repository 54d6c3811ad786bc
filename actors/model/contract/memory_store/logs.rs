//! Log chunks.

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    id::{BuildId, Fence, StepPath},
    log::{Chunk, NumberedChunk},
    port::{
        StoreError,
        store::{LogIndex, LogStore, StepLog},
    },
};

#[derive(Default)]
pub(super) struct BuildLog {
    chunks: Vec<NumberedChunk>,
    last: i64,
    cursor: Option<Cursor>,
}

/// The newest claim that logged, and its last event.
struct Cursor {
    run: u32,
    fence: Fence,
    event: u64,
}

impl BuildLog {
    fn append(&mut self, run: u32, fence: Fence, chunks: &[(u64, Chunk)]) -> i64 {
        let mut cursor = match self.cursor.take() {
            Some(cursor) if cursor.fence == fence => cursor,
            Some(cursor) if fence.claim() < cursor.fence.claim() => {
                self.cursor = Some(cursor);
                return self.last;
            }
            _ => {
                self.chunks.retain(|stored| stored.run != run);
                Cursor { run, fence, event: 0 }
            }
        };
        for (event, chunk) in chunks {
            if *event > cursor.event {
                cursor.event = *event;
                self.last += 1;
                self.chunks.push(NumberedChunk { run: cursor.run, number: self.last, chunk: chunk.clone() });
            }
        }
        self.cursor = Some(cursor);
        self.last
    }

    fn of_step<'a>(&'a self, run: u32, step: &'a StepPath) -> impl Iterator<Item = &'a NumberedChunk> {
        self.chunks.iter().filter(move |stored| stored.run == run && stored.chunk.step == *step)
    }
}

fn end(chunk: &Chunk) -> u64 {
    chunk.offset + chunk.bytes.len() as u64
}

#[async_trait]
impl LogStore for MemoryStore {
    async fn append_log(
        &self,
        build: BuildId,
        run: u32,
        fence: Fence,
        chunks: &[(u64, Chunk)],
    ) -> Result<i64, StoreError> {
        Ok(self.tables().logs.entry(build).or_default().append(run, fence, chunks))
    }

    async fn chunks_after(
        &self,
        build: BuildId,
        after: i64,
        max_bytes: usize,
    ) -> Result<Vec<NumberedChunk>, StoreError> {
        let tables = self.tables();
        let Some(log) = tables.logs.get(&build) else { return Ok(Vec::new()) };
        let mut out: Vec<NumberedChunk> = Vec::new();
        let mut size = 0;
        for stored in log.chunks.iter().filter(|stored| stored.number > after) {
            size += stored.chunk.bytes.len();
            if size > max_bytes && !out.is_empty() {
                break;
            }
            out.push(stored.clone());
        }
        Ok(out)
    }

    async fn last_chunk(&self, build: BuildId) -> Result<i64, StoreError> {
        Ok(self.tables().logs.get(&build).map_or(0, |log| log.last))
    }

    async fn step_log(
        &self,
        build: BuildId,
        run: u32,
        step: &StepPath,
        offset: u64,
        limit: usize,
    ) -> Result<StepLog, StoreError> {
        let tables = self.tables();
        let Some(log) = tables.logs.get(&build) else { return Ok(StepLog { offset, ..StepLog::default() }) };
        let mut out = StepLog { offset, ..StepLog::default() };
        for stored in log.of_step(run, step) {
            out.total = end(&stored.chunk);
            let skip = offset.saturating_sub(stored.chunk.offset);
            let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(stored.chunk.bytes.len());
            let rest = &stored.chunk.bytes[skip..];
            out.bytes.extend_from_slice(&rest[..rest.len().min(limit - out.bytes.len())]);
        }
        Ok(out)
    }

    async fn log_index(&self, build: BuildId, run: u32, step: &StepPath) -> Result<LogIndex, StoreError> {
        let tables = self.tables();
        let Some(log) = tables.logs.get(&build) else { return Ok(LogIndex::default()) };
        let marks = log.of_step(run, step).map(|s| (s.chunk.line, s.chunk.offset, s.chunk.t)).collect();
        let last = log.of_step(run, step).last().map(|stored| &stored.chunk);
        Ok(LogIndex::of(last.map_or(0, end), marks, last.map(|chunk| (chunk.line, &chunk.bytes[..]))))
    }

    async fn step_chunks(
        &self,
        build: BuildId,
        run: u32,
        step: &StepPath,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<NumberedChunk>, StoreError> {
        let tables = self.tables();
        let Some(log) = tables.logs.get(&build) else { return Ok(Vec::new()) };
        let until = offset.saturating_add(limit as u64);
        let overlaps = |stored: &&NumberedChunk| stored.chunk.offset < until && end(&stored.chunk) > offset;
        Ok(log.of_step(run, step).filter(overlaps).cloned().collect())
    }
}

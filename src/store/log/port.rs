//! The port's calls.

use async_trait::async_trait;
use pikoci_model::{
    id::{BuildId, Fence, StepPath},
    log::{Chunk, NumberedChunk},
    port::{
        StoreError,
        store::{LogIndex, LogStore, StepLog},
    },
};

use super::read::{self, Of};
use crate::store::SqlStore;

#[async_trait]
impl LogStore for SqlStore {
    async fn append_log(
        &self,
        build: BuildId,
        run: u32,
        fence: Fence,
        chunks: &[(u64, Chunk)],
    ) -> Result<i64, StoreError> {
        self.log.append(build, run, fence, chunks.to_vec()).await
    }

    async fn chunks_after(
        &self,
        build: BuildId,
        after: i64,
        max_bytes: usize,
    ) -> Result<Vec<NumberedChunk>, StoreError> {
        Ok(read::after(&mut self.log_reader().await?, build, after, max_bytes).await?)
    }

    async fn last_chunk(&self, build: BuildId) -> Result<i64, StoreError> {
        Ok(read::last(&mut self.log_reader().await?, build).await?)
    }

    async fn step_log(
        &self,
        build: BuildId,
        run: u32,
        step: &StepPath,
        offset: u64,
        limit: usize,
    ) -> Result<StepLog, StoreError> {
        Ok(read::step_log(&mut self.log_reader().await?, Of { build, run, step }, offset, limit).await?)
    }

    async fn log_index(&self, build: BuildId, run: u32, step: &StepPath) -> Result<LogIndex, StoreError> {
        Ok(read::index(&mut self.log_reader().await?, Of { build, run, step }).await?)
    }

    async fn step_chunks(
        &self,
        build: BuildId,
        run: u32,
        step: &StepPath,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<NumberedChunk>, StoreError> {
        let of = Of { build, run, step };
        Ok(read::overlapping(&mut self.log_reader().await?, of, offset, limit).await?)
    }
}

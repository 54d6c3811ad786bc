//! Logs: append-only. On SQLite in a database file of their own with their own writer, so that they never wait for the
//! state nor the state for them; on a server in tables of their own.

mod block;
mod cursor;
mod port;
mod read;
mod shared;
mod writer;

use std::sync::Arc;

use pikoci_model::{
    id::{BuildId, Fence},
    log::Chunk,
    port::StoreError,
};

use crate::transact::Transactions;

pub(crate) use writer::{LOG_PAGE, LogWriter};

/// Where chunks go.
pub(crate) enum Log {
    /// Nobody else writes: one task, which commits what is queued together.
    File(LogWriter),
    /// Others write: each append has a transaction of its own.
    Direct(Arc<Transactions>),
}

impl Log {
    /// Appends chunks; answers with the build's last chunk number after the commit.
    pub async fn append(
        &self,
        build: BuildId,
        run: u32,
        fence: Fence,
        chunks: Vec<(u64, Chunk)>,
    ) -> Result<i64, StoreError> {
        match self {
            Self::File(writer) => writer.append(build, run, fence, chunks).await,
            Self::Direct(transactions) => {
                transactions.run(&shared::Append { build, run, fence, chunks }).await
            }
        }
    }

    /// Deletes the logs of builds.
    pub async fn forget(&self, builds: Vec<BuildId>) -> Result<(), StoreError> {
        match self {
            Self::File(writer) => writer.forget(builds).await,
            Self::Direct(transactions) => {
                for builds in builds.chunks(shared::FORGET) {
                    transactions.run(&shared::Forget(builds.to_vec())).await?;
                }
                Ok(())
            }
        }
    }

    /// Takes no more, and waits for what is queued.
    pub async fn close(&self) {
        if let Self::File(writer) = self {
            writer.close().await;
        }
    }
}

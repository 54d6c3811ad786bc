//! Bringing what is committed from the write-ahead file into the database, beside the writer: the two syncs of it take
//! longer than many commits, and every build's log would wait for them.
//!
//! Nothing is less safe by it: what was answered is in the write-ahead file, as it would be between two checkpoints of
//! the writer's own.

use sqlx::{Connection as _, sqlite::SqliteConnectOptions};
use tokio::{sync::mpsc, task::JoinHandle};

use super::writer::LOG_PAGE;
use crate::database::{Conn, connect};

/// Bytes in the write-ahead file after which a checkpoint is worth its syncs.
const WORTH: u64 = 32 * 1024 * 1024;
/// Bytes after which the writer waits until all is in the database, and the file begins anew: a log that comes without
/// a pause would else let it grow for ever.
const MOST: u64 = 256 * 1024 * 1024;
/// Pages that an append changes beside those of its bytes: a leaf of the table, and of each index.
const PAGES_BESIDE: u64 = 4;

/// What a write calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// A checkpoint beside the writer.
    Beside,
    /// One that the writer waits for.
    Whole,
}

/// About how much has been written since the last checkpoints.
#[derive(Debug, Default)]
pub(super) struct Tally {
    beside: u64,
    whole: u64,
}

impl Tally {
    /// An append of so many bytes was committed.
    pub fn add(&mut self, bytes: usize) {
        let written = bytes as u64 + PAGES_BESIDE * u64::from(LOG_PAGE);
        self.beside += written;
        self.whole += written;
    }

    /// What is due now; it counts as done.
    pub fn due(&mut self) -> Due {
        if self.whole >= MOST {
            *self = Self::default();
            return Due::Whole;
        }
        if self.beside >= WORTH {
            self.beside = 0;
            return Due::Beside;
        }
        Due::Nothing
    }
}

/// The task that makes checkpoints.
pub(super) struct Checkpoints {
    asked: mpsc::Sender<()>,
    task: JoinHandle<()>,
}

impl Checkpoints {
    /// Starts the task. It opens its connection when it is first needed.
    pub fn start(options: SqliteConnectOptions) -> Self {
        let (asked, asking) = mpsc::channel(1);
        Self { asked, task: tokio::spawn(work(options, asking)) }
    }

    /// Asks for one, unless one is asked for already.
    pub fn ask(&self) {
        // Full: the one that is to come will do.
        let _ = self.asked.try_send(());
    }

    /// Waits for the one that runs, and ends.
    pub async fn close(self) {
        drop(self.asked);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the checkpoints of the log ended badly");
        }
    }
}

async fn work(options: SqliteConnectOptions, mut asking: mpsc::Receiver<()>) {
    let mut conn: Option<Conn> = None;
    while asking.recv().await.is_some() {
        if conn.is_none() {
            conn = connect(&options).await.inspect_err(|fault| tracing::warn!("no checkpoint: {fault}")).ok();
        }
        let Some(open) = &mut conn else { continue };
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(open).await {
            tracing::warn!(%error, "a checkpoint of the log failed; the next one brings in what this one did not");
            conn = None;
        }
    }
    if let Some(conn) = conn
        && let Err(error) = conn.close().await
    {
        tracing::warn!(%error, "a connection was not closed cleanly");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_due_by_what_is_written() {
        let mut tally = Tally::default();
        let mut seen = Vec::new();
        for _ in 0..300 {
            tally.add(1024 * 1024);
            seen.push(tally.due());
        }
        let count = |due| seen.iter().filter(|seen| **seen == due).count();
        assert_eq!((count(Due::Beside), count(Due::Whole)), (8, 1));
        assert_eq!(seen.iter().position(|due| *due == Due::Beside), Some(30));
    }

    #[test]
    fn appends_of_few_bytes_count_by_their_pages() {
        let mut tally = Tally::default();
        let appends = (0..10_000).take_while(|_| {
            tally.add(1);
            tally.due() == Due::Nothing
        });
        assert!(appends.count() < 600);
    }
}

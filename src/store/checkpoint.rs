//! Bringing what is committed from the write-ahead file into the database, beside the writer: the two syncs of it take
//! longer than many commits, and every build would wait for them.
//!
//! Nothing is less safe by it: what was answered is in the write-ahead file, as it would be between two checkpoints of
//! the writer's own.

use sqlx::sqlite::SqliteConnectOptions;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    sql::{Bundle, Conn, query},
    sqlite::connect,
};

/// When checkpoints are made, in bytes of the write-ahead file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// After so much a checkpoint is worth its syncs.
    pub worth: u64,
    /// After so much the writer waits until all is in the database, and the file begins anew: writes that come without
    /// a pause would else let it grow for ever.
    pub most: u64,
}

/// What a write calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// A checkpoint beside the writer.
    Beside,
    /// One that the writer waits for.
    Whole,
}

/// About how much has been written since the last checkpoints.
#[derive(Debug)]
pub(crate) struct Tally {
    pace: Pace,
    beside: u64,
    whole: u64,
}

impl Tally {
    pub fn new(pace: Pace) -> Self {
        Self { pace, beside: 0, whole: 0 }
    }

    /// About so many bytes were committed.
    pub fn add(&mut self, written: u64) {
        self.beside += written;
        self.whole += written;
    }

    /// What is due now; it counts as done.
    pub fn due(&mut self) -> Due {
        if self.whole >= self.pace.most {
            *self = Self::new(self.pace);
            return Due::Whole;
        }
        if self.beside >= self.pace.worth {
            self.beside = 0;
            return Due::Beside;
        }
        Due::Nothing
    }
}

/// The checkpoints of one file: when they are due, and the task that makes them.
pub(crate) struct Checkpoints {
    written: Tally,
    asked: mpsc::Sender<()>,
    task: JoinHandle<()>,
}

impl Checkpoints {
    /// Starts the task. It opens its connection when it is first needed.
    pub fn start(options: SqliteConnectOptions, pace: Pace) -> Self {
        let (asked, asking) = mpsc::channel(1);
        Self { written: Tally::new(pace), asked, task: tokio::spawn(work(options, asking)) }
    }

    /// About so many bytes were committed.
    pub fn count(&mut self, written: u64) {
        self.written.add(written);
    }

    /// What the writer does about it, between two transactions.
    pub async fn keep_up(&mut self, writer: &mut Conn) {
        match self.written.due() {
            Due::Nothing => {}
            // Full: the one that is to come will do.
            Due::Beside => drop(self.asked.try_send(())),
            Due::Whole => {
                let mut whole = Bundle::default();
                whole.add("PRAGMA wal_checkpoint(RESTART)");
                if let Err(fault) = whole.send(writer).await {
                    tracing::warn!("a checkpoint failed; the write-ahead file grows on: {fault}");
                }
            }
        }
    }

    /// Waits for the one that runs, and ends.
    pub async fn close(self) {
        drop(self.asked);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the checkpoints ended badly");
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
        if let Err(error) = query("PRAGMA wal_checkpoint(PASSIVE)").execute(open).await {
            tracing::warn!(%error, "a checkpoint failed; the next one brings in what this one did not");
            conn = None;
        }
    }
    if let Some(conn) = conn {
        conn.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_due_by_what_is_written() {
        let mut tally = Tally::new(Pace { worth: 32 << 20, most: 256 << 20 });
        let mut seen = Vec::new();
        for _ in 0..300 {
            tally.add(1024 * 1024);
            seen.push(tally.due());
        }
        let count = |due| seen.iter().filter(|seen| **seen == due).count();
        assert_eq!((count(Due::Beside), count(Due::Whole)), (8, 1));
        assert_eq!(seen.iter().position(|due| *due == Due::Beside), Some(31));
    }
}

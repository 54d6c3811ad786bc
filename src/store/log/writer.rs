//! One task appends: what is queued together, up to a megabyte, is committed together.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use pikoci_model::{
    id::{BuildId, Fence},
    log::Chunk,
    port::StoreError,
};
use sqlx::sqlite::SqliteConnectOptions;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    block::{Block, INSERT},
    cursor::{self, Cursor, Turn},
};
use crate::{
    checkpoint::{Checkpoints, Pace},
    error::Fault,
    field::get,
    sql::{Answer, Bundle, Conn, query},
};

/// Appends that wait. Each caller waits for its answer, so this many builds log at once before one has to wait; the
/// bytes themselves are bounded by the windows of those builds.
const QUEUE: usize = 64;
/// Bytes in one transaction: enough to share a commit, little enough to answer soon.
const COMMIT: usize = 1024 * 1024;
/// Size of the logs' pages in bytes: their rows are big, and each page costs.
pub(crate) const LOG_PAGE: u32 = 16 * 1024;
/// Pages that an append changes beside those of its bytes: a leaf of the table, and of each index.
const PAGES_BESIDE: u64 = 4;
const PACE: Pace = Pace { worth: 32 * 1024 * 1024, most: 256 * 1024 * 1024 };
/// Builds whose end is kept in memory. Those beyond are read again.
const CURSORS: usize = 4096;

enum Order {
    Append(Append),
    Forget { builds: Vec<BuildId>, to: oneshot::Sender<Result<(), StoreError>> },
}

struct Append {
    build: BuildId,
    run: u32,
    fence: Fence,
    chunks: Vec<(u64, Chunk)>,
    to: oneshot::Sender<Result<i64, StoreError>>,
}

impl Append {
    fn size(&self) -> usize {
        self.chunks.iter().map(|(_, chunk)| chunk.bytes.len()).sum()
    }
}

/// The way to the task.
pub(crate) struct LogWriter {
    queue: Mutex<Option<mpsc::Sender<Order>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl LogWriter {
    /// Starts the task with its own connection, which makes no checkpoints by itself, and `options` for those.
    pub fn start(conn: Conn, options: SqliteConnectOptions) -> Self {
        let (queue, orders) = mpsc::channel(QUEUE);
        let appender = Appender {
            conn,
            waiting: Bundle::default(),
            newest: None,
            cursors: HashMap::new(),
            open: None,
            checkpoints: Checkpoints::start(options, PACE),
        };
        let task = tokio::spawn(appender.work(orders));
        Self { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)) }
    }

    /// Appends chunks; answers with the build's last chunk number after the commit.
    pub async fn append(
        &self,
        build: BuildId,
        run: u32,
        fence: Fence,
        chunks: Vec<(u64, Chunk)>,
    ) -> Result<i64, StoreError> {
        let (to, answer) = oneshot::channel();
        self.send(Order::Append(Append { build, run, fence, chunks, to })).await?;
        answer.await.map_err(|_| Fault::Closed)?
    }

    /// Deletes the logs of builds.
    pub async fn forget(&self, builds: Vec<BuildId>) -> Result<(), StoreError> {
        let (to, answer) = oneshot::channel();
        self.send(Order::Forget { builds, to }).await?;
        answer.await.map_err(|_| Fault::Closed)?
    }

    async fn send(&self, order: Order) -> Result<(), Fault> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        queue.ok_or(Fault::Closed)?.send(order).await.map_err(|_| Fault::Closed)
    }

    /// Takes no more, and waits for what is queued.
    pub async fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the log's writer ended badly");
        }
    }
}

struct Appender {
    conn: Conn,
    /// Statements of the transaction that are put off until one is awaited.
    waiting: Bundle,
    /// The newest build that has a log; none before it is read. One that is newer has none yet.
    newest: Option<BuildId>,
    cursors: HashMap<BuildId, Cursor>,
    /// The block that is being filled; inserted before the commit.
    open: Option<Block>,
    checkpoints: Checkpoints,
}

impl Appender {
    async fn work(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(first) = orders.recv().await {
            let mut batch = Vec::new();
            let mut size = 0;
            let mut next = Some(first);
            while let Some(order) = next {
                match order {
                    Order::Append(append) => {
                        size += append.size();
                        batch.push(append);
                    }
                    Order::Forget { builds, to } => {
                        self.commit(std::mem::take(&mut batch)).await;
                        // Who asked may be gone.
                        to.send(self.forget(builds).await.map_err(StoreError::from)).ok();
                        self.checkpoints.keep_up(&mut self.conn).await;
                    }
                }
                next = if size < COMMIT { orders.try_recv().ok() } else { None };
            }
            self.commit(batch).await;
        }
        self.checkpoints.close().await;
        self.conn.close().await;
    }

    async fn commit(&mut self, batch: Vec<Append>) {
        let outcome = self.append_all(&batch).await;
        if outcome.is_err() {
            self.undo().await;
        }
        let outcome = outcome.map_err(StoreError::from);
        for (index, append) in batch.into_iter().enumerate() {
            let answer = match &outcome {
                Ok(numbers) => Ok(numbers[index]),
                Err(error) => Err(error.clone()),
            };
            self.count(append.size());
            // Who asked may be gone; what was written stays.
            append.to.send(answer).ok();
        }
        // After the answers: nobody but the next waits for it.
        self.checkpoints.keep_up(&mut self.conn).await;
    }

    fn count(&mut self, bytes: usize) {
        self.checkpoints.count(bytes as u64 + PAGES_BESIDE * u64::from(LOG_PAGE));
    }

    /// The answer of the last statement; those that were put off are done as well.
    async fn last(&mut self) -> Result<Answer, Fault> {
        let answers = std::mem::take(&mut self.waiting).send(&mut self.conn).await?;
        Ok(answers.into_iter().next_back().unwrap_or_default())
    }

    /// The last chunk number after each append.
    async fn append_all(&mut self, batch: &[Append]) -> Result<Vec<i64>, Fault> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.waiting.add("BEGIN IMMEDIATE");
        let mut numbers = Vec::with_capacity(batch.len());
        for append in batch {
            numbers.push(self.append(append).await?);
        }
        self.flush().await?;
        self.waiting.add("COMMIT");
        self.last().await?;
        Ok(numbers)
    }

    async fn append(&mut self, append: &Append) -> Result<i64, Fault> {
        let build = append.build;
        let mut cursor = self.cursor(build).await?;
        match cursor.turn(append.fence) {
            Turn::Late => return Ok(cursor.last_number),
            Turn::Begins if append.chunks.is_empty() => return Ok(cursor.last_number),
            Turn::Begins => {
                self.flush().await?;
                if cursor.fence.is_some() {
                    let delete = self.waiting.add("DELETE FROM blocks WHERE build_id = ? AND run = ?");
                    delete.bind(build.0).bind(append.run);
                }
                cursor.fence = Some(append.fence);
                cursor.last_event = 0;
            }
            Turn::Continues => {}
        }
        for (event, chunk) in append.chunks.iter().filter(|(event, _)| *event > cursor.last_event) {
            cursor.last_number += 1;
            self.push(append, cursor.last_number, *event, chunk).await?;
        }
        let last = append.chunks.iter().map(|(event, _)| *event).max().unwrap_or(0);
        cursor.last_event = cursor.last_event.max(last);
        self.cursors.insert(build, cursor);
        Ok(cursor.last_number)
    }

    async fn push(&mut self, append: &Append, number: i64, event: u64, chunk: &Chunk) -> Result<(), Fault> {
        let goes_on =
            self.open.as_ref().is_some_and(|open| open.takes(append.build, append.fence, number, chunk));
        if !goes_on {
            self.flush().await?;
        }
        let open = self
            .open
            .get_or_insert_with(|| Block::new(append.build, append.run, append.fence, chunk, append.size()));
        open.push(number, event, chunk);
        Ok(())
    }

    async fn cursor(&mut self, build: BuildId) -> Result<Cursor, Fault> {
        if let Some(known) = self.cursors.get(&build) {
            return Ok(*known);
        }
        self.flush().await?;
        if self.cursors.len() >= CURSORS {
            self.cursors.clear();
        }
        let newest = self.newest().await?;
        let read = if build > newest {
            self.newest = Some(build);
            Cursor::default()
        } else {
            self.waiting.add(cursor::FIND).bind(build.0);
            cursor::of_row(self.last().await?.row().as_ref())?
        };
        self.cursors.insert(build, read);
        Ok(read)
    }

    async fn newest(&mut self) -> Result<BuildId, Fault> {
        if let Some(newest) = self.newest {
            return Ok(newest);
        }
        self.waiting.add("SELECT MAX(build_id) FROM blocks");
        let row = self.last().await?.row();
        let newest = row.map(|row| get::<Option<i64>>(&row, 0)).transpose()?.flatten();
        let newest = BuildId(newest.unwrap_or_default());
        self.newest = Some(newest);
        Ok(newest)
    }

    /// Inserts the block that was filled.
    async fn flush(&mut self) -> Result<(), Fault> {
        let Some(block) = self.open.take() else { return Ok(()) };
        block.put(self.waiting.add(INSERT));
        if self.waiting.is_long() { self.last().await.map(drop) } else { Ok(()) }
    }

    async fn forget(&mut self, builds: Vec<BuildId>) -> Result<(), Fault> {
        for build in builds {
            self.cursors.remove(&build);
            self.count(0);
            self.waiting.add("DELETE FROM blocks WHERE build_id = ?").bind(build.0);
            self.last().await?;
        }
        Ok(())
    }

    /// After an error nothing of the batch is stored, and what is known of the logs' ends is void.
    async fn undo(&mut self) {
        self.open = None;
        self.waiting = Bundle::default();
        self.newest = None;
        self.cursors.clear();
        // After some errors the database has rolled back already, and says so.
        query("ROLLBACK").execute(&mut self.conn).await.ok();
    }
}

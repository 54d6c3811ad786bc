//! Writing. On SQLite one task writes: what is queued together is committed together.
//!
//! A command that fails never hurts another: the transaction is rolled back and each command runs alone. So a command
//! may run twice, and only its last run counts.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use pikoci_model::{
    build::Phase,
    id::{BuildId, PipelineId, ResourceId, RevisionId},
    port::StoreError,
};
use sqlx::sqlite::SqliteConnectOptions;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    builds::Stored,
    checkpoint::{Checkpoints, Pace},
    definitions::{Definition, Definitions},
    error::Fault,
    sql::{Answer, Binding, Bundle, Conn, Sql, query},
    transact::Transactions,
};

/// Commands that wait. Each belongs to a caller that waits for its answer, so that a full queue slows callers down.
const QUEUE: usize = 1024;
/// Builds whose rows are remembered; a KiB each.
const REMEMBERED: usize = 1024;
/// About the bytes that a command writes: the pages that it changes.
const WRITTEN: u64 = 12 * 4096;
const PACE: Pace = Pace { worth: 8 * 1024 * 1024, most: 64 * 1024 * 1024 };
/// Commands in one transaction: enough to share a commit, few enough that the first does not wait long.
const BATCH: usize = 128;

/// What commands need besides the connection.
pub(crate) struct Shared {
    /// Immutable definitions, read once.
    pub definitions: Definitions,
    /// Seals what is secret.
    pub key: pikoci_seal::HostKey,
}

/// Rows of builds as they are now: only where nobody but one writer changes them.
pub(crate) type Remembered = HashMap<BuildId, Stored>;

/// A running transaction.
///
/// Statements whose answer nobody needs are put off: they travel with the next one whose answer somebody awaits, on
/// SQLite with `BEGIN` before the first and `COMMIT` after the last of them.
pub(crate) struct Tx<'a> {
    conn: &'a mut Conn,
    waiting: Bundle,
    /// The builds that were read or written last; none where others write.
    builds: Option<Remembered>,
    pub shared: &'a Shared,
}

impl<'a> Tx<'a> {
    /// A transaction on a database where others write too. It has begun.
    pub fn alone(conn: &'a mut Conn, shared: &'a Shared) -> Self {
        Self { conn, waiting: Bundle::default(), builds: None, shared }
    }

    /// Sends what was put off.
    pub async fn finish(mut self) -> Result<(), Fault> {
        if self.waiting.is_empty() { Ok(()) } else { self.send().await.map(drop) }
    }

    /// Whether others write to the same database.
    pub fn is_shared(&self) -> bool {
        self.conn.is_shared()
    }

    /// Has others wait with what changes the decisions about a pipeline, until this transaction ends. Whoever locks more
    /// than this locks this first. Where nobody else writes nothing is to be done.
    pub async fn lock_pipeline(&mut self, pipeline: PipelineId) -> Result<(), Fault> {
        const LOCK: Sql = Sql::new("SELECT state FROM pipeline_states WHERE pipeline_id = ?").locking();
        if self.is_shared() {
            self.add(LOCK).bind(pipeline.0);
            self.last().await?;
        }
        Ok(())
    }

    /// The same, of the pipeline of a build.
    pub async fn lock_pipeline_of(&mut self, build: BuildId) -> Result<(), Fault> {
        const LOCK: Sql = Sql::new(
            "SELECT state FROM pipeline_states WHERE pipeline_id = (SELECT pipeline_id FROM builds WHERE id = ?)",
        )
        .locking();
        if self.is_shared() {
            self.add(LOCK).bind(build.0);
            self.last().await?;
        }
        Ok(())
    }

    /// The same, of the pipeline of a resource.
    pub async fn lock_pipeline_with(&mut self, resource: ResourceId) -> Result<(), Fault> {
        const LOCK: Sql = Sql::new(
            "SELECT state FROM pipeline_states WHERE pipeline_id = \
             (SELECT pipeline_id FROM resources WHERE id = ?)",
        )
        .locking();
        if self.is_shared() {
            self.add(LOCK).bind(resource.0);
            self.last().await?;
        }
        Ok(())
    }

    /// A build's row, if it is remembered.
    pub fn remembered(&self, build: BuildId) -> Option<Stored> {
        self.builds.as_ref()?.get(&build).cloned()
    }

    /// Remembers a build's row as it is from now on; one that is done is not asked for again.
    pub fn remember(&mut self, stored: &Stored) {
        let Some(builds) = &mut self.builds else { return };
        if stored.build.phase == Phase::Done {
            builds.remove(&stored.build.id);
            return;
        }
        if builds.len() >= REMEMBERED {
            builds.clear();
        }
        builds.insert(stored.build.id, stored.as_read());
    }

    /// Forgets all builds: some are gone.
    pub fn forget_builds(&mut self) {
        if let Some(builds) = &mut self.builds {
            builds.clear();
        }
    }

    /// Puts a statement off.
    pub fn add(&mut self, statement: impl Into<Sql>) -> Binding<'_> {
        self.waiting.add(statement)
    }

    /// The answer of the statement that was added last; those before it are done as well.
    pub async fn last(&mut self) -> Result<Answer, Fault> {
        Ok(self.send().await?.pop().unwrap_or_default())
    }

    /// Sends what waits if that is a lot; for loops without an end in sight.
    pub async fn settle(&mut self) -> Result<(), Fault> {
        if self.waiting.is_long() { self.send().await.map(drop) } else { Ok(()) }
    }

    /// The connection, after what was put off.
    pub async fn conn(&mut self) -> Result<&mut Conn, Fault> {
        if !self.waiting.is_empty() {
            self.send().await?;
        }
        Ok(self.conn)
    }

    /// A definition that a row refers to; most are in memory.
    pub async fn definition(&mut self, id: RevisionId) -> Result<Arc<Definition>, Fault> {
        match self.shared.definitions.known(id) {
            Some(known) => Ok(known),
            None => self.shared.definitions.of(self.conn().await?, id).await,
        }
    }

    async fn send(&mut self) -> Result<Vec<Answer>, Fault> {
        std::mem::take(&mut self.waiting).send(self.conn).await
    }

    /// After an error. The database may have rolled back already, and says so.
    async fn roll_back(&mut self) {
        self.waiting = Bundle::default();
        self.forget_builds();
        query("ROLLBACK").execute(self.conn).await.ok();
    }
}

/// One write: reads what it depends on, and changes, within one transaction.
#[async_trait]
pub(crate) trait Command: Send + Sync + 'static {
    /// What the caller learns. A condition that does not hold is an answer.
    type Answer: Send + 'static;
    /// Does it. After an error the transaction is rolled back.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Answer, Fault>;
}

/// Where commands go.
pub(crate) enum Writer {
    /// Nobody else writes: one task, which commits what is queued together.
    Queue(Queue),
    /// Others write: each command has a transaction of its own.
    Direct(Arc<Transactions>),
}

impl Writer {
    /// Starts the task with its own connection, which makes no checkpoints by itself, and `options` for those.
    pub fn queue(conn: Conn, shared: Arc<Shared>, options: SqliteConnectOptions) -> Self {
        let (queue, commands) = mpsc::channel(QUEUE);
        let task = tokio::spawn(work(conn, shared, Checkpoints::start(options, PACE), commands));
        Self::Queue(Queue { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)) })
    }

    /// Runs a command; answers after its commit.
    pub async fn run<C: Command>(&self, command: C) -> Result<C::Answer, StoreError> {
        match self {
            Self::Queue(queue) => queue.run(command).await,
            Self::Direct(transactions) => transactions.run(&command).await,
        }
    }

    /// Takes no more commands, and waits for those that are queued.
    pub async fn close(&self) {
        if let Self::Queue(queue) = self {
            queue.close().await;
        }
    }
}

/// The way to the task.
pub(crate) struct Queue {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Queued>>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Queue {
    async fn run<C: Command>(&self, command: C) -> Result<C::Answer, StoreError> {
        let (to, answer) = oneshot::channel();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let entry: Box<dyn Queued> = Box::new(Entry { command, answer: None, to });
        queue.ok_or(Fault::Closed)?.send(entry).await.map_err(|_| Fault::Closed)?;
        answer.await.map_err(|_| Fault::Closed)?
    }

    async fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the store's writer ended badly");
        }
    }
}

async fn work(
    mut conn: Conn,
    shared: Arc<Shared>,
    mut checkpoints: Checkpoints,
    mut commands: mpsc::Receiver<Box<dyn Queued>>,
) {
    let mut builds = Some(Remembered::new());
    while let Some(first) = commands.recv().await {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = commands.try_recv()
        {
            batch.push(next);
        }
        let mut tx = Tx { conn: &mut conn, waiting: Bundle::default(), builds, shared: &shared };
        checkpoints.count(batch.len() as u64 * WRITTEN);
        commit(&mut tx, batch).await;
        builds = tx.builds;
        // After the answers: nobody but the next waits for it.
        checkpoints.keep_up(&mut conn).await;
    }
    checkpoints.close().await;
    conn.close().await;
}

/// Commits all of them in one transaction, or each in its own if that fails.
async fn commit(tx: &mut Tx<'_>, mut batch: Vec<Box<dyn Queued>>) {
    match attempt(tx, &mut batch).await {
        Ok(()) => batch.into_iter().for_each(|entry| entry.answer(Ok(()))),
        Err(fault) if batch.len() == 1 => {
            let error = StoreError::from(fault);
            batch.into_iter().for_each(|entry| entry.answer(Err(error.clone())));
        }
        Err(_) => {
            for entry in batch {
                let mut alone = [entry];
                let outcome = attempt(tx, &mut alone).await.map_err(StoreError::from);
                let [entry] = alone;
                entry.answer(outcome);
            }
        }
    }
}

async fn attempt(tx: &mut Tx<'_>, batch: &mut [Box<dyn Queued>]) -> Result<(), Fault> {
    tx.add("BEGIN IMMEDIATE");
    let done = run_all(tx, batch).await;
    if done.is_err() {
        tx.roll_back().await;
    }
    done
}

async fn run_all(tx: &mut Tx<'_>, batch: &mut [Box<dyn Queued>]) -> Result<(), Fault> {
    for entry in batch {
        entry.run(tx).await?;
        tx.settle().await?;
    }
    tx.add("COMMIT");
    tx.last().await.map(drop)
}

#[async_trait]
pub(crate) trait Queued: Send {
    async fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), Fault>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Entry<C: Command> {
    command: C,
    answer: Option<C::Answer>,
    to: oneshot::Sender<Result<C::Answer, StoreError>>,
}

#[async_trait]
impl<C: Command> Queued for Entry<C> {
    async fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), Fault> {
        self.answer = Some(self.command.run(tx).await?);
        Ok(())
    }

    /// Who asked may be gone; what was written stays.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let missing = || StoreError::Refused("a command gave no answer".into());
        let Self { answer, to, .. } = *self;
        to.send(outcome.and_then(|()| answer.ok_or_else(missing))).ok();
    }
}

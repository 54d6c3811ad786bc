//! One task writes: what is queued together is committed together.
//!
//! A command that fails never hurts another: the transaction is rolled back and each command runs alone. So a command
//! may run twice, and only its last run counts.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pikoci_model::port::StoreError;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{database::Conn, definitions::Definitions, error::Fault};

/// Commands that wait. Each belongs to a caller that waits for its answer, so that a full queue slows callers down.
const QUEUE: usize = 1024;
/// Commands in one transaction: enough to share a commit, few enough that the first does not wait long.
const BATCH: usize = 128;

/// What commands need besides the connection.
pub(crate) struct Shared {
    /// Immutable definitions, read once.
    pub definitions: Definitions,
    /// Seals what is secret.
    pub key: pikoci_seal::HostKey,
}

/// A running transaction.
pub(crate) struct Tx<'a> {
    pub conn: &'a mut Conn,
    pub shared: &'a Shared,
}

/// One write: reads what it depends on, and changes, within one transaction.
#[async_trait]
pub(crate) trait Command: Send + Sync + 'static {
    /// What the caller learns. A condition that does not hold is an answer.
    type Answer: Send + 'static;
    /// Does it. After an error the transaction is rolled back.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Answer, Fault>;
}

/// The way to the task.
pub(crate) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Queued>>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the task with its own connection.
    pub fn start(conn: Conn, shared: Arc<Shared>) -> Self {
        let (queue, commands) = mpsc::channel(QUEUE);
        let task = tokio::spawn(work(conn, shared, commands));
        Self { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)) }
    }

    /// Runs a command; answers after its commit.
    pub async fn run<C: Command>(&self, command: C) -> Result<C::Answer, StoreError> {
        let (to, answer) = oneshot::channel();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let entry: Box<dyn Queued> = Box::new(Entry { command, answer: None, to });
        queue.ok_or(Fault::Closed)?.send(entry).await.map_err(|_| Fault::Closed)?;
        answer.await.map_err(|_| Fault::Closed)?
    }

    /// Takes no more commands, and waits for those that are queued.
    pub async fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the store's writer ended badly");
        }
    }
}

async fn work(mut conn: Conn, shared: Arc<Shared>, mut commands: mpsc::Receiver<Box<dyn Queued>>) {
    while let Some(first) = commands.recv().await {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = commands.try_recv()
        {
            batch.push(next);
        }
        let mut tx = Tx { conn: &mut conn, shared: &shared };
        commit(&mut tx, batch).await;
    }
    crate::sqlite::close_connection(conn).await;
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
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *tx.conn).await?;
    let done = run_all(tx, batch).await;
    if done.is_err() {
        // After some errors the database has rolled back already, and says so.
        sqlx::query("ROLLBACK").execute(&mut *tx.conn).await.ok();
    }
    done
}

async fn run_all(tx: &mut Tx<'_>, batch: &mut [Box<dyn Queued>]) -> Result<(), Fault> {
    for entry in batch {
        entry.run(tx).await?;
    }
    sqlx::query("COMMIT").execute(&mut *tx.conn).await?;
    Ok(())
}

#[async_trait]
trait Queued: Send {
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

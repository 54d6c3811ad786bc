//! The store: its parts, and closing it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    account::Users,
    error::Fault,
    lock::FileLock,
    log::Log,
    memory_directory::MemoryDirectory,
    options::{Database, OpenError, OpenOptions},
    server,
    sql::{Conn, Pool},
    sqlite,
    writer::{Shared, Writer},
};

/// A store in a database: a SQLite file, or a database of PostgreSQL, MySQL or MariaDB.
///
/// Close it at the end with [`SqlStore::close`]; one that is only dropped loses nothing that was answered, but beside a
/// SQLite file a write-ahead file may stay.
pub struct SqlStore {
    pub(crate) writer: Writer,
    pub(crate) log: Log,
    pub(crate) shared: Arc<Shared>,
    pub(crate) users: Users,
    pub(crate) readers: Pool,
    pub(crate) log_readers: Pool,
    pub(crate) file: Mutex<Option<Held>>,
}

/// What a store on a file holds until it is closed.
pub(crate) struct Held {
    pub _lock: FileLock,
    pub memory: Option<MemoryDirectory>,
}

impl SqlStore {
    /// Opens a store, makes its file if it does not exist, and brings it up to date.
    ///
    /// # Errors
    /// It cannot be made, reached, opened or migrated, another process has the file, or a newer program has written it.
    pub async fn open(options: OpenOptions) -> Result<Self, OpenError> {
        match options.database {
            Database::Memory => sqlite::open(None, options.host_key).await,
            Database::File(path) => sqlite::open(Some(path), options.host_key).await,
            Database::Server(database) => server::open(&database, options.host_key).await,
        }
    }

    /// Whether other servers may write to the same database.
    pub fn is_shared(&self) -> bool {
        !matches!(self.readers, Pool::Sqlite(_))
    }

    /// Commits what is queued, closes the connections, and removes a store in memory. Everything later is refused as
    /// down.
    pub async fn close(&self) {
        self.writer.close().await;
        self.log.close().await;
        self.readers.close().await;
        self.log_readers.close().await;
        self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Where a store in memory lies, until it is closed.
    pub fn memory_directory(&self) -> Option<PathBuf> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = file.as_ref().and_then(|held| held.memory.as_ref());
        memory.map(|memory| memory.path().to_owned())
    }

    pub(crate) async fn reader(&self) -> Result<Conn, Fault> {
        self.readers.acquire().await
    }

    pub(crate) async fn log_reader(&self) -> Result<Conn, Fault> {
        self.log_readers.acquire().await
    }
}

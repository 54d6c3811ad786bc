//! The store on SQLite: opening, closing, its parts.

use std::{
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _,
    pool::PoolConnection,
    sqlite::{Sqlite, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    account::Users,
    database::{Conn, Readers, connect, readers},
    definitions::Definitions,
    error::Fault,
    lock::FileLock,
    log::{LOG_PAGE, LogWriter},
    memory_directory::MemoryDirectory,
    migrations::{migrate_log, migrate_state},
    options::{OpenError, OpenOptions},
    writer::{Shared, Writer},
};

/// How long a statement waits for another process that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// A store on SQLite: one file for the state, one for logs.
///
/// Close it at the end with [`SqliteStore::close`]; one that is only dropped loses nothing that was answered, but a
/// write-ahead file may stay beside the database.
pub struct SqliteStore {
    pub(crate) writer: Writer,
    pub(crate) log: LogWriter,
    pub(crate) shared: Arc<Shared>,
    pub(crate) users: Users,
    readers: Readers,
    log_readers: Readers,
    memory: Mutex<Option<MemoryDirectory>>,
    lock: Mutex<Option<FileLock>>,
}

impl SqliteStore {
    /// Opens a store, makes it if it does not exist, and brings it up to date.
    ///
    /// # Errors
    /// It cannot be made, opened or migrated, another process has it, or a newer program has written it.
    pub async fn open(options: OpenOptions) -> Result<Self, OpenError> {
        let memory = options.path.is_none().then(MemoryDirectory::new).transpose()?;
        let in_memory = memory.as_ref().map(|memory| memory.path().join("pikoci.db"));
        let path = options.path.or(in_memory).unwrap_or_default();
        make_private(&path)?;
        let lock = FileLock::take(&path)?;
        make_private(&log_path(&path))?;
        let volatile = memory.is_some();
        let (state, logs) = (file(&path, volatile), log_file(&log_path(&path), volatile));

        let mut conn = open(&state, &path).await?;
        migrate_state(&mut conn, &path).await?;
        let mut log_conn = open(&logs, &log_path(&path)).await?;
        migrate_log(&mut log_conn, &log_path(&path)).await?;

        let readers_of = |fault: Fault| OpenError::Database { path: path.clone(), reason: fault.into() };
        let shared = Arc::new(Shared { definitions: Definitions::default(), key: options.host_key });
        Ok(Self {
            readers: readers(&state).await.map_err(readers_of)?,
            log_readers: readers(&logs).await.map_err(readers_of)?,
            writer: Writer::start(conn, shared.clone(), state),
            log: LogWriter::start(log_conn, logs),
            shared,
            users: Users::default(),
            memory: Mutex::new(memory),
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Commits what is queued, closes the files, and removes a store in memory. Everything later is refused as down.
    pub async fn close(&self) {
        self.writer.close().await;
        self.log.close().await;
        self.readers.close().await;
        self.log_readers.close().await;
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Where a store in memory lies, until it is closed.
    pub fn memory_directory(&self) -> Option<PathBuf> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.as_ref().map(|memory| memory.path().to_owned())
    }

    pub(crate) async fn reader(&self) -> Result<PoolConnection<Sqlite>, Fault> {
        Ok(self.readers.acquire().await?)
    }

    pub(crate) async fn log_reader(&self) -> Result<PoolConnection<Sqlite>, Fault> {
        Ok(self.log_readers.acquire().await?)
    }
}

/// Closes a writer's connection; the last one checkpoints.
pub(crate) async fn close_connection(conn: Conn) {
    if let Err(error) = conn.close().await {
        tracing::warn!(%error, "the database was not closed cleanly");
    }
}

fn file(path: &Path, volatile: bool) -> SqliteConnectOptions {
    let synchronous = if volatile { SqliteSynchronous::Off } else { SqliteSynchronous::Normal };
    // Statements are never logged: what is bound to them may be private.
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .statement_cache_capacity(256)
        // Checkpoints are made beside the writers.
        .pragma("wal_autocheckpoint", "0")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

fn log_file(path: &Path, volatile: bool) -> SqliteConnectOptions {
    file(path, volatile).page_size(LOG_PAGE)
}

/// `state.db` has its logs in `state-log.db`.
fn log_path(path: &Path) -> PathBuf {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let extension = path.extension().map(|ext| format!(".{}", ext.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-log{extension}"))
}

/// Makes the file, for its owner alone, if it does not exist; the files that SQLite puts beside it take its mode.
fn make_private(path: &Path) -> Result<(), OpenError> {
    let failed = |reason| OpenError::Place { path: path.to_owned(), reason };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let options = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).to_owned();
    options.open(path).map(drop).map_err(failed)
}

async fn open(options: &SqliteConnectOptions, path: &Path) -> Result<Conn, OpenError> {
    let opened = connect(options).await;
    opened.map_err(|fault| OpenError::Database { path: path.to_owned(), reason: fault.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_lie_beside_the_state() {
        assert_eq!(log_path(Path::new("/a/ci.db")), Path::new("/a/ci-log.db"));
        assert_eq!(log_path(Path::new("state")), Path::new("state-log"));
    }
}

//! Opening a store on SQLite: one file for the state, one for logs.

use std::{
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use pikoci_seal::HostKey;
use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    account::Users,
    definitions::Definitions,
    error::Fault,
    lock::FileLock,
    log::{LOG_PAGE, Log, LogWriter},
    memory_directory::MemoryDirectory,
    migrations::{migrate, sqlite_log, sqlite_state},
    options::OpenError,
    sql::{Conn, Pool},
    store::{Held, SqlStore},
    writer::{Shared, Writer},
};

/// How long a statement waits for another process that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the files, or a store in memory.
pub(crate) async fn open(path: Option<PathBuf>, key: HostKey) -> Result<SqlStore, OpenError> {
    let memory = path.is_none().then(MemoryDirectory::new).transpose()?;
    let in_memory = memory.as_ref().map(|memory| memory.path().join("pikoci.db"));
    let path = path.or(in_memory).unwrap_or_default();
    make_private(&path)?;
    let lock = FileLock::take(&path)?;
    make_private(&log_path(&path))?;
    let volatile = memory.is_some();
    let (state, logs) = (file(&path, volatile), log_file(&log_path(&path), volatile));

    let mut conn = first(&state, &path).await?;
    migrate(&mut conn, &path.display().to_string(), sqlite_state()).await?;
    let mut log_conn = first(&logs, &log_path(&path)).await?;
    migrate(&mut log_conn, &log_path(&path).display().to_string(), sqlite_log()).await?;

    let readers_of = |fault: Fault| failed(&path, fault);
    let shared = Arc::new(Shared { definitions: Definitions::default(), key });
    Ok(SqlStore {
        readers: Pool::sqlite(&state).await.map_err(readers_of)?,
        log_readers: Pool::sqlite(&logs).await.map_err(readers_of)?,
        writer: Writer::queue(own(conn), shared.clone(), state),
        log: Log::File(LogWriter::start(own(log_conn), logs)),
        shared,
        users: Users::remembering(),
        file: Mutex::new(Some(Held { _lock: lock, memory })),
    })
}

/// One connection, for a writer.
pub(crate) async fn connect(options: &SqliteConnectOptions) -> Result<Conn, Fault> {
    Ok(own(options.connect().await?))
}

/// Connections that write to the files of state and logs, beside those of a store that does nothing.
pub(crate) async fn writers(path: &Path) -> Result<(Conn, Conn), Fault> {
    Ok((connect(&file(path, false)).await?, connect(&log_file(&log_path(path), false)).await?))
}

fn own(conn: SqliteConnection) -> Conn {
    Conn::Sqlite(Box::new(conn))
}

async fn first(options: &SqliteConnectOptions, path: &Path) -> Result<SqliteConnection, OpenError> {
    options.connect().await.map_err(|error| failed(path, error.into()))
}

fn failed(path: &Path, fault: Fault) -> OpenError {
    OpenError::Database { place: path.display().to_string(), reason: fault.into() }
}

/// A file as the store opens it, for reading and writing.
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
pub(crate) fn log_path(path: &Path) -> PathBuf {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_lie_beside_the_state() {
        assert_eq!(log_path(Path::new("/a/ci.db")), Path::new("/a/ci-log.db"));
        assert_eq!(log_path(Path::new("state")), Path::new("state-log"));
    }
}

//! What the database says, translated once.

use pikoci_model::port::StoreError;

/// What can go wrong below the port.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The database or its driver.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// A row says what it must not.
    #[error("{table} {row}: {problem}")]
    Inconsistent {
        /// Which table.
        table: &'static str,
        /// Which row.
        row: String,
        /// What is wrong.
        problem: String,
    },
    /// A statement of ours that makes no sense.
    #[error("{0}")]
    Refused(String),
    /// The store is being closed.
    #[error("it is closed")]
    Closed,
}

// Primary result codes of SQLite: the low byte of what it reports.
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_IOERR: u32 = 10;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;

impl Fault {
    /// A row that a write names and that is not there.
    pub fn missing(what: &str, id: impl std::fmt::Display) -> Self {
        Self::Refused(format!("{what} {id} does not exist"))
    }

    /// A row that cannot be read.
    pub fn row(table: &'static str, row: impl std::fmt::Display, problem: impl std::fmt::Display) -> Self {
        Self::Inconsistent { table, row: row.to_string(), problem: problem.to_string() }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => translate(&error),
            Fault::Inconsistent { table, row, problem } => Self::Inconsistent { table, row, problem },
            Fault::Refused(reason) => Self::Refused(reason),
            Fault::Closed => Self::Down("it is closed".into()),
        }
    }
}

fn translate(error: &sqlx::Error) -> StoreError {
    let text = error.to_string();
    match error {
        sqlx::Error::Database(database) => by_code(primary_code(database.as_ref()), text),
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::Down(text),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            StoreError::Inconsistent { table: "database", row: "unknown".into(), problem: text }
        }
        _ => StoreError::Refused(text),
    }
}

fn primary_code(error: &dyn sqlx::error::DatabaseError) -> u32 {
    error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default() & 0xff
}

fn by_code(code: u32, text: String) -> StoreError {
    match code {
        SQLITE_FULL => StoreError::Full(text),
        SQLITE_BUSY | SQLITE_LOCKED | SQLITE_IOERR | SQLITE_CANTOPEN => StoreError::Down(text),
        SQLITE_CORRUPT | SQLITE_NOTADB => {
            StoreError::Inconsistent { table: "database", row: "file".into(), problem: text }
        }
        _ => StoreError::Refused(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_what_a_caller_can_act_on() {
        assert!(by_code(SQLITE_BUSY, "database is locked".into()).is_passing());
        assert_eq!(by_code(SQLITE_FULL, "full".into()), StoreError::Full("full".into()));
        assert!(matches!(by_code(SQLITE_CORRUPT, "malformed".into()), StoreError::Inconsistent { .. }));
        assert!(matches!(by_code(1, "no such column: x".into()), StoreError::Refused(_)));
    }
}

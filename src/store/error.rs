//! What the database says, translated once.

use std::time::Duration;

use pikoci_model::port::StoreError;
use sqlx::{error::DatabaseError, mysql::MySqlDatabaseError, postgres::PgDatabaseError};

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
    /// The server has not answered.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// The server cannot be reached: where, and why.
    #[error("{0}")]
    Away(String),
    /// The store is being closed.
    #[error("it is closed")]
    Closed,
}

/// What a trouble with the database calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Somebody else's transaction was in the way: the same again will do.
    Conflict,
    /// The connection or its server is gone, or will be: another connection may do.
    Lost,
    /// It cannot be used now.
    Down,
    /// Its disk is full.
    Full,
    /// What is stored cannot be read.
    Corrupt,
    /// A statement was refused.
    Refused,
}

impl Fault {
    /// A row that a write names and that is not there.
    pub fn missing(what: &str, id: impl std::fmt::Display) -> Self {
        Self::Refused(format!("{what} {id} does not exist"))
    }

    /// A row that cannot be read.
    pub fn row(table: &'static str, row: impl std::fmt::Display, problem: impl std::fmt::Display) -> Self {
        Self::Inconsistent { table, row: row.to_string(), problem: problem.to_string() }
    }

    /// What it calls for.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Sql(error) => trouble(error),
            Self::Inconsistent { .. } => Trouble::Corrupt,
            Self::Refused(_) => Trouble::Refused,
            Self::Late(_) => Trouble::Lost,
            Self::Away(_) | Self::Closed => Trouble::Down,
        }
    }

    /// Whether its connection is of no use any more.
    pub fn is_lost(&self) -> bool {
        self.trouble() == Trouble::Lost
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        let text = fault.to_string();
        match (fault.trouble(), fault) {
            (_, Fault::Inconsistent { table, row, problem }) => Self::Inconsistent { table, row, problem },
            (Trouble::Conflict | Trouble::Lost | Trouble::Down, _) => Self::Down(text),
            (Trouble::Full, _) => Self::Full(text),
            (Trouble::Corrupt, _) => {
                Self::Inconsistent { table: "database", row: "unknown".into(), problem: text }
            }
            (Trouble::Refused, _) => Self::Refused(text),
        }
    }
}

fn trouble(error: &sqlx::Error) -> Trouble {
    match error {
        sqlx::Error::Database(database) => of_database(database.as_ref()),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            Trouble::Lost
        }
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Trouble::Down,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Trouble::Corrupt,
        _ => Trouble::Refused,
    }
}

fn of_database(error: &dyn DatabaseError) -> Trouble {
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return of_postgres(error.code());
    }
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return of_mysql(error.number());
    }
    of_sqlite(error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default() & 0xff)
}

/// By primary result code: the low byte of what SQLite reports.
fn of_sqlite(code: u32) -> Trouble {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const IOERR: u32 = 10;
    const CORRUPT: u32 = 11;
    const FULL: u32 = 13;
    const CANTOPEN: u32 = 14;
    const NOTADB: u32 = 26;
    match code {
        FULL => Trouble::Full,
        BUSY | LOCKED | IOERR | CANTOPEN => Trouble::Down,
        CORRUPT | NOTADB => Trouble::Corrupt,
        _ => Trouble::Refused,
    }
}

/// By SQLSTATE.
fn of_postgres(code: &str) -> Trouble {
    match code {
        // Serialization failure, deadlock, lock not to be had, and two that inserted the same: the second finds it.
        "40001" | "40P01" | "55P03" | "23505" => Trouble::Conflict,
        // Shut down, crashed, starting, too long in a transaction, and a server that takes no writes (any more).
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25006" => Trouble::Lost,
        "53100" => Trouble::Full,
        _ => match code.get(..2) {
            Some("08") => Trouble::Lost,
            // Too many connections or too little memory; who is not let in; a statement that was cancelled.
            Some("53" | "28" | "57") => Trouble::Down,
            Some("XX") => Trouble::Corrupt,
            _ => Trouble::Refused,
        },
    }
}

/// By error number.
fn of_mysql(number: u16) -> Trouble {
    match number {
        // Deadlock, lock wait timeout, record changed since it was read, duplicate key.
        1213 | 1205 | 1020 | 1062 => Trouble::Conflict,
        // Shutting down, server gone, killed, idle too long, read-only.
        1053 | 1079 | 1152..=1161 | 1184 | 1290 | 1792 | 1836 | 1927 | 2006 | 2013 | 3169 | 4031 => {
            Trouble::Lost
        }
        1021 | 1114 => Trouble::Full,
        // Too many connections, access denied, host not allowed, interrupted.
        1040 | 1041 | 1044 | 1045 | 1129 | 1130 | 1203 | 1226 | 1317 | 1698 | 3024 | 1969 => Trouble::Down,
        _ => Trouble::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_what_a_caller_can_act_on() {
        assert_eq!(
            [of_sqlite(5), of_sqlite(13), of_sqlite(11), of_sqlite(1)],
            [Trouble::Down, Trouble::Full, Trouble::Corrupt, Trouble::Refused]
        );
        assert_eq!(
            [of_postgres("40001"), of_postgres("57P01"), of_postgres("53300"), of_postgres("42703")],
            [Trouble::Conflict, Trouble::Lost, Trouble::Down, Trouble::Refused]
        );
        assert_eq!(
            [of_mysql(1213), of_mysql(1053), of_mysql(1114), of_mysql(1064)],
            [Trouble::Conflict, Trouble::Lost, Trouble::Full, Trouble::Refused]
        );
        assert!(StoreError::from(Fault::Sql(sqlx::Error::PoolTimedOut)).is_passing());
    }
}

//! How a store is opened, and why it is not.

use std::path::PathBuf;

use pikoci_model::port::StoreError;
use pikoci_seal::HostKey;

/// How to open a store.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The database file; logs lie beside it in `<name>-log<extension>`. `None`: in memory, gone at the end.
    pub path: Option<PathBuf>,
    /// What seals given secrets and settings. One that is lost makes them unreadable.
    pub host_key: HostKey,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A directory or file cannot be made or used.
    #[error("{path}: {reason}")]
    Place {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Another process has it open.
    #[error(
        "database {path} is in use{}; a SQLite file serves one server at a time: stop that one, or name another file",
        in_words(*.holder)
    )]
    InUse {
        /// Which file.
        path: PathBuf,
        /// The process that holds it, where it can be known.
        holder: Option<i32>,
    },
    /// A newer program has written it.
    #[error(
        "database {path} was written by a newer version of this program (it has migration {found}, the newest known here is {known}); use that version, or restore a backup"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The migration it has.
        found: i64,
        /// The newest migration of this program.
        known: i64,
    },
    /// It was migrated by something else, or a migration failed.
    #[error("database {path} cannot be migrated: {reason}")]
    Migration {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It cannot be opened or read.
    #[error("database {path}: {reason}")]
    Database {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: StoreError,
    },
}

fn in_words(holder: Option<i32>) -> String {
    holder.map_or_else(String::new, |pid| format!(" by process {pid}"))
}

//! The store in a database: a SQLite file, or a database of PostgreSQL, MySQL or MariaDB.
//!
//! ```text
//! SQLite   Command ──▶ writer ──▶ one BEGIN IMMEDIATE … COMMIT for what is queued together ──▶ answers
//!          queries ──▶ readers (their own connections; WAL: they never wait for the writer)
//!          chunks  ──▶ log writer ──▶ a database file of its own, few big rows
//! servers  Command ──▶ a transaction of its own, tried again when another was in the way ──▶ answer
//!          queries ──▶ the same pool; chunks ──▶ tables of their own, under the lock of their build's end
//! ```
//!
//! One file per aggregate. The rows' structure stays in this crate; decisions about builds are the model's. Statements are
//! written once, for all databases: [`sql`] translates them; what has other words is in [`upsert`] and `migrations/`.

mod account;
mod builds;
mod checkpoint;
mod copy;
mod definitions;
mod error;
mod field;
mod lock;
mod log;
mod memory_directory;
mod migrations;
mod options;
mod pipelines;
mod resources;
mod scheduling;
mod server;
mod sql;
mod sqlite;
mod store;
mod transact;
mod upsert;
mod workers;
mod writer;

pub use copy::{Copied, CopyError, copy};
pub use options::{Database, DatabaseOptions, DatabaseSystem, OpenError, OpenOptions, Tls};
pub use store::SqlStore;

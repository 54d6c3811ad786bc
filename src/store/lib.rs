//! The store in a database.
//!
//! ```text
//! Command ──▶ writer ──▶ one BEGIN IMMEDIATE … COMMIT for what is queued together ──▶ answers
//! queries ──▶ readers (their own connections; WAL: they never wait for the writer)
//! chunks  ──▶ log writer ──▶ a database file of its own, few big rows
//! ```
//!
//! One file per aggregate. The rows' structure stays in this crate; decisions about builds are the model's. SQL is
//! written so that other databases can follow: `?` placeholders, no `UPDATE … RETURNING`, everything that differs between
//! databases in [`upsert`] and `migrations/`.

mod account;
mod builds;
mod bundle;
mod checkpoint;
mod database;
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
mod sqlite;
mod upsert;
mod workers;
mod writer;

pub use options::{OpenError, OpenOptions};
pub use sqlite::SqliteStore;

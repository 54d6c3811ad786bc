//! Configuration of server, worker and run: flag > environment > file > default, in this one place.
//!
//! A setting's flag, its key in the file and its environment variable are one name: `--db-system`, `db-system`,
//! `DB_SYSTEM` or `PIKOCI_DB_SYSTEM` (which wins over the bare one). An unknown key or flag is an error with a
//! suggestion; nothing is parsed and ignored.

mod authorities;
mod broker;
mod building;
mod database;
mod environment;
mod layers;
mod log;
mod secret_flag;
mod server;
mod setting;
mod worker;

use authorities::check_authorities;
pub use broker::{BrokerConfig, PubsubSystem};
pub use building::BuildingConfig;
pub use database::{DatabaseConfig, DbSystem};
pub use environment::{Host, commands_inherit};
pub use layers::ConfigError;
pub use log::LogConfig;
pub use pikoci_language::parse_duration;
pub use secret_flag::read_secret;
pub use server::{ServerConfig, ServerFlags};
pub use worker::{WorkerConfig, WorkerFlags};

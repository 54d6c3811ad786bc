//! Contract suites of the ports, with a behaving in-memory implementation of each.

pub mod bus;
#[expect(clippy::unwrap_used, reason = "a suite fails by panicking, as a test does")]
pub mod launcher;
mod memory_bus;
mod memory_host;
mod memory_journal;
mod memory_store;
#[expect(clippy::unwrap_used, reason = "a suite fails by panicking, as a test does")]
mod store;
#[expect(clippy::unwrap_used, reason = "a suite fails by panicking, as a test does")]
mod workplace;

pub use memory_bus::{Hub, MemoryBus, Roles};
pub use memory_host::MemoryHost;
pub use memory_journal::MemoryJournal;
pub use memory_store::MemoryStore;
pub use store::{Snapshot, assert_consistent, compare_stores, snapshot, store_suite};
pub use workplace::workplace_suite;

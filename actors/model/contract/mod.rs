//! Contract suites of the ports, with a behaving in-memory implementation of each.

pub mod bus;
mod memory_bus;
mod memory_host;
mod memory_store;

pub use memory_bus::{Hub, MemoryBus, Roles};
pub use memory_host::MemoryHost;
pub use memory_store::MemoryStore;

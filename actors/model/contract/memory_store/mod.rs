//! A store in memory: ordered maps behind one lock, every rule applied plainly. It is what the suite compares adapters
//! with, and what the engine is tested on.

mod account;
mod builds;
mod claims;
mod logs;
mod pipelines;
mod resources;
mod saving;
mod scheduling;
mod stops;
mod tables;
mod workers;

pub use tables::MemoryStore;

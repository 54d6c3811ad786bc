//! The contract suite on SQLite, and what only a store on disk can show.

mod contract;
mod disk;

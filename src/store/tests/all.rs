//! The contract suite on SQLite, and what only a store on disk can show.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod disk;

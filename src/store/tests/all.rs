//! The contract suite on every database, and what only a file or a server can show.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod servers;

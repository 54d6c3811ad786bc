//! The contract suite on every database, and what only a file or a server can show.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod gets;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod several;

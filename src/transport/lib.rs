//! Transports: how envelopes get from one process to another.
//!
//! [`LocalHub`] connects the nodes of one process: a server and its embedded worker, or the two halves of a local run.
//! [`Chaos`] wraps any bus and does what a transport may do at worst. Brokers join here as further adapters.
//!
//! Nothing here reads an envelope: it is bytes, encoded and decoded by who sends and receives.

mod chaos;
mod dice;
mod local;
mod queue;

pub use chaos::{Chaos, ChaosSettings};
pub use local::{LocalBus, LocalHub, Roles};

//! Transports: how envelopes get from one process to another.
//!
//! [`LocalHub`] connects the nodes of one process: a server and its embedded worker, or the two halves of a local run.
//! [`Chaos`] wraps any bus and does what a transport may do at worst. Brokers join here as further adapters.
//!
//! Nothing here reads an envelope: it is bytes, encoded and decoded by who sends and receives.

mod chaos;
mod dice;
mod kafka;
mod link;
mod local;
mod mailbox;
mod nats;
mod parts;
mod queue;
mod rabbit;
mod settings;

pub use chaos::{Chaos, ChaosSettings};
pub use kafka::KafkaBus;
pub use link::LinkState;
pub use local::{LocalBus, LocalHub, Roles};
pub use nats::NatsBus;
pub use rabbit::RabbitBus;
pub use settings::{BrokerError, BrokerSettings};

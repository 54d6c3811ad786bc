//! Transports: how envelopes get from one process to another.
//!
//! [`LocalHub`] connects the nodes of one process: a server and its embedded worker, or the two halves of a local run.
//! [`BrokerSystem`] joins NATS, RabbitMQ or Kafka; [`SealedServer`] and [`SealedWorker`] put seals around what a broker
//! carries, and [`Switch`] makes one bus of a process and a broker. [`Chaos`] wraps any bus and does what a transport may
//! do at worst; [`Cut`] is a cable to pull out.
//!
//! Nothing here reads an envelope: it is bytes, encoded and decoded by who sends and receives.

mod broker;
mod chaos;
mod cut;
mod dice;
mod drops;
mod kafka;
mod link;
mod local;
mod mailbox;
mod nats;
mod parts;
mod probe;
mod queue;
mod rabbit;
mod salts;
mod sealed;
mod settings;
mod switch;

pub use broker::{BrokerSystem, Joined};
pub use chaos::{Chaos, ChaosSettings};
pub use cut::Cut;
pub use drops::{Dropped, Drops};
pub use kafka::KafkaBus;
pub use link::LinkState;
pub use local::{LocalBus, LocalHub, Roles};
pub use nats::NatsBus;
pub use rabbit::RabbitBus;
pub use salts::Salts;
pub use sealed::{SealedServer, SealedWorker};
pub use settings::{BrokerError, BrokerSettings, MOST_CARRIED};
pub use switch::Switch;

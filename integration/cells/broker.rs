//! How server and workers talk.

use crate::world::servers::address;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    /// Within the server's process; its worker is inside.
    Local,
    Nats,
    Rabbitmq,
    Kafka,
}

impl Broker {
    /// Flags of server and worker.
    pub fn flags(self, prefix: &str) -> Vec<String> {
        let (system, flag, variable) = match self {
            Self::Local => return Vec::new(),
            Self::Nats => ("nats", "nats-server-url", "PIKOCI_TEST_NATS"),
            Self::Rabbitmq => ("rabbit", "rabbit-server-url", "PIKOCI_TEST_RABBITMQ"),
            Self::Kafka => ("kafka", "kafka-brokers", "PIKOCI_TEST_KAFKA"),
        };
        vec![
            format!("--pubsub-system={system}"),
            format!("--{flag}={}", address(variable)),
            format!("--queue-prefix={prefix}"),
        ]
    }
}

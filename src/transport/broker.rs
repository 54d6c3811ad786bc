//! The three brokers under one name.

use std::{str::FromStr, sync::Arc};

use pikoci_model::{id::NodeId, port::Bus};
use tokio::sync::watch;

use crate::{BrokerError, BrokerSettings, KafkaBus, LinkState, NatsBus, RabbitBus, Roles};

/// Which broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokerSystem {
    /// NATS.
    Nats,
    /// RabbitMQ.
    Rabbit,
    /// Kafka.
    Kafka,
}

/// A place at a broker, and how the connection stands.
pub struct Joined {
    /// Carries envelopes; nobody vouches for what arrives.
    pub bus: Arc<dyn Bus>,
    /// Up, or down and why.
    pub link: watch::Receiver<LinkState>,
}

impl BrokerSystem {
    /// Joins as `node`. A broker that is not there now is tried until it is.
    ///
    /// # Errors
    /// Settings that can never work.
    pub async fn join(
        self,
        settings: &BrokerSettings,
        node: NodeId,
        roles: Roles,
    ) -> Result<Joined, BrokerError> {
        Ok(match self {
            Self::Nats => {
                let bus = NatsBus::join(settings, node, roles).await?;
                Joined { link: bus.link(), bus: Arc::new(bus) }
            }
            Self::Rabbit => {
                let bus = RabbitBus::join(settings, node, roles).await?;
                Joined { link: bus.link(), bus: Arc::new(bus) }
            }
            Self::Kafka => {
                let bus = KafkaBus::join(settings, node, roles).await?;
                Joined { link: bus.link(), bus: Arc::new(bus) }
            }
        })
    }

    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Rabbit => "rabbit",
            Self::Kafka => "kafka",
        }
    }
}

impl FromStr for BrokerSystem {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "nats" => Ok(Self::Nats),
            "rabbit" | "rabbitmq" => Ok(Self::Rabbit),
            "kafka" => Ok(Self::Kafka),
            other => Err(format!("\"{other}\" is no broker; expected \"nats\", \"rabbit\" or \"kafka\"")),
        }
    }
}

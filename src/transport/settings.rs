//! How a broker is reached.

use std::{fmt, path::PathBuf};

use pikoci_model::{message::MAX_ENVELOPE_BYTES, text::SecretValue};

/// What a broker carries at most, in bytes: the largest envelope, sealed.
pub const MOST_CARRIED: usize = MAX_ENVELOPE_BYTES + pikoci_seal::mail::OVERHEAD;

/// Address and credentials; the same for all three brokers.
#[derive(Clone)]
pub struct BrokerSettings {
    /// `nats://host:4222`, `amqp://host:5672/vhost`, or `host:9092,host:9092` for Kafka. `tls://` (NATS, Kafka), `amqps://`
    /// and [`tls`](Self::tls) make it encrypted.
    pub address: String,
    /// What every subject, exchange, queue or topic begins with: one broker may serve several installations.
    pub prefix: String,
    /// User name; one in the address is used when this is absent.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretValue>,
    /// A token instead of user and password: NATS's own; for RabbitMQ the password of its OAuth plug-in.
    pub token: Option<SecretValue>,
    /// Whether the connection must be encrypted.
    pub tls: bool,
    /// A PEM file with the authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl BrokerSettings {
    /// No credentials, no encryption.
    pub fn plain(address: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            prefix: prefix.into(),
            user: None,
            password: None,
            token: None,
            tls: false,
            ca_file: None,
        }
    }
}

impl fmt::Debug for BrokerSettings {
    /// The address may hold a password, so it is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerSettings")
            .field("prefix", &self.prefix)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Why a broker cannot be used at all: not because it is down, but because the settings cannot work.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The address cannot be read.
    #[error("the broker's address cannot be used: {0}")]
    Address(String),
    /// A file of certificates cannot be used.
    #[error("{path}: {reason}")]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The client refuses the settings.
    #[error("the broker's client refuses the settings: {0}")]
    Client(String),
}

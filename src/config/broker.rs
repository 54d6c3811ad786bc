//! How servers and workers reach each other; the same for both.

use std::path::PathBuf;

use pikoci_model::text::SecretValue;
use pikoci_transport::{BrokerSettings, BrokerSystem};
use serde::Deserialize;

use super::{
    ConfigError, check_authorities, read_secret,
    setting::{Form, Setting},
};

pub(super) const BROKER_SETTINGS: [Setting; 12] = [
    ("pubsub-system", None, Form::Value, "mem", "Between server and workers: mem, nats, rabbit or kafka"),
    ("nats-server-url", None, Form::Value, "", "NATS: nats://HOST:4222, or tls://…"),
    ("rabbit-server-url", None, Form::Value, "", "RabbitMQ: amqp://HOST:5672/VHOST, or amqps://…"),
    ("kafka-brokers", None, Form::Value, "", "Kafka: HOST:9092, several with commas, or tls://…"),
    ("queue-prefix", None, Form::Value, "pikoci", "What all names at the broker begin with"),
    ("pubsub-user", None, Form::Value, "", "User at the broker, if the address has none"),
    ("pubsub-password", None, Form::Value, "", "Its password"),
    ("pubsub-password-file", None, Form::Value, "", "File that holds it"),
    ("pubsub-token", None, Form::Value, "", "Token instead of user and password"),
    ("pubsub-token-file", None, Form::Value, "", "File that holds it"),
    ("pubsub-tls", None, Form::Switch, "false", "Encrypted connections only"),
    (
        "pubsub-ca",
        None,
        Form::Value,
        "",
        "PEM file with authorities to trust; with Kafka, instead of the system's",
    ),
];

/// How server and workers talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum PubsubSystem {
    /// Inside the process.
    #[default]
    Mem,
    /// Through a broker.
    Broker(BrokerSystem),
}

impl TryFrom<String> for PubsubSystem {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let expected = "expected \"mem\", \"nats\", \"rabbit\" or \"kafka\"";
        match word.as_str() {
            "mem" => Ok(Self::Mem),
            other => other
                .parse()
                .map(Self::Broker)
                .map_err(|_| format!("\"{other}\" is no transport; {expected}")),
        }
    }
}

/// The settings of the transport.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct BrokerConfig {
    pub pubsub_system: PubsubSystem,
    pub nats_server_url: Option<String>,
    pub rabbit_server_url: Option<String>,
    pub kafka_brokers: Option<String>,
    pub queue_prefix: String,
    pub pubsub_user: Option<String>,
    pub pubsub_password: Option<String>,
    pub pubsub_password_file: Option<PathBuf>,
    pub pubsub_token: Option<String>,
    pub pubsub_token_file: Option<PathBuf>,
    pub pubsub_tls: bool,
    pub pubsub_ca: Option<PathBuf>,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            pubsub_system: PubsubSystem::Mem,
            nats_server_url: None,
            rabbit_server_url: None,
            kafka_brokers: None,
            queue_prefix: "pikoci".to_owned(),
            pubsub_user: None,
            pubsub_password: None,
            pubsub_password_file: None,
            pubsub_token: None,
            pubsub_token_file: None,
            pubsub_tls: false,
            pubsub_ca: None,
        }
    }
}

impl BrokerConfig {
    /// Checks what one setting asks of another.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let PubsubSystem::Broker(system) = self.pubsub_system else {
            let given = [
                ("pubsub-user", self.pubsub_user.is_some()),
                ("pubsub-password", self.pubsub_password.is_some() || self.pubsub_password_file.is_some()),
                ("pubsub-token", self.pubsub_token.is_some() || self.pubsub_token_file.is_some()),
                ("pubsub-tls", self.pubsub_tls),
                ("pubsub-ca", self.pubsub_ca.is_some()),
            ];
            return match given.iter().find(|(_, given)| *given) {
                Some((name, _)) => Err(ConfigError::new(format!(
                    "--{name} has no meaning with --pubsub-system mem; expected nats, rabbit or kafka"
                ))),
                None => Ok(()),
            };
        };
        let (name, address) = self.address(system);
        if address.is_none() {
            let system = system.name();
            return Err(ConfigError::new(format!("--pubsub-system {system} needs --{name}")));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.queue_prefix.is_empty()
            || self.queue_prefix.len() > 64
            || !self.queue_prefix.chars().all(plain)
        {
            return Err(ConfigError::new("--queue-prefix: 1 to 64 letters, digits, - and _ are expected"));
        }
        check_authorities("pubsub-ca", self.pubsub_ca.as_deref())?;
        self.check_login(system)
    }

    /// A half of a login would be left out without a word.
    fn check_login(&self, system: BrokerSystem) -> Result<(), ConfigError> {
        let wrong = |text: &str| Err(ConfigError::new(text));
        let has_password = self.pubsub_password.is_some() || self.pubsub_password_file.is_some();
        let has_token = self.pubsub_token.is_some() || self.pubsub_token_file.is_some();
        if has_token && system == BrokerSystem::Kafka {
            return wrong("--pubsub-token: Kafka takes none; expected --pubsub-user and --pubsub-password");
        }
        if has_token && has_password {
            return wrong("--pubsub-token and --pubsub-password: expected one of them");
        }
        let has_secret = has_password || (has_token && system == BrokerSystem::Rabbit);
        if self.pubsub_user.is_some() && !has_secret {
            return wrong("--pubsub-user needs --pubsub-password");
        }
        if self.pubsub_user.is_none() && has_password && system != BrokerSystem::Rabbit {
            return wrong("--pubsub-password needs --pubsub-user");
        }
        Ok(())
    }

    fn address(&self, system: BrokerSystem) -> (&'static str, Option<&String>) {
        match system {
            BrokerSystem::Nats => ("nats-server-url", self.nats_server_url.as_ref()),
            BrokerSystem::Rabbit => ("rabbit-server-url", self.rabbit_server_url.as_ref()),
            BrokerSystem::Kafka => ("kafka-brokers", self.kafka_brokers.as_ref()),
        }
    }

    /// Which broker, and how it is reached; none for a transport inside the process.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn broker(&self) -> Result<Option<(BrokerSystem, BrokerSettings)>, ConfigError> {
        let PubsubSystem::Broker(system) = self.pubsub_system else { return Ok(None) };
        let (_, address) = self.address(system);
        let secret = |name: &str, direct: &Option<String>, file: &Option<PathBuf>| {
            Ok(read_secret(name, direct.clone(), file.as_deref())?.map(SecretValue::new))
        };
        Ok(Some((
            system,
            BrokerSettings {
                user: self.pubsub_user.clone(),
                password: secret("pubsub-password", &self.pubsub_password, &self.pubsub_password_file)?,
                token: secret("pubsub-token", &self.pubsub_token, &self.pubsub_token_file)?,
                tls: self.pubsub_tls,
                ca_file: self.pubsub_ca.clone(),
                ..BrokerSettings::plain(address.cloned().unwrap_or_default(), &*self.queue_prefix)
            },
        )))
    }
}

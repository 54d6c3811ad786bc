//! How servers and workers talk: three brokers, and where they are.

use std::env;

use super::proxy::Proxy;
use crate::Fallible;

/// A broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    Nats,
    Rabbitmq,
    Kafka,
}

/// What goes over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Nothing that names the link's ends.
    Plain,
    Kafka,
}

/// A server somewhere: what its address says before, at and after the place that a link takes.
#[derive(Clone, Debug)]
pub struct Address {
    before: String,
    pub place: String,
    after: String,
}

impl Address {
    /// From a variable that `integration/backends env` prints.
    ///
    /// # Errors
    /// The variable is missing.
    pub fn of(variable: &str) -> Fallible<Self> {
        let text = env::var(variable).map_err(|_| {
            format!("{variable} is not set: `integration/backends up`, then `eval \"$(integration/backends env)\"`")
        })?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let start = text.find("://").map_or(0, |at| at + 3);
        let end = text[start..].find('/').map_or(text.len(), |at| start + at);
        let start = text[start..end].rfind('@').map_or(start, |at| start + at + 1);
        let [before, place, after] = [&text[..start], &text[start..end], &text[end..]].map(str::to_owned);
        Self { before, place, after }
    }

    /// The same server at the other end of a link.
    pub fn through(&self, link: &Proxy) -> String {
        format!("{}{}{}", self.before, link.address, self.after)
    }

    /// User and password, if it has them.
    pub fn login(&self) -> (&str, &str) {
        let person = self.before.split_once("://").map_or("", |(_, person)| person).trim_end_matches('@');
        person.split_once(':').unwrap_or((person, ""))
    }
}

impl Transport {
    pub const ALL: [Self; 3] = [Self::Nats, Self::Rabbitmq, Self::Kafka];

    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What is between a process and this broker.
    pub fn speech(self) -> Speech {
        if self == Self::Kafka { Speech::Kafka } else { Speech::Plain }
    }

    /// Where it is.
    ///
    /// # Errors
    /// The variable is missing.
    pub fn address(self) -> Fallible<Address> {
        Address::of(self.words().2)
    }

    /// Flags of a server or worker at the other end of the link.
    pub fn flags(self, address: &Address, link: &Proxy, prefix: &str) -> [String; 3] {
        let (system, flag, _) = self.words();
        [
            format!("--pubsub-system={system}"),
            format!("--{flag}={}", address.through(link)),
            format!("--queue-prefix={prefix}"),
        ]
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Nats => ("nats", "nats-server-url", "PIKOCI_TEST_NATS"),
            Self::Rabbitmq => ("rabbitmq", "rabbit-server-url", "PIKOCI_TEST_RABBITMQ"),
            Self::Kafka => ("kafka", "kafka-brokers", "PIKOCI_TEST_KAFKA"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let taken = |text: &str| {
            let address = Address::parse(text);
            let (user, password) = address.login();
            format!("{} {user} {password}", address.place)
        };
        assert_eq!(taken("127.0.0.1:9092"), "127.0.0.1:9092  ");
        assert_eq!(taken("nats://127.0.0.1:4222"), "127.0.0.1:4222  ");
        assert_eq!(taken("postgres://me:secret@host:5432/postgres"), "host:5432 me secret");
    }
}

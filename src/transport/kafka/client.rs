//! The client library's settings, and what it tells.

use std::sync::{Arc, Mutex, PoisonError};

use pikoci_model::id::NodeId;
use rdkafka::{
    ClientConfig, ClientContext,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::{BaseConsumer, ConsumerContext, Rebalance, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{ProducerContext, ThreadedProducer},
};

use crate::{
    link::Link,
    settings::{BrokerError, BrokerSettings, MOST_CARRIED},
};

type Once = Box<dyn FnOnce() + Send>;

/// Hears what the library has to say.
#[derive(Clone)]
pub struct Told {
    link: Link,
    assigned: Arc<Mutex<Option<Once>>>,
}

impl Told {
    pub fn new(link: Link) -> Self {
        Self { link, assigned: Arc::default() }
    }

    /// Calls this once, when the group has given its first partitions.
    pub fn on_assignment(self, call: impl FnOnce() + Send + 'static) -> Self {
        *self.assigned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(call));
        self
    }
}

impl ClientContext for Told {
    /// The library repeats itself with each try; what matters is in the state of the connection.
    fn log(&self, _: RDKafkaLogLevel, about: &str, text: &str) {
        tracing::debug!("the broker's client says: {about}: {text}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication) => self.link.refused(reason),
            Some(RDKafkaErrorCode::AllBrokersDown) => self.link.down(reason),
            _ => tracing::debug!("the broker's client says: {error}: {reason}"),
        }
    }
}

impl ConsumerContext for Told {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(_) = rebalance
            && let Some(call) = self.assigned.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            call();
        }
    }
}

impl ProducerContext for Told {
    type DeliveryOpaque = ();

    fn delivery(&self, delivered: &DeliveryResult<'_>, (): ()) {
        match delivered {
            Ok(_) => self.link.up(),
            Err((error, _)) => tracing::debug!("the broker did not take an envelope: {error}"),
        }
    }
}

/// What an address with TLS begins with.
pub const ENCRYPTED: &str = "tls://";

/// What all clients of a node share.
pub fn client_config(settings: &BrokerSettings, node: &NodeId) -> Result<ClientConfig, BrokerError> {
    let tls = settings.tls || settings.address.starts_with(ENCRYPTED);
    if tls && !cfg!(feature = "kafka-tls") {
        let built = "this program was built without TLS for Kafka; expected one that was built with \
                     --features kafka-tls, as releases are";
        return Err(BrokerError::Client(built.to_owned()));
    }
    let place = |address: &str| {
        let (_, place) = address.trim().split_once("://").unwrap_or(("", address.trim()));
        place.to_owned()
    };
    let places: Vec<String> = settings.address.split(',').map(place).collect();
    let mut config = ClientConfig::new();
    let largest = (MOST_CARRIED + 64 * 1024).to_string();
    config
        .set("bootstrap.servers", places.join(","))
        .set("client.id", format!("pikoci-{}", node.0))
        .set("socket.keepalive.enable", "true")
        .set("socket.nagle.disable", "true")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "5000")
        .set("message.max.bytes", &largest);
    let protocol = match (settings.user.is_some(), tls) {
        (false, false) => "plaintext",
        (false, true) => "ssl",
        (true, false) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
        config
            .set("sasl.mechanism", "PLAIN")
            .set("sasl.username", user)
            .set("sasl.password", password.reveal());
    }
    if let (Some(file), true) = (&settings.ca_file, tls) {
        config.set("ssl.ca.location", file.to_string_lossy());
    }
    Ok(config)
}

/// Sends at once; what is not delivered within ten seconds is lost, and repeated by whoever sent it.
pub fn producer(config: &ClientConfig, link: &Link) -> Result<ThreadedProducer<Told>, BrokerError> {
    let mut config = config.clone();
    config
        .set("linger.ms", "0")
        .set("acks", "1")
        .set("message.timeout.ms", "10000")
        .set("queue.buffering.max.kbytes", "65536");
    ThreadedProducer::from_config_and_context(&config, Told::new(link.clone())).map_err(refused)
}

fn reading(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config
        .set("fetch.wait.max.ms", "500")
        .set("fetch.min.bytes", "1")
        .set("fetch.error.backoff.ms", "50")
        .set("queued.max.messages.kbytes", "32768")
        .set("fetch.message.max.bytes", (MOST_CARRIED + 64 * 1024).to_string())
        .set("topic.metadata.refresh.interval.ms", "10000");
    config
}

/// Reads partitions that are assigned by hand.
pub fn consumer(config: &ClientConfig, link: &Link) -> Result<StreamConsumer<Told>, BrokerError> {
    let mut config = reading(config);
    // The library wants a group even where none is joined.
    config.set("group.id", "none").set("enable.auto.commit", "false").set("auto.offset.reset", "latest");
    StreamConsumer::from_config_and_context(&config, Told::new(link.clone())).map_err(refused)
}

/// Reads what its group gives it. A member that is gone is noticed after the shortest time brokers allow.
pub fn group_consumer(
    config: &ClientConfig,
    group: &str,
    told: Told,
) -> Result<StreamConsumer<Told>, BrokerError> {
    let mut config = reading(config);
    config
        .set("group.id", group)
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "1500")
        .set("auto.commit.interval.ms", "1000")
        .set("auto.offset.reset", "earliest");
    StreamConsumer::from_config_and_context(&config, told).map_err(refused)
}

fn refused(error: KafkaError) -> BrokerError {
    BrokerError::Client(error.to_string())
}

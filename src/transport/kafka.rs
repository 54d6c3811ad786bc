//! Kafka: four topics. A node reads one partition of the topic of all nodes, assigned by hand, so that no consumer group
//! has to agree before a claim can arrive; only work that any server may take goes through a group.
//!
//! | address | topic |
//! |---|---|
//! | any server | `<prefix>.any`, consumer group `<prefix>.servers` |
//! | a node | `<prefix>.nodes`, partition by its name; others in that partition skip what is not theirs |
//! | all servers | `<prefix>.servers`, read by each without a group |
//! | all workers | `<prefix>.workers`, the same |

mod client;
mod topics;

use std::{hash::BuildHasher, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use pikoci_model::{
    id::NodeId,
    port::{Address, Arrival, Bus, BusError},
};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, Producer, ThreadedProducer},
};
use tokio::{sync::watch, task::JoinSet};

use self::{
    client::{ENCRYPTED, Told, client_config, consumer, group_consumer, producer},
    topics::{Topics, make},
};
use crate::{
    LinkState, Roles,
    link::{Link, backoff, jitter},
    mailbox::Mailbox,
    probe::{Manner, Probe},
    settings::{BrokerError, BrokerSettings, MOST_CARRIED},
};

const MANNER: Manner = Manner { port: 9092, encrypted: ENCRYPTED, greets: false };
/// How long the first connection is waited for before the bus is given to its user all the same.
const FIRST_TRY: Duration = Duration::from_secs(10);
/// Limit of one question to the broker.
const ASK: Duration = Duration::from_secs(5);

/// One node's place at a Kafka cluster. It leaves when it is dropped.
pub struct KafkaBus {
    producer: ThreadedProducer<Told>,
    topics: Arc<Topics>,
    link: Link,
    mailbox: Mailbox,
    _tasks: JoinSet<()>,
}

impl KafkaBus {
    /// Joins. A broker that is not there now is tried until it is; only settings that can never work are an error.
    ///
    /// # Errors
    /// The client refuses the settings: TLS or SASL that this build does not have, for example.
    pub async fn join(settings: &BrokerSettings, node: NodeId, roles: Roles) -> Result<Self, BrokerError> {
        let (link, mailbox) = (Link::new(), Mailbox::new());
        let topics = Arc::new(Topics::new(&settings.prefix));
        let config = client_config(settings, &node)?;
        let producer = producer(&config, &link)?;
        let (ready, mut all_ready) = watch::channel(0);
        let reading = Reading {
            config,
            topics: Arc::clone(&topics),
            node,
            mailbox: mailbox.clone(),
            link: link.clone(),
        };
        let (mut tasks, mut readers) = (JoinSet::new(), 1);
        tasks.spawn(link.clone().tell(Probe::new(settings, MANNER)));
        tasks.spawn(reading.clone().own(roles, ready.clone()));
        if roles.server {
            readers += 1;
            tasks.spawn(reading.group(ready));
        }
        let _ = tokio::time::timeout(FIRST_TRY, all_ready.wait_for(|ready| *ready >= readers)).await;
        Ok(Self { producer, topics, link, mailbox, _tasks: tasks })
    }

    /// How the connection stands.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.link.watch()
    }
}

impl Drop for KafkaBus {
    /// What was handed over a moment ago still leaves.
    fn drop(&mut self) {
        let _ = self.producer.flush(Duration::from_millis(500));
    }
}

#[async_trait]
impl Bus for KafkaBus {
    /// While the broker is away the client keeps what is sent for ten seconds; what was delivered shows that it is back.
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        if envelope.len() > MOST_CARRIED {
            return Err(BusError::TooLarge { size: envelope.len(), limit: MOST_CARRIED });
        }
        let payload: &[u8] = &envelope;
        let record = match to {
            Address::AnyServer => BaseRecord::to(&self.topics.any).key(&[][..]).partition(spread(&envelope)),
            Address::AllServers => BaseRecord::to(&self.topics.servers).key(&[][..]).partition(0),
            Address::AllWorkers => BaseRecord::to(&self.topics.workers).key(&[][..]).partition(0),
            Address::Node(node) => {
                let key = node.0.as_bytes();
                BaseRecord::to(&self.topics.nodes).key(key).partition(topics::partition_of(node))
            }
        };
        match self.producer.send(record.payload(payload)) {
            Ok(()) => Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Err(BusError::Full),
            Err((error, _)) => Err(BusError::Down(error.to_string())),
        }
    }

    /// A second call gives a stream that has ended: each envelope is received once.
    fn receive(&self) -> BoxStream<'static, Arrival> {
        self.mailbox.arrivals()
    }
}

/// A partition of the group's topic, so that each server gets its share.
fn spread(envelope: &Bytes) -> i32 {
    let random = std::hash::RandomState::new().hash_one(envelope.len());
    i32::try_from(random % u64::from(topics::ANY_PARTITIONS.unsigned_abs())).unwrap_or(0)
}

/// What a reader needs.
#[derive(Clone)]
struct Reading {
    config: rdkafka::ClientConfig,
    topics: Arc<Topics>,
    node: NodeId,
    mailbox: Mailbox,
    link: Link,
}

impl Reading {
    /// Reads what is for this node alone or for all of its kind, from now on.
    async fn own(self, roles: Roles, ready: watch::Sender<usize>) {
        let mut wanted = vec![(self.topics.nodes.clone(), topics::partition_of(&self.node))];
        wanted.extend(roles.server.then(|| (self.topics.servers.clone(), 0)));
        wanted.extend(roles.worker.then(|| (self.topics.workers.clone(), 0)));
        let mut attempt = 0;
        let node = self.node.0.clone();
        loop {
            match self.assigned(&wanted).await {
                Ok(consumer) => {
                    attempt = 0;
                    self.link.up();
                    ready.send_modify(|ready| *ready += 1);
                    self.read(&consumer, |key| {
                        key.is_none_or(|key| key.is_empty() || key == node.as_bytes())
                    })
                    .await;
                }
                Err(error) => self.link.down(error),
            }
            attempt += 1;
            tokio::time::sleep(backoff(attempt, jitter())).await;
        }
    }

    /// Takes its share of what any server may do.
    async fn group(self, ready: watch::Sender<usize>) {
        let mut attempt = 0;
        loop {
            match self.joined(&ready).await {
                Ok(consumer) => {
                    attempt = 0;
                    self.read(&consumer, |_| true).await;
                }
                Err(error) => self.link.down(format_args!("the group of servers cannot be joined: {error}")),
            }
            attempt += 1;
            tokio::time::sleep(backoff(attempt, jitter())).await;
        }
    }

    async fn assigned(&self, wanted: &[(String, i32)]) -> Result<Arc<StreamConsumer<Told>>, String> {
        make(&self.config, &self.topics).await?;
        let consumer = Arc::new(consumer(&self.config, &self.link).map_err(|error| error.to_string())?);
        let (asking, wanted) = (Arc::clone(&consumer), wanted.to_vec());
        // The client's questions block, so they are asked beside the runtime. Reading begins at what is the end now:
        // what was sent before this node was there is not for it.
        let assigned = tokio::task::spawn_blocking(move || {
            let mut list = TopicPartitionList::new();
            for (topic, partition) in wanted {
                let (_, end) = asking.fetch_watermarks(&topic, partition, ASK)?;
                list.add_partition_offset(&topic, partition, Offset::Offset(end))?;
            }
            asking.assign(&list)
        });
        assigned.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        Ok(consumer)
    }

    async fn joined(&self, ready: &watch::Sender<usize>) -> Result<StreamConsumer<Told>, String> {
        make(&self.config, &self.topics).await?;
        let group = format!("{}.servers", self.topics.prefix);
        let joined = ready.clone();
        let told =
            Told::new(self.link.clone()).on_assignment(move || joined.send_modify(|ready| *ready += 1));
        let consumer = group_consumer(&self.config, &group, told).map_err(|error| error.to_string())?;
        consumer.subscribe(&[&self.topics.any]).map_err(|error| error.to_string())?;
        Ok(consumer)
    }

    /// Reads until the topics are not there any more: the cluster was made anew. The client reconnects by itself.
    async fn read(&self, consumer: &StreamConsumer<Told>, mine: impl Fn(Option<&[u8]>) -> bool) {
        loop {
            match consumer.recv().await {
                Ok(message) => {
                    self.link.up();
                    if mine(message.key()) {
                        let envelope = Bytes::copy_from_slice(message.payload().unwrap_or_default());
                        self.mailbox.push(Arrival::unvouched(envelope));
                    }
                }
                Err(KafkaError::MessageConsumption(
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
                )) => {
                    tracing::warn!("the broker has lost its topics; they are made again");
                    return;
                }
                Err(error) => {
                    tracing::debug!("reading from the broker: {error}");
                    tokio::time::sleep(backoff(1, jitter())).await;
                }
            }
        }
    }
}

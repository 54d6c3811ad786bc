//! RabbitMQ: a shared queue for work that any server may take, and one queue of its own for each node.
//!
//! | address | way |
//! |---|---|
//! | any server | queue `<prefix>.any`, read by all servers in turn |
//! | a node | exchange `<prefix>.nodes` (direct), key = node |
//! | all servers, all workers | exchanges `<prefix>.servers`, `<prefix>.workers` (fan-out) |
//!
//! A node's queue is exclusive: it goes with its connection. Nothing is acknowledged by receivers and nothing is durable:
//! what gets lost is repeated above, and a broker that holds a message for the length of a job would run it twice.

mod dial;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use lapin::{
    BasicProperties, Channel, Connection, Consumer, ExchangeKind, PublisherConfirm,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
    uri::AMQPScheme,
};
use pikoci_model::{
    id::NodeId,
    port::{Address, Arrival, Bus, BusError},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use dial::{Attempt, Dial};

use crate::{
    LinkState, Roles,
    link::{Link, backoff, jitter},
    mailbox::Mailbox,
    probe::{Manner, Probe},
    settings::{BrokerError, BrokerSettings, MOST_CARRIED},
};

/// Messages that wait in a queue at the broker; beyond, the oldest are dropped.
const MOST_WAITING: i32 = 20_000;
/// A message for any server is useless after this time: its sender has repeated it.
const ANY_LIVES_MS: i32 = 60_000;
/// A broker that takes nothing for so long counts as down for the sender (it also stops publishers when it is short of
/// memory or disk).
const STALLED: Duration = Duration::from_secs(5);
/// Confirmations that are waited for at once, beside the senders.
const UNCONFIRMED: usize = 4096;
/// How long the first connection is waited for before the bus is given to its user all the same.
const FIRST_TRY: Duration = Duration::from_secs(5);

/// One node's place at a RabbitMQ broker. It leaves when it is dropped.
pub struct RabbitBus {
    names: Arc<Names>,
    channel: watch::Receiver<Option<Channel>>,
    confirms: mpsc::Sender<PublisherConfirm>,
    link: Link,
    mailbox: Mailbox,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Names {
    any: String,
    nodes: String,
    servers: String,
    workers: String,
    own: String,
    node: String,
    roles: Roles,
}

impl Names {
    fn new(prefix: &str, node: NodeId, roles: Roles) -> Self {
        let name = |name: &str| format!("{prefix}.{name}");
        Self {
            any: name("any"),
            nodes: name("nodes"),
            servers: name("servers"),
            workers: name("workers"),
            own: name(&format!("node.{}", node.0)),
            node: node.0,
            roles,
        }
    }
}

impl RabbitBus {
    /// Joins. A broker that is not there now is tried until it is; only settings that can never work are an error.
    ///
    /// # Errors
    /// The address or a file of certificates cannot be used.
    pub async fn join(settings: &BrokerSettings, node: NodeId, roles: Roles) -> Result<Self, BrokerError> {
        let dial = Dial::new(settings, &node)?;
        let dial_is_encrypted = dial.uri.scheme == AMQPScheme::AMQPS;
        let names = Arc::new(Names::new(&settings.prefix, node, roles));
        let (link, mailbox) = (Link::new(), Mailbox::new());
        let (tell_channel, mut channel) = watch::channel(None);
        let (confirms, unconfirmed) = mpsc::channel(UNCONFIRMED);
        let mut tasks = JoinSet::new();
        tasks.spawn(keep(dial, Arc::clone(&names), mailbox.clone(), link.clone(), tell_channel));
        tasks.spawn(hear_confirms(unconfirmed));
        let port = if dial_is_encrypted { 5671 } else { 5672 };
        tasks.spawn(
            link.clone().tell(Probe::new(settings, Manner { port, encrypted: "amqps://", greets: false })),
        );
        // The bus is useful at once where the broker is there; where it is not, its user goes on without.
        let _ = tokio::time::timeout(FIRST_TRY, channel.wait_for(Option::is_some)).await;
        Ok(Self { names, channel, confirms, link, mailbox, _tasks: tasks })
    }

    /// How the connection stands.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.link.watch()
    }

    fn down(&self) -> BusError {
        BusError::Down(self.link.trouble().unwrap_or_else(|| "the connection is being made".to_owned()))
    }
}

#[async_trait]
impl Bus for RabbitBus {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        if envelope.len() > MOST_CARRIED {
            return Err(BusError::TooLarge { size: envelope.len(), limit: MOST_CARRIED });
        }
        let channel = self.channel.borrow().clone().ok_or_else(|| self.down())?;
        let (exchange, key) = match to {
            Address::AnyServer => ("", self.names.any.as_str()),
            Address::Node(node) => (self.names.nodes.as_str(), node.0.as_str()),
            Address::AllServers => (self.names.servers.as_str(), ""),
            Address::AllWorkers => (self.names.workers.as_str(), ""),
        };
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let sent = channel.basic_publish(exchange.into(), key.into(), options, &envelope, properties);
        let confirm = match tokio::time::timeout(STALLED, sent).await {
            Ok(sent) => sent.map_err(|error| BusError::Down(error.to_string()))?,
            Err(_) => return Err(BusError::Down("the broker takes nothing".to_owned())),
        };
        // With thousands unconfirmed the broker is behind: the sender slows down here.
        let _ = tokio::time::timeout(STALLED, self.confirms.send(confirm)).await;
        Ok(())
    }

    /// A second call gives a stream that has ended: each envelope is received once.
    fn receive(&self) -> BoxStream<'static, Arrival> {
        self.mailbox.arrivals()
    }
}

/// Waits for the broker's confirmations, so that nobody who sends has to. A refusal is a loss like any other.
async fn hear_confirms(mut unconfirmed: mpsc::Receiver<PublisherConfirm>) {
    while let Some(confirm) = unconfirmed.recv().await {
        match confirm.await {
            Ok(confirmation) if confirmation.is_nack() => tracing::warn!("the broker refused an envelope"),
            Ok(_) => {}
            Err(error) => tracing::debug!("an envelope was not confirmed: {error}"),
        }
    }
}

/// Connects, declares everything, reads until something breaks, and begins again.
async fn keep(
    dial: Dial,
    names: Arc<Names>,
    mailbox: Mailbox,
    link: Link,
    channel: watch::Sender<Option<Channel>>,
) {
    let mut attempt = 0;
    loop {
        let opened = tokio::time::timeout(dial.limit, open(&dial, &names)).await;
        let error = match opened {
            Ok(Ok(opened)) => {
                attempt = 0;
                channel.send_replace(Some(opened.publishing));
                link.up();
                let error = read(opened.consumers, &mailbox).await;
                channel.send_replace(None);
                drop(opened.connection);
                error
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the broker does not answer within {:?}", dial.limit),
        };
        link.down(error);
        attempt += 1;
        tokio::time::sleep(backoff(attempt, jitter())).await;
    }
}

struct Opened {
    connection: Connection,
    publishing: Channel,
    consumers: Vec<Consumer>,
}

async fn open(dial: &Dial, names: &Names) -> lapin::Result<Opened> {
    let attempt = Attempt::default();
    let opened = open_in(dial, names, &attempt).await;
    attempt.decided();
    opened
}

async fn open_in(dial: &Dial, names: &Names, attempt: &Attempt) -> lapin::Result<Opened> {
    let connection = dial.connect(attempt).await?;
    let consuming = connection.create_channel().await?;
    let publishing = connection.create_channel().await?;
    publishing.confirm_select(ConfirmSelectOptions::default()).await?;
    declare(&consuming, names).await?;
    let mut consumers = vec![consume(&consuming, &names.own).await?];
    if names.roles.server {
        consumers.push(consume(&consuming, &names.any).await?);
    }
    Ok(Opened { connection, publishing, consumers })
}

async fn declare(channel: &Channel, names: &Names) -> lapin::Result<()> {
    let kinds = [
        (&names.nodes, ExchangeKind::Direct, names.node.as_str(), true),
        (&names.servers, ExchangeKind::Fanout, "", names.roles.server),
        (&names.workers, ExchangeKind::Fanout, "", names.roles.worker),
    ];
    let any = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let bounded = bounds(Some(ANY_LIVES_MS));
    channel.queue_declare(names.any.as_str().into(), any, bounded).await?;
    let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(names.own.as_str().into(), own, bounds(None)).await?;
    for (exchange, kind, key, hears) in kinds {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(exchange.as_str().into(), kind, options, FieldTable::default()).await?;
        if hears {
            let (queue, exchange) = (names.own.as_str().into(), exchange.as_str().into());
            let (options, none) = (QueueBindOptions::default(), FieldTable::default());
            channel.queue_bind(queue, exchange, key.into(), options, none).await?;
        }
    }
    Ok(())
}

fn bounds(lives_ms: Option<i32>) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert("x-max-length".into(), AMQPValue::LongInt(MOST_WAITING));
    if let Some(lives) = lives_ms {
        table.insert("x-message-ttl".into(), AMQPValue::LongInt(lives));
    }
    table
}

async fn consume(channel: &Channel, queue: &str) -> lapin::Result<Consumer> {
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await
}

/// Reads all consumers until one of them ends; says why.
async fn read(consumers: Vec<Consumer>, mailbox: &Mailbox) -> String {
    let ends = consumers.into_iter().map(|consumer| consumer.map(Some).chain(stream::iter([None])).boxed());
    let mut all = stream::select_all(ends);
    loop {
        match all.next().await.flatten() {
            Some(Ok(delivery)) => mailbox.push(Arrival::unvouched(Bytes::from(delivery.data))),
            Some(Err(error)) => return error.to_string(),
            None => return "the broker ended the connection".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;

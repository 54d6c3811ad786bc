//! NATS: subjects, and a queue group for work that any server may take. Plain NATS is enough, nothing is persisted there:
//! what gets lost is repeated above.
//!
//! | address | subject |
//! |---|---|
//! | any server | `<prefix>.any`, queue group `servers` |
//! | all servers | `<prefix>.servers` |
//! | a node | `<prefix>.node.<id>` |
//! | all workers | `<prefix>.workers` |
//!
//! An envelope above what the broker carries in one message goes in parts. Parts must meet at one receiver, so for *any
//! server* one is asked for its name first.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Subscriber};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use pikoci_model::{
    id::NodeId,
    port::{Address, Arrival, Bus, BusError},
    text::SecretValue,
};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    LinkState, Roles,
    link::{Link, backoff, jitter},
    mailbox::Mailbox,
    parts::{Parts, split},
    probe::{Manner, Probe},
    settings::{BrokerError, BrokerSettings, MOST_CARRIED},
};

const MANNER: Manner = Manner { port: 4222, encrypted: "tls://", greets: true };
/// How long a server may take to say its name.
const LOCATE: Duration = Duration::from_secs(2);
/// A broker that takes nothing for so long counts as down for the sender.
const STALLED: Duration = Duration::from_secs(5);

/// One node's place at a NATS server or cluster. It leaves when it is dropped.
pub struct NatsBus {
    client: Client,
    subjects: Subjects,
    link: Link,
    mailbox: Mailbox,
    _hearing: JoinSet<()>,
}

#[derive(Clone)]
struct Subjects {
    any: String,
    locate: String,
    servers: String,
    workers: String,
    nodes: String,
}

impl Subjects {
    fn new(prefix: &str) -> Self {
        let subject = |name: &str| format!("{prefix}.{name}");
        Self {
            any: subject("any"),
            locate: subject("any.locate"),
            servers: subject("servers"),
            workers: subject("workers"),
            nodes: subject("node"),
        }
    }

    fn node(&self, node: &NodeId) -> String {
        format!("{}.{}", self.nodes, node.0)
    }

    fn of(&self, to: &Address) -> String {
        match to {
            Address::AnyServer => self.any.clone(),
            Address::AllServers => self.servers.clone(),
            Address::AllWorkers => self.workers.clone(),
            Address::Node(node) => self.node(node),
        }
    }
}

impl NatsBus {
    /// Joins. A broker that is not there now is tried until it is; only settings that can never work are an error.
    ///
    /// # Errors
    /// The address or a file of certificates cannot be used.
    pub async fn join(settings: &BrokerSettings, node: NodeId, roles: Roles) -> Result<Self, BrokerError> {
        let link = Link::new();
        let options = options(settings, &node, &link);
        let client = options
            .connect(&settings.address)
            .await
            .map_err(|error| BrokerError::Client(error.to_string()))?;
        let subjects = Subjects::new(&settings.prefix);
        let mailbox = Mailbox::new();
        let mut hearing = JoinSet::new();
        hearing.spawn(link.clone().tell(Probe::new(settings, MANNER)));
        for subscriber in subscriptions(&client, &subjects, &node, roles).await? {
            hearing.spawn(hear(subscriber, mailbox.clone()));
        }
        if roles.server {
            let asked = client.queue_subscribe(subjects.locate.clone(), "servers".to_owned()).await;
            hearing.spawn(tell_name(asked.map_err(refused)?, client.clone(), node));
        }
        // What is published from now on arrives. While the broker is away there is no hurry.
        let _ = tokio::time::timeout(LOCATE, settled(&client)).await;
        Ok(Self { client, subjects, link, mailbox, _hearing: hearing })
    }

    /// How the connection stands.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.link.watch()
    }

    async fn publish(&self, subject: String, payload: Bytes) -> Result<(), BusError> {
        if let Some(reason) = self.link.trouble() {
            return Err(BusError::Down(reason));
        }
        match tokio::time::timeout(STALLED, self.client.publish(subject, payload)).await {
            Ok(sent) => sent.map_err(|error| BusError::Down(error.to_string())),
            Err(_) => Err(BusError::Down("the broker takes nothing".to_owned())),
        }
    }

    /// Any server, for an envelope in parts: one that is there now.
    async fn some_server(&self) -> Result<String, BusError> {
        let asked = self.client.request(self.subjects.locate.clone(), Bytes::new());
        match tokio::time::timeout(LOCATE, asked).await {
            Ok(Ok(answer)) => {
                let name = String::from_utf8_lossy(&answer.payload).into_owned();
                Ok(self.subjects.node(&NodeId(name)))
            }
            Ok(Err(error)) => Err(BusError::Down(error.to_string())),
            Err(_) => Err(BusError::Down("no server answers".to_owned())),
        }
    }
}

#[async_trait]
impl Bus for NatsBus {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        if envelope.len() > MOST_CARRIED {
            return Err(BusError::TooLarge { size: envelope.len(), limit: MOST_CARRIED });
        }
        let mut parts = split(envelope, self.client.max_payload());
        if parts.len() == 1 {
            return self.publish(self.subjects.of(to), parts.remove(0)).await;
        }
        let subject = match to {
            Address::AnyServer => self.some_server().await?,
            _ => self.subjects.of(to),
        };
        for part in parts {
            self.publish(subject.clone(), part).await?;
        }
        Ok(())
    }

    /// A second call gives a stream that has ended: each envelope is received once.
    fn receive(&self) -> BoxStream<'static, Arrival> {
        self.mailbox.arrivals()
    }
}

async fn subscriptions(
    client: &Client,
    subjects: &Subjects,
    node: &NodeId,
    roles: Roles,
) -> Result<Vec<Subscriber>, BrokerError> {
    let mut all = vec![client.subscribe(subjects.node(node)).await.map_err(refused)?];
    if roles.server {
        let group = client.queue_subscribe(subjects.any.clone(), "servers".to_owned());
        all.push(group.await.map_err(refused)?);
        all.push(client.subscribe(subjects.servers.clone()).await.map_err(refused)?);
    }
    if roles.worker {
        all.push(client.subscribe(subjects.workers.clone()).await.map_err(refused)?);
    }
    Ok(all)
}

/// Waits until the broker has what was asked of it on this connection: it answers in order.
async fn settled(client: &Client) -> Option<()> {
    let echo = client.new_inbox();
    let mut heard = client.subscribe(echo.clone()).await.ok()?;
    client.publish(echo, Bytes::new()).await.ok()?;
    heard.next().await.map(drop)
}

fn refused(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Client(error.to_string())
}

/// One subscription: whole envelopes into the mailbox. What finds it full is lost, as every transport may lose.
async fn hear(mut subscriber: Subscriber, mailbox: Mailbox) {
    let mut parts = Parts::default();
    while let Some(message) = subscriber.next().await {
        if let Some(envelope) = parts.take(message.payload) {
            mailbox.push(Arrival::unvouched(envelope));
        }
    }
}

async fn tell_name(mut asked: Subscriber, client: Client, node: NodeId) {
    let name = Bytes::from(node.0.into_bytes());
    while let Some(question) = asked.next().await {
        if let Some(reply) = question.reply {
            // Who does not hear the answer asks again.
            let _ = client.publish(reply, name.clone()).await;
        }
    }
}

fn options(settings: &BrokerSettings, node: &NodeId, link: &Link) -> ConnectOptions {
    let told = link.clone();
    let mut options = ConnectOptions::new()
        .name(format!("pikoci {}", node.0))
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(|attempt| backoff(attempt, jitter()))
        .connection_timeout(Duration::from_secs(5))
        .ping_interval(Duration::from_secs(10))
        .require_tls(settings.tls)
        .event_callback(move |event| {
            let link = told.clone();
            async move { note(&link, &event) }
        });
    let reveal = |value: &SecretValue| value.reveal().to_owned();
    if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
        options = options.user_and_password(user.clone(), reveal(password));
    }
    if let Some(token) = &settings.token {
        options = options.token(reveal(token));
    }
    if let Some(file) = &settings.ca_file {
        options = options.add_root_certificates(file.clone());
    }
    options
}

fn note(link: &Link, event: &Event) {
    match event {
        Event::Connected => link.up(),
        Event::Disconnected | Event::Closed | Event::ClientError(_) => link.down(event),
        Event::ServerError(error) => tracing::warn!("the broker says: {error}"),
        Event::SlowConsumer(_) => {
            tracing::warn!("envelopes of the broker are lost: this process reads too slowly")
        }
        Event::LameDuckMode | Event::Draining => tracing::info!("the broker says: {event}"),
    }
}

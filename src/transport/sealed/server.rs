//! A server's seals.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use pikoci_model::{
    id::NodeId,
    message::{Envelope, MAX_ENVELOPE_BYTES, Refused},
    port::{Address, Arrival, Bus, BusError, Clock, Peer},
};
use pikoci_seal::mail::{Claims, Content, Opened, Reason, Sender, ServerEnd};
use tokio::task::JoinSet;

use super::receiver;
use crate::{
    drops::{Dropped, Drops, Throttle},
    mailbox::Mailbox,
    salts::{Known, Salts, Verdict, Whose},
};

/// How often one worker is told that it is refused.
const TOLD_EVERY: Duration = Duration::from_secs(5);
/// How often anybody is told in clear.
const NOTICE_EVERY: Duration = Duration::from_secs(1);
/// Messages that wait for an answer about their tokens; one that finds no room is lost, and its sender repeats it.
const MOST_WAITING: usize = 1024;

/// A bus between machines, for a server.
pub struct SealedServer {
    inner: Arc<dyn Bus>,
    end: Arc<ServerEnd>,
    mailbox: Mailbox,
    _reading: JoinSet<()>,
}

impl SealedServer {
    /// Reads `inner` from now on, which this server joined under the name of `end`.
    pub fn new(
        inner: Arc<dyn Bus>,
        end: Arc<ServerEnd>,
        salts: Arc<dyn Salts>,
        clock: Arc<dyn Clock>,
        drops: Drops,
    ) -> Self {
        let mailbox = Mailbox::new();
        let gate = Gate {
            inner: Arc::clone(&inner),
            end: Arc::clone(&end),
            known: Known::new(salts),
            clock,
            drops,
            told: Throttle::default(),
            waiting: HashMap::new(),
            mailbox: mailbox.clone(),
        };
        let mut reading = JoinSet::new();
        reading.spawn(gate.read());
        Self { inner, end, mailbox, _reading: reading }
    }
}

#[async_trait]
impl Bus for SealedServer {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        if envelope.len() > MAX_ENVELOPE_BYTES {
            return Err(BusError::TooLarge { size: envelope.len(), limit: MAX_ENVELOPE_BYTES });
        }
        match self.end.seal(receiver(to), &envelope) {
            Some(sealed) => self.inner.send(to, Bytes::from(sealed)).await,
            // A worker that this server has not heard is not there, as far as anybody here can know.
            None => Ok(()),
        }
    }

    /// A second call gives a stream that has ended: each envelope is received once.
    fn receive(&self) -> BoxStream<'static, Arrival> {
        self.mailbox.arrivals()
    }
}

/// Opens what arrives and lets in who may come in.
struct Gate {
    inner: Arc<dyn Bus>,
    end: Arc<ServerEnd>,
    known: Known,
    clock: Arc<dyn Clock>,
    drops: Drops,
    told: Throttle,
    /// Messages about whose tokens the database is asked, in the order they came.
    waiting: HashMap<Whose, Vec<Caller>>,
    mailbox: Mailbox,
}

/// A worker's message.
struct Caller {
    node: String,
    claims: Claims,
    envelope: Bytes,
}

impl Gate {
    /// What needs no answer of the database goes past what does.
    async fn read(mut self) {
        let mut arriving = self.inner.receive();
        loop {
            tokio::select! {
                arrival = arriving.next() => match arrival {
                    Some(Arrival { envelope, .. }) => self.open(envelope).await,
                    None => break,
                },
                Some(whose) = self.known.learn() => self.resume(&whose).await,
            }
        }
        while let Some(whose) = self.known.learn().await {
            self.resume(&whose).await;
        }
    }

    async fn open(&mut self, envelope: Bytes) {
        if self.drops.is_too_large(&envelope) {
            return;
        }
        match self.end.open(&envelope) {
            Ok(Opened { from, content: Content::Message(message), .. }) => {
                self.admit(from, Bytes::from(message)).await;
            }
            // Who said hello is known now.
            Ok(_) => {}
            Err(reason) => self.drop(&reason, &envelope).await,
        }
    }

    async fn admit(&mut self, from: Sender, envelope: Bytes) {
        let from = match from {
            Sender::Server(name) => Peer::Server(NodeId(name)),
            Sender::Hailer => Peer::Hailer,
            Sender::Nobody => return,
            Sender::Worker { node, claims } => return self.examine(Caller { node, claims, envelope }).await,
        };
        self.mailbox.push(Arrival { envelope, from });
    }

    /// Lets a worker in, turns it away, or has it wait.
    async fn examine(&mut self, caller: Caller) {
        let Some(verdict) = self.known.judge(&caller.claims) else { return self.have_wait(caller) };
        let Caller { node, claims, envelope } = caller;
        if let Some((kind, why)) = self.fault_of(&claims, verdict) {
            self.drops.count(kind, format_args!("of worker {node}: {why}"));
            return self.refuse(node, why).await;
        }
        let from = Peer::Worker { node: NodeId(node), team: claims.team };
        self.mailbox.push(Arrival { envelope, from });
    }

    fn have_wait(&mut self, caller: Caller) {
        if self.waiting.values().map(Vec::len).sum::<usize>() < MOST_WAITING {
            return self.waiting.entry(caller.claims.team.clone()).or_default().push(caller);
        }
        let why = format_args!("of worker {}: {MOST_WAITING} others wait for the database", caller.node);
        self.drops.count(Dropped::Unverified, why);
    }

    /// The database has answered about these tokens, or does not answer.
    async fn resume(&mut self, whose: &Whose) {
        for caller in self.waiting.remove(whose).unwrap_or_default() {
            self.examine(caller).await;
        }
    }

    /// What is wrong with a token now.
    fn fault_of(&self, claims: &Claims, verdict: Verdict) -> Option<(Dropped, String)> {
        if claims.expires.is_some_and(|end| self.clock.now().timestamp() >= end) {
            let why = "the worker token has expired; expected one that is still good";
            return Some((Dropped::Expired, why.to_owned()));
        }
        match verdict {
            Verdict::Good => None,
            Verdict::Revoked => {
                let of = claims.team.as_ref().map(|team| format!(" of team \"{team}\"")).unwrap_or_default();
                let why = format!("the worker token{of} was revoked; expected the one that is good now");
                Some((Dropped::Revoked, why))
            }
            Verdict::Unknown(error) => {
                Some((Dropped::Unverified, format!("its token cannot be looked up: {error}")))
            }
        }
    }

    async fn refuse(&mut self, worker: String, reason: String) {
        if !self.told.allows(&worker, TOLD_EVERY) {
            return;
        }
        let me = NodeId(self.end.name().to_owned());
        let Ok(message) = Envelope::encode(&me, &Refused { reason }) else { return };
        let to = Address::Node(NodeId(worker));
        if let Some(sealed) = self.end.seal(receiver(&to), &message) {
            // Who does not hear it tries again, and is told again.
            self.inner.send(&to, Bytes::from(sealed)).await.ok();
        }
    }

    async fn drop(&mut self, reason: &Reason, envelope: &Bytes) {
        self.drops.count(Dropped::from(reason), reason);
        let why = match reason {
            Reason::Forged => "this worker's token was not made with the server's jwt secret".to_owned(),
            Reason::Version(release) => {
                format!("the worker's release {release} seals in a form that this server does not know")
            }
            Reason::Garbled | Reason::Repeated | Reason::Misdirected => return,
        };
        if let Some((worker, notice)) = self.end.notice(envelope, &why)
            && self.told.allows("", NOTICE_EVERY)
        {
            self.inner.send(&Address::Node(NodeId(worker)), Bytes::from(notice)).await.ok();
        }
    }
}

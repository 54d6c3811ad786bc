//! Who is not let in, and what they are told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use pikoci_model::{
    id::NodeId,
    message::{Envelope, Refused},
    port::{Address, Arrival, Bus, BusError, Peer},
};
use pikoci_seal::mail::{Claims, Installation, ServerEnd, WorkerEnd, WorkerToken};
use pikoci_transport::{
    Chaos, ChaosSettings, Drops, LocalBus, LocalHub, MOST_CARRIED, Roles, Salts, SealedServer, SealedWorker,
};
use tokio::sync::Notify;

use crate::sealed::{Book, Noon, RELEASE};

struct Town {
    hub: LocalHub,
    installation: Installation,
    book: Book,
    drops: Drops,
    server: SealedServer,
    arriving: BoxStream<'static, Arrival>,
}

struct Worker {
    node: NodeId,
    bus: SealedWorker,
    arriving: BoxStream<'static, Arrival>,
}

fn town() -> Town {
    let book = Book::default();
    town_with(book.clone(), Arc::new(book))
}

fn town_with(book: Book, salts: Arc<dyn Salts>) -> Town {
    let (hub, installation) = (LocalHub::default(), Installation::new("the secret of the servers"));
    let end = Arc::new(ServerEnd::new(installation.clone(), RELEASE).unwrap());
    let inner = Arc::new(hub.join(NodeId(end.name().to_owned()), Roles::SERVER));
    let drops = Drops::default();
    let server = SealedServer::new(inner, end, salts, Arc::new(Noon), drops.clone());
    let arriving = server.receive();
    Town { hub, installation, book, drops, server, arriving }
}

fn worker(hub: &LocalHub, token: &str) -> Worker {
    let end = Arc::new(WorkerEnd::new(&WorkerToken::read(token).unwrap(), RELEASE).unwrap());
    let node = NodeId(end.name().to_owned());
    let inner = Arc::new(hub.join(node.clone(), Roles::WORKER));
    let bus = SealedWorker::new(inner, end, Drops::default());
    let arriving = bus.receive();
    Worker { node, bus, arriving }
}

async fn next(inbox: &mut BoxStream<'static, Arrival>) -> Option<Arrival> {
    tokio::time::timeout(Duration::from_secs(5), inbox.next()).await.ok().flatten()
}

impl Town {
    fn dropped(&self, kind: &str) -> u64 {
        self.drops.counts().find(|(name, _)| *name == kind).unwrap().1
    }

    /// What a worker with such a token hears when it says something.
    async fn answer(&mut self, claims: &Claims) -> String {
        let mut worker = worker(&self.hub, &self.installation.token(claims));
        worker.bus.send(&Address::AnyServer, Bytes::from_static(b"hello")).await.unwrap();
        let arrival = next(&mut worker.arriving).await.unwrap();
        assert!(matches!(arrival.from, Peer::Server(_)));
        let envelope = Envelope::open(arrival.envelope).unwrap();
        envelope.message::<Refused>().unwrap().unwrap().reason
    }
}

#[tokio::test]
async fn a_token_gives_a_team_until_it_is_revoked() {
    let mut town = town();
    let claims = |team: Option<&str>, salt: &str| Claims {
        team: team.map(str::to_owned),
        salt: Some(salt.to_owned()),
        expires: Some(1_900_000_000),
    };
    town.book.0.lock().unwrap().insert(Some("blue".into()), "1".into());
    town.book.0.lock().unwrap().insert(None, "2".into());
    for (team, salt) in [(Some("blue"), "1"), (None, "2")] {
        let worker = worker(&town.hub, &town.installation.token(&claims(team, salt)));
        worker.bus.send(&Address::AnyServer, Bytes::from_static(b"hello")).await.unwrap();
        let from = Peer::Worker { node: worker.node.clone(), team: team.map(str::to_owned) };
        assert_eq!(next(&mut town.arriving).await.unwrap().from, from);
    }
    for (team, salt) in [(Some("blue"), "2"), (None, "1"), (Some("red"), "1")] {
        let said = town.answer(&claims(team, salt)).await;
        assert!(said.contains("was revoked; expected"), "{said}");
    }
    assert_eq!(town.dropped("revoked"), 3);
    let said = town.answer(&Claims { expires: Some(1_700_000_000), ..claims(None, "2") }).await;
    assert!(said.contains("has expired"), "{said}");
    assert_eq!(town.dropped("expired"), 1);
}

/// Nobody hears of the blue team before somebody has asked about the red one.
#[derive(Default)]
struct RedFirst(Notify);

#[async_trait]
impl Salts for RedFirst {
    async fn salt(&self, team: Option<&str>) -> Result<Option<String>, String> {
        match team {
            Some("blue") => self.0.notified().await,
            _ => self.0.notify_one(),
        }
        Ok(Some("1".to_owned()))
    }
}

#[tokio::test]
async fn no_team_waits_for_what_is_asked_about_another() {
    let mut town = town_with(Book::default(), Arc::new(RedFirst::default()));
    let mut told = Vec::new();
    for (team, words) in [("blue", "one"), ("blue", "two"), ("red", "three")] {
        let claims = Claims { team: Some(team.into()), salt: Some("1".into()), expires: None };
        let token = WorkerToken::read(&town.installation.token(&claims)).unwrap();
        let end = WorkerEnd::new(&token, RELEASE).unwrap();
        let sealed = end.seal(pikoci_seal::mail::To::AnyServer, words.as_bytes()).unwrap();
        let wire = town.hub.join(NodeId(words.into()), Roles::WORKER);
        wire.send(&Address::AnyServer, Bytes::from(sealed)).await.unwrap();
    }
    for _ in 0..3 {
        told.push(next(&mut town.arriving).await.unwrap().envelope);
    }
    assert_eq!(told.iter().filter(|words| **words != b"three"[..]).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!((told.len(), town.dropped("unverified")), (3, 0));
}

#[tokio::test]
async fn garbled_forged_and_repeated_envelopes_are_counted_and_dropped() {
    let mut town = town();
    let wire: LocalBus = town.hub.join(NodeId("w-spy".into()), Roles::WORKER);
    let foreign = worker(&town.hub, &Installation::new("the secret of others").token(&Claims::default()));
    foreign.bus.send(&Address::AnyServer, Bytes::from_static(b"let me in")).await.unwrap();
    wire.send(&Address::AllServers, Bytes::from_static(b"garbage")).await.unwrap();
    let token = WorkerToken::read(&town.installation.token(&Claims::default())).unwrap();
    let end = WorkerEnd::new(&token, RELEASE).unwrap();
    let mut of_tomorrow = end.seal(pikoci_seal::mail::To::AnyServer, b"?").unwrap();
    of_tomorrow[3] += 1;
    wire.send(&Address::AnyServer, Bytes::from(of_tomorrow)).await.unwrap();
    let sealed = Bytes::from(end.seal(pikoci_seal::mail::To::AnyServer, b"once").unwrap());
    wire.send(&Address::AnyServer, sealed.clone()).await.unwrap();
    wire.send(&Address::AnyServer, sealed).await.unwrap();
    let last = Bytes::from(end.seal(pikoci_seal::mail::To::AnyServer, b"last").unwrap());
    wire.send(&Address::AnyServer, last).await.unwrap();
    for expected in [&b"once"[..], b"last"] {
        assert_eq!(next(&mut town.arriving).await.unwrap().envelope, expected);
    }
    assert_eq!((town.dropped("garbled"), town.dropped("repeated")), (1, 1));
    assert_eq!(town.dropped("version"), 1);
    // Its hello and its word.
    assert_eq!(town.dropped("forged"), 2);
    // What a server says to somebody it never heard is nobody's.
    let unheard = Address::Node(NodeId("w-spy".into()));
    assert_eq!(town.server.send(&unheard, Bytes::from_static(b"x")).await, Ok(()));
    let mut spied = wire.receive();
    assert!(futures::FutureExt::now_or_never(spied.next()).is_none());
}

/// A broker that carries whatever it is given.
struct Unlimited(Mutex<Option<Vec<Bytes>>>);

#[async_trait]
impl Bus for Unlimited {
    async fn send(&self, _: &Address, _: Bytes) -> Result<(), BusError> {
        Ok(())
    }

    fn receive(&self) -> BoxStream<'static, Arrival> {
        let given = self.0.lock().unwrap().take().unwrap_or_default();
        futures::stream::iter(given.into_iter().map(Arrival::unvouched)).boxed()
    }
}

#[tokio::test]
async fn oversized_envelopes_are_counted_and_dropped() {
    let Town { installation, book, .. } = town();
    let token = WorkerToken::read(&installation.token(&Claims::default())).unwrap();
    let worker = WorkerEnd::new(&token, RELEASE).unwrap();
    let good = Bytes::from(worker.seal(pikoci_seal::mail::To::AnyServer, b"small").unwrap());
    let inner = Unlimited(Mutex::new(Some(vec![Bytes::from(vec![0; MOST_CARRIED + 1]), good])));
    let end = Arc::new(ServerEnd::new(installation, RELEASE).unwrap());
    let drops = Drops::default();
    let server = SealedServer::new(Arc::new(inner), end, Arc::new(book), Arc::new(Noon), drops.clone());
    assert_eq!(next(&mut server.receive()).await.unwrap().envelope, &b"small"[..]);
    assert_eq!(drops.counts().find(|(kind, _)| *kind == "oversized"), Some(("oversized", 1)));
}

#[tokio::test]
async fn what_chaos_repeats_arrives_once() {
    let mut town = town();
    let token = WorkerToken::read(&town.installation.token(&Claims::default())).unwrap();
    let end = Arc::new(WorkerEnd::new(&token, RELEASE).unwrap());
    let inner = Arc::new(town.hub.join(NodeId(end.name().to_owned()), Roles::WORKER));
    let settings = ChaosSettings { repeat: 100, drop: 0, ..ChaosSettings::seeded(3) };
    let bus = SealedWorker::new(Arc::new(Chaos::new(inner, settings)), end, Drops::default());
    let mut sent: Vec<Bytes> = (0..200_u32).map(|number| Bytes::from(number.to_string())).collect();
    for one in &sent {
        bus.send(&Address::AnyServer, one.clone()).await.unwrap();
    }
    let mut got = Vec::new();
    for _ in &sent {
        got.push(next(&mut town.arriving).await.unwrap().envelope);
    }
    got.sort();
    sent.sort();
    assert_eq!(got, sent);
}

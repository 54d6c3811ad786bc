//! What every bus must do. A suite is run by an adapter's tests with a function that makes a fresh world.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::stream::BoxStream;

use super::Roles;
use crate::{
    id::NodeId,
    message::MAX_ENVELOPE_BYTES,
    port::{Address, Arrival, Bus, BusError},
};

/// What a transport promises beyond "it may arrive".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    /// While nobody crashes and no queue is full: each envelope exactly once, in the order of one sender.
    Exact,
    /// Nothing: envelopes may be lost, repeated, delayed, reordered. What is received was sent, and was sent to us.
    Nothing,
}

/// A bus under test: how a node joins, and how one waits with a limit (the model has no clock).
#[async_trait::async_trait]
pub trait BusWorld: Send + Sync {
    /// What it promises.
    fn promise(&self) -> Promise;
    /// The largest envelope it takes, in bytes.
    fn limit(&self) -> usize {
        MAX_ENVELOPE_BYTES
    }
    /// Takes a node in.
    async fn join(&self, node: NodeId, roles: Roles) -> Arc<dyn Bus>;
    /// The next envelope, or none within the limit.
    async fn next(&self, inbox: &mut BoxStream<'static, Arrival>, limit: Duration) -> Option<Arrival>;
}

/// Long enough for what must come on a loaded machine.
const MUST: Duration = Duration::from_secs(30);
/// How long silence is listened to.
const SILENCE: Duration = Duration::from_millis(100);

struct Node {
    bus: Arc<dyn Bus>,
    inbox: BoxStream<'static, Arrival>,
}

async fn node(world: &dyn BusWorld, name: &str, roles: Roles) -> Node {
    let bus = world.join(NodeId(name.into()), roles).await;
    let inbox = bus.receive();
    Node { bus, inbox }
}

fn envelope(number: u32) -> Bytes {
    Bytes::from(format!("envelope {number:06}"))
}

/// Runs every case; each makes a world of its own.
pub async fn bus_suite(make: impl Fn() -> Box<dyn BusWorld>) {
    each_address_reaches_whom_it_names(&*make()).await;
    any_server_is_one_server(&*make()).await;
    order_of_one_sender_is_kept(&*make()).await;
    an_unknown_node_is_a_silent_loss(&*make()).await;
    an_envelope_that_is_too_large_is_refused(&*make()).await;
    bytes_arrive_as_they_were(&*make()).await;
    the_largest_envelope_arrives(&*make()).await;
    a_slow_receiver_never_stops_the_sender(&*make()).await;
}

/// What has come, and how often, when nothing comes any more.
async fn received(world: &dyn BusWorld, node: &mut Node) -> BTreeMap<Bytes, usize> {
    let mut got = BTreeMap::new();
    while let Some(arrival) = world.next(&mut node.inbox, SILENCE).await {
        *got.entry(arrival.envelope).or_default() += 1;
    }
    got
}

/// The same at several nodes, of whom a transport that promises so brings `due` envelopes together, however late.
async fn received_in_all(
    world: &dyn BusWorld,
    nodes: &mut [Node],
    due: usize,
) -> Vec<BTreeMap<Bytes, usize>> {
    let mut got = vec![BTreeMap::new(); nodes.len()];
    let mut silent = Duration::ZERO;
    loop {
        for (node, got) in nodes.iter_mut().zip(&mut got) {
            for (envelope, times) in received(world, node).await {
                *got.entry(envelope).or_default() += times;
            }
            silent += SILENCE;
        }
        let all: usize = got.iter().flat_map(BTreeMap::values).sum();
        if all >= due || world.promise() == Promise::Nothing || silent >= MUST {
            return got;
        }
    }
}

/// Each of the four addresses, among two servers, two workers and one that is both.
async fn each_address_reaches_whom_it_names(world: &dyn BusWorld) {
    let mut nodes = [
        node(world, "s1", Roles::SERVER).await,
        node(world, "s2", Roles::SERVER).await,
        node(world, "w1", Roles::WORKER).await,
        node(world, "w2", Roles::WORKER).await,
        node(world, "b1", Roles::BOTH).await,
    ];
    let cases = [
        (Address::AllServers, vec![0, 1, 4]),
        (Address::AllWorkers, vec![2, 3, 4]),
        (Address::Node(NodeId("w1".into())), vec![2]),
    ];
    for (number, (to, _)) in (0..).zip(&cases) {
        assert_eq!(nodes[0].bus.send(to, envelope(number)).await, Ok(()), "{to:?}");
    }
    let due = cases.iter().map(|(_, hearers)| hearers.len()).sum();
    for (index, got) in received_in_all(world, &mut nodes, due).await.iter().enumerate() {
        for (number, (to, hearers)) in (0..).zip(&cases) {
            let (times, expected) =
                (got.get(&envelope(number)).copied().unwrap_or(0), hearers.contains(&index));
            match world.promise() {
                Promise::Exact => assert_eq!(times, usize::from(expected), "{to:?} at {index}"),
                Promise::Nothing => assert!(expected || times == 0, "{to:?} reached {index}"),
            }
        }
    }
}

/// Work for any server goes to exactly one, and not always to the same.
async fn any_server_is_one_server(world: &dyn BusWorld) {
    let mut servers = [node(world, "s1", Roles::SERVER).await, node(world, "s2", Roles::SERVER).await];
    let mut worker = node(world, "w1", Roles::WORKER).await;
    for number in 0..40 {
        assert_eq!(worker.bus.send(&Address::AnyServer, envelope(number)).await, Ok(()));
    }
    let got = received_in_all(world, &mut servers, 40).await;
    let (first, second) = (&got[0], &got[1]);
    assert!(!first.is_empty() && !second.is_empty(), "one server got everything");
    assert!(received(world, &mut worker).await.is_empty(), "a worker got a server's envelope");
    if world.promise() == Promise::Exact {
        assert!(first.keys().all(|key| !second.contains_key(key)), "both servers got one envelope");
        assert_eq!(first.values().chain(second.values()).sum::<usize>(), 40);
    }
}

/// What is received was sent; where the transport is exact, in order and complete.
async fn order_of_one_sender_is_kept(world: &dyn BusWorld) {
    let sender = node(world, "s1", Roles::SERVER).await;
    let mut receiver = node(world, "w1", Roles::WORKER).await;
    let to = Address::Node(NodeId("w1".into()));
    let sent: Vec<Bytes> = (0..200).map(envelope).collect();
    for one in &sent {
        assert_eq!(sender.bus.send(&to, one.clone()).await, Ok(()));
    }
    match world.promise() {
        Promise::Exact => {
            for one in &sent {
                let arrived = world.next(&mut receiver.inbox, MUST).await;
                assert_eq!(arrived.map(|arrival| arrival.envelope).as_ref(), Some(one));
            }
        }
        Promise::Nothing => {
            let got = received(world, &mut receiver).await;
            assert!(got.keys().all(|key| sent.contains(key)), "something was received that nobody sent");
            assert!(got.len() > sent.len() / 2, "only {} of {} arrived", got.len(), sent.len());
        }
    }
}

async fn an_unknown_node_is_a_silent_loss(world: &dyn BusWorld) {
    let mut sender = node(world, "s1", Roles::SERVER).await;
    let gone = node(world, "w1", Roles::WORKER).await;
    drop(gone);
    for name in ["w1", "nobody"] {
        assert_eq!(sender.bus.send(&Address::Node(NodeId(name.into())), envelope(1)).await, Ok(()));
    }
    assert!(received(world, &mut sender).await.is_empty());
}

async fn an_envelope_that_is_too_large_is_refused(world: &dyn BusWorld) {
    let sender = node(world, "s1", Roles::BOTH).await;
    let size = world.limit() + 1;
    let answer = sender.bus.send(&Address::AnyServer, Bytes::from(vec![0; size])).await;
    assert_eq!(answer, Err(BusError::TooLarge { size, limit: world.limit() }));
}

/// Empty, every byte, and a megabyte.
async fn bytes_arrive_as_they_were(world: &dyn BusWorld) {
    let sender = node(world, "s1", Roles::SERVER).await;
    let mut receiver = node(world, "w1", Roles::WORKER).await;
    let sent = [Bytes::new(), Bytes::from_iter(0..=255), Bytes::from(vec![0xa5; 1 << 20])];
    for one in &sent {
        assert_eq!(sender.bus.send(&Address::AllWorkers, one.clone()).await, Ok(()));
    }
    if world.promise() == Promise::Exact {
        for one in &sent {
            let arrived = world.next(&mut receiver.inbox, MUST).await;
            assert!(arrived.is_some_and(|arrival| arrival.envelope == one), "{} bytes", one.len());
        }
    }
    assert!(received(world, &mut receiver).await.keys().all(|key| sent.contains(key)));
}

/// To one node, and to whichever server there is.
async fn the_largest_envelope_arrives(world: &dyn BusWorld) {
    let mut server = node(world, "s1", Roles::SERVER).await;
    let mut worker = node(world, "w1", Roles::WORKER).await;
    let largest = Bytes::from(vec![0x5a; world.limit()]);
    let ways = [
        (&server.bus, Address::Node(NodeId("w1".into())), &mut worker.inbox),
        (&worker.bus, Address::AnyServer, &mut server.inbox),
    ];
    for (from, to, inbox) in ways {
        assert_eq!(from.send(&to, largest.clone()).await, Ok(()), "{to:?}");
        // Where it may be lost it is at least not changed.
        let limit = if world.promise() == Promise::Exact { MUST } else { SILENCE };
        let arrived = world.next(inbox, limit).await.map(|arrival| arrival.envelope == largest);
        assert!(arrived.unwrap_or(world.promise() == Promise::Nothing), "{to:?}");
    }
}

/// A queue that nobody reads fills up; the sender is told, other receivers are served.
async fn a_slow_receiver_never_stops_the_sender(world: &dyn BusWorld) {
    let sender = node(world, "s1", Roles::SERVER).await;
    let _slow = node(world, "w1", Roles::WORKER).await;
    let to = Address::Node(NodeId("w1".into()));
    for number in 0..20_000 {
        let answer = sender.bus.send(&to, envelope(number)).await;
        assert!(matches!(answer, Ok(()) | Err(BusError::Full)), "{answer:?}");
    }
    let mut quick = node(world, "w2", Roles::WORKER).await;
    for number in 0..20 {
        assert_eq!(sender.bus.send(&Address::Node(NodeId("w2".into())), envelope(number)).await, Ok(()));
    }
    assert!(world.next(&mut quick.inbox, MUST).await.is_some());
}

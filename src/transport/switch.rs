//! A server with a worker inside and others elsewhere: one bus for both.
//!
//! | address | way |
//! |---|---|
//! | a node of this process | in process |
//! | another node, any server | the broker |
//! | all servers, all workers | both |

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    StreamExt,
    future::ready,
    stream::{BoxStream, select},
};
use pikoci_model::{
    id::NodeId,
    port::{Address, Arrival, Bus, BusError, Peer},
};

/// The server's end of both.
pub struct Switch {
    inside: Arc<dyn Bus>,
    outside: Arc<dyn Bus>,
    here: BTreeSet<NodeId>,
    me: NodeId,
}

impl Switch {
    /// `inside` reaches `me` and `workers`, which are nodes of this process; `outside` all others.
    pub fn new(
        inside: Arc<dyn Bus>,
        outside: Arc<dyn Bus>,
        me: NodeId,
        workers: impl IntoIterator<Item = NodeId>,
    ) -> Self {
        let here = workers.into_iter().chain([me.clone()]).collect();
        Self { inside, outside, here, me }
    }
}

#[async_trait]
impl Bus for Switch {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        match to {
            Address::Node(node) if self.here.contains(node) => self.inside.send(to, envelope).await,
            Address::Node(_) | Address::AnyServer => self.outside.send(to, envelope).await,
            Address::AllServers | Address::AllWorkers => {
                let inside = self.inside.send(to, envelope.clone()).await;
                self.outside.send(to, envelope).await.and(inside)
            }
        }
    }

    /// What this server says to all servers comes back from the broker as well; it was heard in here already.
    fn receive(&self) -> BoxStream<'static, Arrival> {
        let me = Peer::Server(self.me.clone());
        let outside = self.outside.receive().filter(move |arrival| ready(arrival.from != me));
        select(self.inside.receive(), outside).boxed()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::{LocalHub, Roles};

    fn node(name: &str) -> NodeId {
        NodeId(name.to_owned())
    }

    #[tokio::test]
    async fn each_way_is_taken_where_it_leads() {
        let (inside, outside) = (LocalHub::default(), LocalHub::default());
        let (me, own, far) = (node("s1"), node("w1"), node("w2"));
        let mut workers = [inside.join(own.clone(), Roles::WORKER), outside.join(far.clone(), Roles::WORKER)];
        let mut heard = workers.each_mut().map(|bus| bus.receive());
        let switch = Switch::new(
            Arc::new(inside.join(me.clone(), Roles::SERVER)),
            Arc::new(outside.join(me.clone(), Roles::SERVER)),
            me,
            [own.clone()],
        );
        let mut arriving = switch.receive();
        let cases = [
            (Address::Node(own), [true, false]),
            (Address::Node(far), [false, true]),
            (Address::AllWorkers, [true, true]),
        ];
        for (to, wanted) in cases {
            switch.send(&to, Bytes::from_static(b"x")).await.unwrap();
            for (inbox, wanted) in heard.iter_mut().zip(wanted) {
                assert_eq!(inbox.next().now_or_never().flatten().is_some(), wanted, "{to:?}");
            }
        }
        for bus in &workers {
            bus.send(&Address::AnyServer, Bytes::from_static(b"y")).await.unwrap();
            assert!(arriving.next().now_or_never().flatten().is_some());
        }
    }
}

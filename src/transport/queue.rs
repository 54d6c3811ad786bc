//! A node's inbox: bounded by envelopes and by bytes, first in first out.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures::Stream;
use pikoci_model::port::{Arrival, BusError};
use tokio::sync::mpsc;

/// Envelopes that wait for one node. Every protocol above repeats what is not answered and holds only a window on the
/// way, so a queue this long means that the node does not read at all.
const ENVELOPES: usize = 4096;
/// Bytes that wait for one node: the log windows of some dozen builds, a small part of a small machine's memory.
const BYTES: usize = 64 * 1024 * 1024;

/// The sending end. Clones share the queue.
#[derive(Clone)]
pub(crate) struct Outlet {
    queue: mpsc::Sender<Arrival>,
    waiting: Arc<AtomicUsize>,
}

/// The receiving end.
pub(crate) struct Inlet {
    queue: mpsc::Receiver<Arrival>,
    waiting: Arc<AtomicUsize>,
}

/// A new queue.
pub(crate) fn queue() -> (Outlet, Inlet) {
    let (sender, receiver) = mpsc::channel(ENVELOPES);
    let waiting = Arc::new(AtomicUsize::new(0));
    (Outlet { queue: sender, waiting: waiting.clone() }, Inlet { queue: receiver, waiting })
}

impl Outlet {
    /// Hands an envelope over, if there is room. A receiver that is gone is a loss nobody is told of.
    pub fn push(&self, arrival: Arrival) -> Result<(), BusError> {
        let size = arrival.envelope.len();
        if self.waiting.fetch_add(size, Ordering::AcqRel) >= BYTES {
            self.waiting.fetch_sub(size, Ordering::AcqRel);
            return Err(BusError::Full);
        }
        self.queue.try_send(arrival).or_else(|refused| {
            self.waiting.fetch_sub(size, Ordering::AcqRel);
            match refused {
                mpsc::error::TrySendError::Full(_) => Err(BusError::Full),
                mpsc::error::TrySendError::Closed(_) => Ok(()),
            }
        })
    }
}

impl Stream for Inlet {
    type Item = Arrival;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Arrival>> {
        let next = self.queue.poll_recv(context);
        if let Poll::Ready(Some(arrival)) = &next {
            self.waiting.fetch_sub(arrival.envelope.len(), Ordering::AcqRel);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn bytes_are_bounded_too() {
        let (outlet, mut inlet) = queue();
        let big = Arrival::here(Bytes::from(vec![0; 16 * 1024 * 1024]));
        let small = Arrival::here(Bytes::from_static(b"x"));
        for _ in 0..4 {
            assert_eq!(outlet.push(big.clone()), Ok(()));
        }
        assert_eq!(outlet.push(small.clone()), Err(BusError::Full));
        assert!(inlet.next().now_or_never().flatten().is_some());
        assert_eq!(outlet.push(small.clone()), Ok(()));
        drop(inlet);
        assert_eq!(outlet.push(big), Ok(()), "nobody is told of a receiver that is gone");
    }
}

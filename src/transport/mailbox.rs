//! Where everything that arrives for this process meets, from however many subscriptions.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use pikoci_model::port::Arrival;

use crate::queue::{Inlet, Outlet, queue};

/// A bounded inbox with many mouths and one reader. Clones share it.
#[derive(Clone)]
pub(crate) struct Mailbox(Arc<Shared>);

struct Shared {
    outlet: Outlet,
    inlet: Mutex<Option<Inlet>>,
    lost: AtomicU64,
}

impl Mailbox {
    pub fn new() -> Self {
        let (outlet, inlet) = queue();
        Self(Arc::new(Shared { outlet, inlet: Mutex::new(Some(inlet)), lost: AtomicU64::new(0) }))
    }

    /// Takes an envelope in; one that finds no room is lost and counted.
    pub fn push(&self, arrival: Arrival) {
        if self.0.outlet.push(arrival).is_err() {
            let lost = self.0.lost.fetch_add(1, Ordering::Relaxed) + 1;
            // Each power of two, so that a flood does not become one of the log.
            if lost.is_power_of_two() {
                tracing::warn!(
                    lost,
                    "this process reads too slowly: envelopes are lost and will be repeated"
                );
            }
        }
    }

    /// The reader's end; a second one has ended already.
    pub fn arrivals(&self) -> BoxStream<'static, Arrival> {
        let inlet = self.0.inlet.lock().unwrap_or_else(PoisonError::into_inner).take();
        inlet.map_or_else(|| stream::empty().boxed(), StreamExt::boxed)
    }
}

//! Wake-ups inside one server: a counter per topic that subscribers watch.
//!
//! A watched counter loses nothing that matters: who was busy while it rang finds it changed, however often it rang.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use pikoci_model::port::{Signals, Topic};
use tokio::sync::watch;

/// Topics are swept when their number has doubled since the last sweep, and is above this.
const SWEEP_ABOVE: usize = 64;

/// The signals of one server process.
#[derive(Debug, Default)]
pub struct Bells {
    topics: Mutex<Topics>,
}

#[derive(Debug, Default)]
struct Topics {
    ringing: HashMap<Topic, watch::Sender<u64>>,
    after_sweep: usize,
}

impl Bells {
    /// Nobody listens yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topics {
    /// Forgets topics that nobody listens to any more.
    fn sweep(&mut self) {
        if self.ringing.len() > SWEEP_ABOVE.max(2 * self.after_sweep) {
            self.ringing.retain(|_, bell| bell.receiver_count() > 0);
            self.after_sweep = self.ringing.len();
        }
    }
}

impl Signals for Bells {
    fn ring(&self, topic: Topic) {
        if let Some(bell) = self.lock().ringing.get(&topic) {
            bell.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    fn subscribe(&self, topic: Topic) -> BoxStream<'static, ()> {
        let mut topics = self.lock();
        topics.sweep();
        let bell = topics.ringing.entry(topic).or_insert_with(|| watch::Sender::new(0));
        let rings = stream::unfold(bell.subscribe(), |mut heard| async move {
            heard.changed().await.ok()?;
            Some(((), heard))
        });
        rings.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use pikoci_model::id::BuildId;

    #[test]
    fn rings_are_joined_but_none_is_lost_to_a_subscriber() {
        let (bells, one) = (Bells::new(), Topic::Build(BuildId(1)));
        bells.ring(one);
        let (mut first, mut second) = (bells.subscribe(one), bells.subscribe(one));
        assert_eq!(first.next().now_or_never(), None);
        bells.ring(one);
        bells.ring(one);
        bells.ring(Topic::Everything);
        assert_eq!(first.next().now_or_never(), Some(Some(())));
        assert_eq!(first.next().now_or_never(), None);
        bells.ring(one);
        assert_eq!(first.next().now_or_never(), Some(Some(())));
        assert_eq!(second.next().now_or_never(), Some(Some(())));
    }

    #[test]
    fn topics_without_a_listener_are_forgotten() {
        let bells = Bells::new();
        for id in 0..1000 {
            drop(bells.subscribe(Topic::Build(BuildId(id))));
        }
        assert!(bells.lock().ringing.len() <= SWEEP_ABOVE + 1);
    }
}

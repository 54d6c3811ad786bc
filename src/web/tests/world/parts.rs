//! Clock, signals and waits that a test can turn.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream, stream::BoxStream};
use pikoci_model::{
    build::Waiting,
    id::BuildId,
    port::{Clock, Monotonic, Signals, Topic, Waits},
};
use tokio::sync::watch;

/// A clock that stands still until it is turned.
#[derive(Default)]
pub struct TestClock(AtomicU64);

impl TestClock {
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        super::now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst) as i64)
    }

    fn monotonic(&self) -> Monotonic {
        Duration::from_secs(1000 + self.0.load(Ordering::SeqCst))
    }
}

/// Signals: a counter a topic.
#[derive(Default)]
pub struct Bells(Mutex<HashMap<Topic, watch::Sender<u64>>>);

impl Signals for Bells {
    fn ring(&self, topic: Topic) {
        if let Some(bell) = self.0.lock().unwrap().get(&topic) {
            bell.send_modify(|count| *count += 1);
        }
    }

    fn subscribe(&self, topic: Topic) -> BoxStream<'static, ()> {
        let mut bells = self.0.lock().unwrap();
        let heard = bells.entry(topic).or_insert_with(|| watch::Sender::new(0)).subscribe();
        stream::unfold(heard, |mut heard| async { heard.changed().await.ok().map(|()| ((), heard)) }).boxed()
    }
}

/// Why builds wait, as the test says.
#[derive(Default)]
pub struct Waiters(pub Mutex<BTreeMap<BuildId, Waiting>>);

impl Waits for Waiters {
    fn waiting(&self, build: BuildId) -> Option<Waiting> {
        self.0.lock().unwrap().get(&build).cloned()
    }
}

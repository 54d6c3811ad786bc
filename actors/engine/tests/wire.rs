//! A bus that can be cut, and that loses, repeats and delays envelopes as a seed says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use pikoci_model::message::Envelope;
use pikoci_model::port::{Address, Arrival, Bus, BusError, Peer};

/// What becomes of each hundred envelopes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    pub lost: u64,
    pub repeated: u64,
    pub delayed: u64,
    /// Which of them.
    pub seed: u64,
}

pub struct Wire {
    inner: Arc<dyn Bus>,
    cut: Arc<AtomicBool>,
    weather: Weather,
    chance: Chance,
}

/// A small generator of numbers; the same seed gives the same ones.
#[derive(Debug)]
pub struct Chance(AtomicU64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance(AtomicU64::new(seed | 1))
    }

    /// Below `bound`.
    pub fn below(&self, bound: u64) -> u64 {
        let step = |state: u64| {
            Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
        };
        let state = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap();
        (state >> 33) % bound
    }
}

impl Wire {
    pub fn new(inner: Arc<dyn Bus>, weather: Weather, seed: u64) -> Self {
        Wire { inner, cut: Arc::default(), weather, chance: Chance::new(seed + 1000 * weather.seed) }
    }

    /// Set it and nothing passes any more.
    pub fn switch(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cut)
    }
}

#[async_trait]
impl Bus for Wire {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        let Weather { lost, repeated, delayed, .. } = self.weather;
        if self.cut.load(Ordering::Relaxed) || self.chance.below(100) < lost {
            return Ok(());
        }
        if self.chance.below(100) < repeated {
            self.inner.send(to, envelope.clone()).await?;
        }
        if self.chance.below(100) < delayed {
            let (inner, to) = (Arc::clone(&self.inner), to.clone());
            let pause = Duration::from_millis(self.chance.below(20) + 1);
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                inner.send(&to, envelope).await
            });
            return Ok(());
        }
        self.inner.send(to, envelope).await
    }

    /// Who is called `…@team` holds a token of that team, and who is called `…@` one of all teams.
    fn receive(&self) -> BoxStream<'static, Arrival> {
        let vouched = |Arrival { envelope, from }: Arrival| {
            let sender = Envelope::open(envelope.clone()).unwrap().sender;
            let team = sender.0.split_once('@').map(|(_, team)| team.to_owned());
            let worker =
                |team: String| Peer::Worker { node: sender, team: Some(team).filter(|t| !t.is_empty()) };
            Arrival { envelope, from: team.map_or(from, worker) }
        };
        self.inner.receive().map(vouched).boxed()
    }
}

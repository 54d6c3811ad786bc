//! A transport at its worst: drops, repeats, delays and reorders, from a seed.
//!
//! It keeps every promise of the port, which are none; what works over it works over any broker.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use pikoci_model::port::{Address, Arrival, Bus, BusError};

use crate::dice::Dice;

/// How bad it is. Percentages count for each envelope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChaosSettings {
    /// Where the dice begin; the same seed rolls the same way.
    pub seed: u64,
    /// So many of a hundred are lost.
    pub drop: u8,
    /// So many are sent twice.
    pub repeat: u8,
    /// So many are sent later, so that younger ones overtake them.
    pub delay: u8,
    /// How much later at most.
    pub max_delay: Duration,
}

impl ChaosSettings {
    /// 5 % lost, 5 % repeated, 20 % up to 50 ms late.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, drop: 5, repeat: 5, delay: 20, max_delay: Duration::from_millis(50) }
    }
}

/// A bus that does what a bus may do.
pub struct Chaos {
    inner: Arc<dyn Bus>,
    settings: ChaosSettings,
    dice: Mutex<Dice>,
}

/// What happens to one envelope: after how long each copy is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fate(Vec<Duration>);

impl Chaos {
    /// Wraps a bus. The seed is written to the log, so that a failure can be repeated.
    pub fn new(inner: Arc<dyn Bus>, settings: ChaosSettings) -> Self {
        tracing::warn!(seed = settings.seed, ?settings, "the transport loses, repeats and delays on purpose");
        Self { inner, settings, dice: Mutex::new(Dice::new(settings.seed)) }
    }

    fn fate(&self) -> Fate {
        fate(&self.settings, &mut self.dice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn later(&self, after: Duration, to: Address, envelope: Bytes) {
        let inner = self.inner.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            // What cannot be handed over this late is one more loss.
            inner.send(&to, envelope).await.ok();
        });
    }
}

fn fate(settings: &ChaosSettings, dice: &mut Dice) -> Fate {
    if dice.chance(settings.drop) {
        return Fate(Vec::new());
    }
    let copies = if dice.chance(settings.repeat) { 2 } else { 1 };
    let most = u64::try_from(settings.max_delay.as_micros()).unwrap_or(u64::MAX);
    let delay = |dice: &mut Dice| match dice.chance(settings.delay) {
        true => Duration::from_micros(1 + dice.below(most)),
        false => Duration::ZERO,
    };
    Fate((0..copies).map(|_| delay(dice)).collect())
}

#[async_trait]
impl Bus for Chaos {
    async fn send(&self, to: &Address, envelope: Bytes) -> Result<(), BusError> {
        let mut outcome = Ok(());
        for after in self.fate().0 {
            if after.is_zero() {
                outcome = self.inner.send(to, envelope.clone()).await;
            } else {
                self.later(after, to.clone(), envelope.clone());
            }
        }
        outcome
    }

    fn receive(&self) -> BoxStream<'static, Arrival> {
        self.inner.receive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_rolls_the_same_way() {
        let settings = ChaosSettings::seeded(7);
        let roll = |seed| {
            let mut dice = Dice::new(seed);
            (0..100).map(|_| fate(&settings, &mut dice)).collect::<Vec<_>>()
        };
        assert_eq!(roll(7), roll(7));
        assert_ne!(roll(7), roll(8));
    }

    #[test]
    fn envelopes_meet_each_fate_about_as_often_as_set() {
        let settings = ChaosSettings::seeded(1);
        let mut dice = Dice::new(1);
        let fates: Vec<Fate> = (0..10_000).map(|_| fate(&settings, &mut dice)).collect();
        let share = |wanted: &dyn Fn(&Fate) -> bool| fates.iter().filter(|fate| wanted(fate)).count() / 100;
        assert!((4..=6).contains(&share(&|fate| fate.0.is_empty())));
        assert!((3..=6).contains(&share(&|fate| fate.0.len() == 2)));
        assert!((17..=23).contains(&share(&|fate| fate.0.first().is_some_and(|after| !after.is_zero()))));
        assert!(fates.iter().flat_map(|fate| &fate.0).all(|after| *after <= settings.max_delay));
    }
}

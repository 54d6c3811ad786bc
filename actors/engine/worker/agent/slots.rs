//! Who may take a slot: offers that were accepted hold one until go, withdrawal, or their time is over.

use std::collections::BTreeMap;
use std::time::Duration;

use pikoci_model::message::{OfferId, OfferedWork};
use pikoci_model::port::Monotonic;

/// A slot is held this long for an accepted offer.
const HOLD: Duration = Duration::from_secs(20);

/// The slots that are held for offers.
#[derive(Debug, Default)]
pub(super) struct Holds {
    held: BTreeMap<uuid::Uuid, (OfferedWork, Monotonic)>,
}

/// What to answer to an offer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accept,
    Decline(&'static str),
}

impl Holds {
    /// Decides about an offer while `running` of `slots` slots of its kind are in use.
    pub(super) fn offered(
        &mut self,
        offer: OfferId,
        work: OfferedWork,
        (running, slots): (usize, u32),
        now: Monotonic,
    ) -> Answer {
        if self.held.contains_key(&offer.0) {
            return Answer::Accept;
        }
        let held = if is_build(work) { self.builds() } else { self.checks() };
        if running + held >= slots as usize {
            return Answer::Decline("no free slot");
        }
        self.held.insert(offer.0, (work, now));
        Answer::Accept
    }

    /// The offer became work, or nothing: its slot is not held any more. Says whether it was.
    pub(super) fn release(&mut self, offer: OfferId) -> bool {
        self.held.remove(&offer.0).is_some()
    }

    /// Nobody is going to answer what was accepted: whoever offered it is gone.
    pub(super) fn clear(&mut self) {
        self.held.clear();
    }

    /// Drops what was held for too long.
    pub(super) fn expire(&mut self, now: Monotonic) {
        self.held.retain(|_, (_, since)| now.saturating_sub(*since) < HOLD);
    }

    pub(super) fn builds(&self) -> usize {
        self.held.values().filter(|(work, _)| is_build(*work)).count()
    }

    pub(super) fn checks(&self) -> usize {
        self.held.len() - self.builds()
    }
}

fn is_build(work: OfferedWork) -> bool {
    matches!(work, OfferedWork::Build(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikoci_model::id::{BuildId, ResourceId};

    #[test]
    fn a_slot_is_held_once_for_each_offer_and_lapses() {
        let (mut holds, now) = (Holds::default(), Duration::from_secs(5));
        let offer = |n| OfferId(uuid::Uuid::from_u128(n));
        let build = OfferedWork::Build(BuildId(1));
        assert_eq!(holds.offered(offer(1), build, (1, 2), now), Answer::Accept);
        assert_eq!(holds.offered(offer(1), build, (1, 2), now), Answer::Accept);
        assert_eq!(holds.offered(offer(2), build, (1, 2), now), Answer::Decline("no free slot"));
        let check = OfferedWork::Check(ResourceId(1));
        assert_eq!(holds.offered(offer(3), check, (0, 4), now), Answer::Accept);
        assert_eq!((holds.builds(), holds.checks()), (1, 1));
        holds.expire(now + HOLD);
        assert!(!holds.release(offer(1)));
        assert_eq!(holds.offered(offer(2), build, (1, 2), now), Answer::Accept);
        assert!(holds.release(offer(2)));
    }
}

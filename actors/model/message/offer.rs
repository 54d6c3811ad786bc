//! Offer and acceptance: nothing starts before go, and an offer that is not accepted needs no undoing.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Message, Speaker};
use crate::id::{BuildId, Incarnation, ResourceId};

/// One offer. Random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OfferId(pub uuid::Uuid);

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferedWork {
    /// A build; takes a build slot.
    Build(BuildId),
    /// A check; takes a check slot.
    Check(ResourceId),
}

/// Home → worker: will you take this? Lapses after 10 s.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Offer {
    /// Which offer.
    pub offer: OfferId,
    /// What.
    pub work: OfferedWork,
}

impl Message for Offer {
    const NAME: &'static str = "offer";
    const BY: Speaker = Speaker::Server;
}

/// Worker → home: yes; a slot is held for it until go, withdrawal, or 20 s.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Accept {
    /// Which offer.
    pub offer: OfferId,
    /// What.
    pub work: OfferedWork,
    /// Who will run it.
    pub incarnation: Incarnation,
}

impl Message for Accept {
    const NAME: &'static str = "offer.accept";
    const BY: Speaker = Speaker::Worker;
}

/// Worker → home: no free slot, or it takes no new work.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decline {
    /// Which offer.
    pub offer: OfferId,
    /// What.
    pub work: OfferedWork,
    /// Why, for the log.
    pub reason: String,
}

impl Message for Decline {
    const NAME: &'static str = "offer.decline";
    const BY: Speaker = Speaker::Worker;
}

/// Home → worker: the claim failed (cancelled, or taken by somebody else); free the slot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Withdraw {
    /// Which offer.
    pub offer: OfferId,
}

impl Message for Withdraw {
    const NAME: &'static str = "offer.withdraw";
    const BY: Speaker = Speaker::Server;
}

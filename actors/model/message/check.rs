//! A running check.

use serde::{Deserialize, Serialize};

use super::{Message, OfferId, Speaker};
use crate::{
    check::CheckOutcome,
    id::{Incarnation, ResourceId},
    plan::CheckPlan,
};

/// Home → worker: run this check.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GoCheck {
    /// The offer that was accepted.
    pub offer: OfferId,
    /// The life that the lease was made for; any other ignores it.
    pub incarnation: Incarnation,
    /// What to run.
    pub plan: CheckPlan,
}

impl Message for GoCheck {
    const NAME: &'static str = "check.go";
    const BY: Speaker = Speaker::Server;
}

/// Worker → home: the one result. Repeated until [`CheckStored`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CheckDone {
    /// Whose check.
    pub resource: ResourceId,
    /// Number of the lease; another number is void.
    pub lease: i64,
    /// What was found.
    pub outcome: CheckOutcome,
}

impl Message for CheckDone {
    const NAME: &'static str = "check.done";
    const BY: Speaker = Speaker::Worker;
}

/// Home → worker: the result is stored, or void.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckStored {
    /// Whose check.
    pub resource: ResourceId,
    /// Number of the lease.
    pub lease: i64,
}

impl Message for CheckStored {
    const NAME: &'static str = "check.stored";
    const BY: Speaker = Speaker::Server;
}

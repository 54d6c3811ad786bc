//! A worker's life as seen from the server.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Message, Speaker};
use crate::{
    build::StopReport,
    id::{BuildId, Fence, Incarnation, InstanceId, NodeId},
    port::Peer,
    worker::WorkerProfile,
};

/// Worker → any server: I am here. Sent at start, and again whenever the home does not answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Announce {
    /// What the worker is.
    pub profile: WorkerProfile,
    /// The builds it holds.
    pub holding: Vec<Holding>,
    /// Builds of earlier lives of this worker of which nothing is alive any more (their shims left the completion
    /// record): they are queued again at once instead of after the lease.
    #[serde(default)]
    pub ended: Vec<Holding>,
    /// Slots that are free right now.
    pub free_slots: u32,
    /// Check slots that are free right now.
    pub free_check_slots: u32,
}

impl Message for Announce {
    const NAME: &'static str = "worker.announce";
    const BY: Speaker = Speaker::Worker;

    /// A worker between machines is of the team whose token it holds.
    fn vouched(&mut self, from: &Peer) {
        if let Peer::Worker { team, .. } = from {
            self.profile.team.clone_from(team);
        }
    }
}

/// A build that a worker holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holding {
    /// Which.
    pub build: BuildId,
    /// Under which claim.
    pub fence: Fence,
}

/// Server → worker: I am your home; send renewals and events to me.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Home {
    /// The server's node.
    pub server: NodeId,
    /// How long a renewal holds.
    pub lease: Duration,
    /// How often to renew.
    pub renew_every: Duration,
}

impl Message for Home {
    const NAME: &'static str = "worker.home";
    const BY: Speaker = Speaker::Server;
}

/// Worker → home: I am alive and hold these. Repeats what is free, so that a lost message costs one interval.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Renew {
    /// That process's life.
    pub incarnation: Incarnation,
    /// Grows with each renewal.
    pub counter: u64,
    /// The builds it holds.
    pub holding: Vec<Holding>,
    /// Slots that are free right now.
    pub free_slots: u32,
    /// Check slots that are free right now.
    pub free_check_slots: u32,
    /// It takes no new work and ends when what runs has ended.
    pub draining: bool,
}

impl Message for Renew {
    const NAME: &'static str = "worker.renew";
    const BY: Speaker = Speaker::Worker;
}

/// Home → worker: renewal `counter` counts. The worker's lease is measured from when it *sent* that renewal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Renewed {
    /// Which renewal.
    pub counter: u64,
    /// False when this server does not know the worker: announce again.
    pub known: bool,
}

impl Message for Renewed {
    const NAME: &'static str = "worker.renewed";
    const BY: Speaker = Speaker::Server;
}

/// Worker → home: I end now; nothing of any build is alive here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Goodbye {
    /// That process's life.
    pub incarnation: Incarnation,
}

impl Message for Goodbye {
    const NAME: &'static str = "worker.goodbye";
    const BY: Speaker = Speaker::Worker;
}

/// Worker → any server: what became of services that their builds could not tell of. Repeated until [`StopsStored`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StopReports {
    /// The worker's name.
    pub worker: String,
    /// The team whose builds it may speak of; none = all. It never travels: the seal says it.
    #[serde(skip)]
    pub team: Option<String>,
    /// One for each instance, the newest.
    pub reports: Vec<StopReport>,
}

impl Message for StopReports {
    const NAME: &'static str = "worker.stops";
    const BY: Speaker = Speaker::Worker;

    /// Who holds a team's token knows that team's builds only.
    fn vouched(&mut self, from: &Peer) {
        if let Peer::Worker { team, .. } = from {
            self.team.clone_from(team);
        }
    }
}

/// Server → that worker: these reports are stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StopsStored {
    /// Of which instance, and the report's own moment: a newer one of the same instance is still to be stored.
    pub stored: Vec<(InstanceId, DateTime<Utc>)>,
}

impl Message for StopsStored {
    const NAME: &'static str = "worker.stops-stored";
    const BY: Speaker = Speaker::Server;
}

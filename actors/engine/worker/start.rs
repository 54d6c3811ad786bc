//! Starting a worker and talking to it from the program.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pikoci_model::id::Incarnation;
use pikoci_model::message::{
    Acknowledge, Cancel, CheckStored, GoBuild, GoCheck, Hail, Home, Offer, Refused, Renewed, StopsStored,
    Void, Withdraw,
};
use pikoci_model::port::{Bus, Journal};
use pikoci_model::worker::WorkerProfile;

use super::agent::{Agent, AgentSeed, Drain, Hurry, Recovery};
use super::site::{Ports, Settings};
use crate::inbox::Inbox;
use crate::post::Post;
use crate::supervise::{Child, Door, Obituary, Roster, Spec, supervise};

/// What a worker is made of.
#[derive(Clone)]
pub struct WorkerSpec {
    /// What it says of itself. Its node is who its messages come from.
    pub profile: WorkerProfile,
    /// What it touches the world with.
    pub ports: Ports,
    /// What an operator may set.
    pub settings: Settings,
    /// What earlier lives of this worker left behind.
    pub journal: Arc<dyn Journal>,
}

/// A worker that runs. Dropping it stops it in order.
pub struct Worker {
    agent: Child<Agent>,
}

impl Worker {
    /// Starts a worker on this thread, which must be an actix arbiter. It announces itself at once. `parent` learns
    /// of its end: [`Exit::Stopped`](crate::supervise::Exit::Stopped) after everything was ended and told,
    /// [`Exit::Finished`](crate::supervise::Exit::Finished) when something was left untold.
    #[must_use]
    pub fn start(roster: &Roster, spec: WorkerSpec, bus: &Arc<dyn Bus>, parent: Door<Obituary>) -> Self {
        let WorkerSpec { profile, ports, settings, journal } = spec;
        let post = Post::new(Arc::clone(bus), profile.node.clone());
        let name = format!("agent/{}", profile.name);
        let first = profile.incarnation;
        let seed = AgentSeed {
            profile,
            post,
            ports,
            settings: Arc::new(settings),
            recovery: Recovery::new(journal),
        };
        let reborn = AtomicBool::new(false);
        let factory = move || {
            let incarnation = match reborn.swap(true, Ordering::Relaxed) {
                false => first,
                true => Incarnation(uuid::Uuid::new_v4().as_u64_pair().0),
            };
            Agent::new(&seed, incarnation)
        };
        Worker { agent: supervise(roster, Spec::new(name), parent, factory) }
    }

    /// Takes from `inbox` what is meant for a worker.
    #[must_use]
    pub fn listen(&self, inbox: Inbox) -> Inbox {
        inbox
            .route::<Home>(self.agent.door())
            .route::<Renewed>(self.agent.door())
            .route::<Hail>(self.agent.door())
            .route::<Refused>(self.agent.door())
            .route::<Offer>(self.agent.door())
            .route::<Withdraw>(self.agent.door())
            .route::<GoBuild>(self.agent.door())
            .route::<Acknowledge>(self.agent.door())
            .route::<Cancel>(self.agent.door())
            .route::<Void>(self.agent.door())
            .route::<GoCheck>(self.agent.door())
            .route::<CheckStored>(self.agent.door())
            .route::<StopsStored>(self.agent.door())
    }

    /// Takes no new work and ends when what runs has ended, at the latest after the drain's limit.
    pub fn drain(&self) {
        if let Err(undelivered) = self.agent.tell(Drain) {
            tracing::warn!("drain not delivered: {undelivered}");
        }
    }

    /// Ends what runs, stops every service, hands the builds back, and ends.
    pub fn stop(&self) {
        self.agent.stop();
    }

    /// After a second request to stop: stops get 5 s more.
    pub fn hurry(&self) {
        if let Err(undelivered) = self.agent.tell(Hurry) {
            tracing::warn!("hurry not delivered: {undelivered}");
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("agent", &self.agent).finish()
    }
}

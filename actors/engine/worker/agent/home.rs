//! The agent and its home: announcing, renewing, and what follows when nobody renews.

use std::time::Duration;

use pikoci_model::message::{Announce, Home, Renew, Renewed};
use pikoci_model::port::{Address, LeaseEnd};

use super::{Agent, FenceNow, Mode, UNANSWERED};
use crate::inbox::Received;
use crate::supervise::{Flow, Life, Receive};

impl Agent {
    pub(super) fn announce(&mut self) {
        self.announced = self.ports.clock.monotonic();
        let message = Announce {
            profile: self.profile.clone(),
            holding: self.builds.holding(),
            ended: self.recovery.ended(),
            free_slots: self.free_slots(),
            free_check_slots: self.free_check_slots(),
        };
        self.post.send(&Address::AnyServer, &message);
    }

    pub(super) fn renew(&mut self) {
        let Some(home) = self.home.clone() else { return self.announce() };
        let counter = self.lease.renewal(self.ports.clock.monotonic());
        let message = Renew {
            incarnation: self.profile.incarnation,
            counter,
            holding: self.builds.holding(),
            free_slots: self.free_slots(),
            free_check_slots: self.free_check_slots(),
            draining: self.mode != Mode::Working,
        };
        self.post.send(&Address::Node(home), &message);
        self.unanswered += 1;
        if self.unanswered > UNANSWERED {
            self.announce();
        }
    }

    /// Ends the builds then, unless another renewal counts before. What runs them holds the same moments by itself.
    fn fence_by(&mut self, end: Option<LeaseEnd>, life: &mut Life<'_, Self>) {
        let Some(end) = end else { return };
        self.ports.launcher.lease(end);
        let left = end.term_at.saturating_sub(self.ports.clock.monotonic());
        if let Some(job) = self.fence.replace(life.later(left, FenceNow)) {
            life.cancel(job);
        }
    }
}

impl Receive<Received<Home>> for Agent {
    fn receive(&mut self, received: Received<Home>, life: &mut Life<'_, Self>) -> Flow {
        let Home { server, lease, renew_every } = received.message;
        if let Some(before) = self.home.replace(server.clone())
            && before != server
        {
            self.builds.redirect(&before, &server);
        }
        self.renew_every = renew_every.max(Duration::from_millis(10));
        self.lease.set_length(lease);
        self.unanswered = 0;
        let end = self.lease.taken_in(self.announced);
        self.fence_by(end, life);
        self.renew();
        Ok(())
    }
}

impl Receive<Received<Renewed>> for Agent {
    fn receive(&mut self, received: Received<Renewed>, life: &mut Life<'_, Self>) -> Flow {
        let Renewed { counter, known } = received.message;
        if !known {
            self.announce();
            return Ok(());
        }
        self.unanswered = 0;
        let end = self.lease.acknowledged(counter);
        self.fence_by(end, life);
        Ok(())
    }
}

/// The lease is nearly over and nobody renewed it: somebody else may run these builds soon.
impl Receive<FenceNow> for Agent {
    fn receive(&mut self, _: FenceNow, _: &mut Life<'_, Self>) -> Flow {
        self.fence = None;
        self.lease.forget();
        self.home = None;
        if self.builds.running() > 0 {
            tracing::error!(
                builds = self.builds.running(),
                "the lease cannot be renewed; its builds are ended here"
            );
        }
        self.builds.fence_all();
        self.announce();
        Ok(())
    }
}

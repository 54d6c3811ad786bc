//! The agent and its home: announcing, renewing, looking for another home, and what follows when nobody renews.

use std::time::Duration;

use pikoci_model::message::{Announce, Hail, Home, Refused, Renew, Renewed};
use pikoci_model::port::{Address, LeaseEnd, Monotonic};

use super::{Agent, FenceNow, Mode, UNANSWERED};
use crate::inbox::Received;
use crate::supervise::{Flow, Life, Receive};

/// Who does not answer is asked again after this, and so are servers that do not take the worker in …
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// … this many times; then as often as renewals are due, for the servers or what carries the words are down.
const HASTE: u32 = 15;
/// After refusals: twice as long each time, up to this.
const LONGEST_REFUSED: Duration = Duration::from_secs(60);
/// Several servers may hail for the same reason.
const HAILED_AGAIN: Duration = Duration::from_millis(500);

impl Agent {
    /// How often the agent looks whether something is due.
    pub(super) fn pace(&self) -> Duration {
        self.renew_every.min(ASK_AGAIN)
    }

    /// Whether a renewal, or the search for a home, is due.
    pub(super) fn is_due(&self, now: Monotonic) -> bool {
        if now < self.refused_until {
            return false;
        }
        let waits = self.home.is_none() || self.seeking || self.unanswered > 0;
        (waits && self.unanswered < HASTE)
            || now.saturating_sub(self.renewed) + self.pace() / 2 >= self.renew_every
    }

    pub(super) fn announce(&mut self) {
        self.announce_to(&Address::AnyServer);
    }

    fn announce_to(&mut self, to: &Address) {
        self.announced = self.ports.clock.monotonic();
        let message = Announce {
            profile: self.profile.clone(),
            holding: self.builds.holding(),
            ended: self.recovery.ended(),
            free_slots: self.free_slots(),
            free_check_slots: self.free_check_slots(),
        };
        self.post.send(to, &message);
    }

    pub(super) fn renew(&mut self) {
        self.renewed = self.ports.clock.monotonic();
        self.unanswered = self.unanswered.saturating_add(1);
        let Some(home) = self.home.clone() else { return self.announce() };
        let counter = self.lease.renewal(self.renewed);
        let message = Renew {
            incarnation: self.profile.incarnation,
            counter,
            holding: self.builds.holding(),
            free_slots: self.free_slots(),
            free_check_slots: self.free_check_slots(),
            draining: self.mode != Mode::Working,
        };
        self.post.send(&Address::Node(home), &message);
        if self.unanswered > UNANSWERED || self.seeking {
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
            tracing::info!(%server, %before, "another home");
            self.builds.redirect(&before, &server);
            self.checks.redirect(&server, &self.post);
            self.holds.clear();
        }
        self.renew_every = renew_every.max(Duration::from_millis(10));
        self.lease.set_length(lease);
        self.is_answered();
        let end = self.lease.taken_in(self.announced);
        self.fence_by(end, life);
        self.renew();
        Ok(())
    }
}

impl Receive<Received<Renewed>> for Agent {
    fn receive(&mut self, received: Received<Renewed>, life: &mut Life<'_, Self>) -> Flow {
        let Renewed { counter, known } = received.message;
        let from_home = self.home.as_ref() == Some(&received.sender);
        if !known {
            // It has forgotten the worker, as after a fault, but lives.
            if from_home {
                self.announce_to(&Address::Node(received.sender));
            }
            return Ok(());
        }
        if from_home && !self.seeking {
            self.is_answered();
        }
        let end = self.lease.acknowledged(counter);
        self.fence_by(end, life);
        Ok(())
    }
}

impl Receive<Received<Hail>> for Agent {
    fn receive(&mut self, received: Received<Hail>, _: &mut Life<'_, Self>) -> Flow {
        let Received { sender, message: Hail { lost } } = received;
        let now = self.ports.clock.monotonic();
        if now < self.refused_until || now.saturating_sub(self.announced) < HAILED_AGAIN {
            return Ok(());
        }
        match &self.home {
            None => self.announce(),
            Some(home) if lost.contains(home) => {
                self.seeking = true;
                self.announce();
            }
            Some(home) if *home == sender => self.announce_to(&Address::Node(sender)),
            Some(_) => {}
        }
        Ok(())
    }
}

impl Receive<Received<Refused>> for Agent {
    fn receive(&mut self, received: Received<Refused>, _: &mut Life<'_, Self>) -> Flow {
        let Received { sender, message: Refused { reason } } = received;
        let now = self.ports.clock.monotonic();
        if now < self.refused_until {
            return Ok(());
        }
        let pause = ASK_AGAIN.saturating_mul(1 << self.refusals.min(6)).min(LONGEST_REFUSED);
        self.refusals = self.refusals.saturating_add(1);
        tracing::error!(server = %sender, "the server does not take this worker: {reason}; it is asked again in {pause:?}");
        if self.home.is_none() || self.home == Some(sender) {
            // What runs goes on until its lease is over.
            self.home = None;
            self.refused_until = now + pause;
        }
        Ok(())
    }
}

impl Agent {
    /// The home lives and knows this worker.
    fn is_answered(&mut self) {
        (self.unanswered, self.seeking, self.refusals) = (0, false, 0);
        self.refused_until = Monotonic::ZERO;
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

//! The dispatcher's half of offer, accept, claim, go.

use pikoci_model::message::{Accept, Decline, OfferedWork};

use super::Dispatcher;
use crate::inbox::Received;
use crate::server::board::Accepted;
use crate::server::claim::{ClaimedOffer, Outcome, claim_build, lease_check};
use crate::server::pipelines::Started;
use crate::server::trackers::Begin;
use crate::supervise::{Flow, Life, Receive};

impl Receive<Received<Accept>> for Dispatcher {
    fn receive(&mut self, Received { sender, message }: Received<Accept>, life: &mut Life<'_, Self>) -> Flow {
        let Accept { offer, work, incarnation } = message;
        let accepted = self.world.board().accept(offer, &sender);
        let worker = match accepted {
            Accepted::Claim { worker } => worker,
            Accepted::Repeated => return Ok(()),
            Accepted::TooLate => {
                self.withdraw(offer, &sender);
                return Ok(());
            }
        };
        let (world, taken) = (self.world.clone(), ClaimedOffer { offer, node: sender, incarnation, worker });
        match work {
            OfferedWork::Build(build) => life.spawn(claim_build(world, taken, build)),
            OfferedWork::Check(resource) => life.spawn(lease_check(world, taken, resource)),
        };
        Ok(())
    }
}

impl Receive<Received<Decline>> for Dispatcher {
    fn receive(&mut self, Received { sender, message }: Received<Decline>, _: &mut Life<'_, Self>) -> Flow {
        tracing::debug!(%sender, reason = %message.reason, "offer declined");
        self.world.board().decline(message.offer, &sender);
        self.offer();
        Ok(())
    }
}

impl Receive<Outcome> for Dispatcher {
    fn receive(&mut self, outcome: Outcome, life: &mut Life<'_, Self>) -> Flow {
        match outcome {
            Outcome::Going { offer, begin } => {
                self.world.board().claimed(offer);
                self.began(*begin);
            }
            Outcome::Checking { offer, node, go } => {
                let now = self.now();
                self.world.board().check_leased(offer, node, go, now);
            }
            Outcome::NoBuild { offer, node, again, waiting } => {
                self.withdraw(offer, &node);
                let retry = again && waiting.is_none();
                self.world.board().withdrawn(offer, again, waiting);
                if !retry {
                    self.offer();
                }
            }
            Outcome::NoCheck { offer, node } => {
                self.withdraw(offer, &node);
                self.world.board().check_withdrawn(offer);
                self.offer();
            }
        }
        if self.read_again && !self.reading {
            self.read_again = false;
            self.read_new(life);
        }
        Ok(())
    }
}

impl Dispatcher {
    /// The go is on its way; from here the tracker looks after the build.
    fn began(&self, begin: Begin) {
        let (pipeline, job, build) = (begin.row.pipeline, begin.row.job, begin.row.id);
        self.world.with_doors(|doors| {
            // A tracker that could not be told is made when the first event comes.
            let _ = doors.trackers.tell(begin);
            let _ = doors.pipelines.tell(Started { pipeline, job });
        });
        self.world.ring_build(pipeline, build);
    }
}

//! A tracker's look at its row: when it has heard nothing for a while, and when the build rang on another server.

use std::time::Duration;

use pikoci_model::build::{Build, Phase};
use pikoci_model::port::StoreError;

use super::Tracker;
use crate::supervise::{Exit, Flow, Life, Receive};

/// A tracker that hears nothing looks this often whether the build is still its own …
const IDLE: Duration = Duration::from_secs(60);
/// … and while there are other servers, where somebody may have asked for its end and the ring got lost, this often.
const IDLE_AMONG_OTHERS: Duration = Duration::from_secs(10);

pub(super) struct IsIdle;

/// Look at the row: it rang on another server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance;

/// The row, looked at because nothing was heard, or because it rang elsewhere.
pub(super) struct Glanced(Result<Option<Build>, StoreError>);

impl Tracker {
    pub(super) fn idle(&self) -> Duration {
        if self.world.has_peers() { IDLE_AMONG_OTHERS } else { IDLE }
    }

    fn glance(&self, life: &mut Life<'_, Self>) {
        let (world, build) = (self.world.clone(), self.build);
        life.spawn(async move { Glanced(world.store().build(build).await) });
    }
}

impl Receive<IsIdle> for Tracker {
    fn receive(&mut self, _: IsIdle, life: &mut Life<'_, Self>) -> Flow {
        life.later(self.idle(), IsIdle);
        if !std::mem::take(&mut self.heard) && !self.storing {
            self.glance(life);
        }
        Ok(())
    }
}

impl Receive<Glance> for Tracker {
    fn receive(&mut self, _: Glance, life: &mut Life<'_, Self>) -> Flow {
        self.glance(life);
        Ok(())
    }
}

impl Receive<Glanced> for Tracker {
    fn receive(&mut self, Glanced(row): Glanced, life: &mut Life<'_, Self>) -> Flow {
        let own = |row: &Build| row.claim.as_ref().is_some_and(|claim| claim.fence == self.fence);
        match row {
            Ok(Some(row)) if own(&row) && row.phase != Phase::Done => {
                if self.cancel.is_none() && row.cancel_requested.is_some() {
                    self.cancel = row.cancel_requested;
                    self.send_cancel();
                    self.press_cancel(life);
                }
                Ok(())
            }
            // While it stores, what it reads may be its own.
            Ok(_) if self.storing => Ok(()),
            // Another server's tracker brought it to its end, or it was taken from the worker.
            Ok(_) => Err(Exit::Finished),
            Err(_) => Ok(()),
        }
    }
}

//! What workers report of services whose builds cannot tell it any more.

use pikoci_model::build::StopReport;
use pikoci_model::message::{StopReports, StopsStored};
use pikoci_model::port::Address;
use pikoci_model::port::store::RecordedStop;

use super::janitor::{Janitor, Noted};
use super::world::World;
use crate::inbox::Received;
use crate::supervise::{Flow, Life, Receive};

/// Reports are repeated until they are stored, so what fails is left to the next time.
impl Receive<Received<StopReports>> for Janitor {
    fn receive(&mut self, received: Received<StopReports>, life: &mut Life<'_, Self>) -> Flow {
        let Received { sender, message: StopReports { worker, reports } } = received;
        let world = self.world.clone();
        life.spawn(async move {
            let mut stored = Vec::new();
            for report in &reports {
                if store(&world, &worker, report).await {
                    stored.push((report.instance, report.at));
                }
            }
            world.post().send(&Address::Node(sender), &StopsStored { stored });
            Noted
        });
        Ok(())
    }
}

/// Whether the worker may forget it: it is stored, or its build is gone.
async fn store(world: &World, worker: &str, report: &StopReport) -> bool {
    match world.store().record_stop(worker, report).await {
        Ok(RecordedStop::Changed(pipeline)) => {
            let StopReport { build, name, state, by, .. } = report;
            tracing::info!(%build, service = %name, state = state.word(), %by, %worker, "reported");
            world.services().count_report(*state, by);
            world.ring_build(pipeline, *build);
            true
        }
        Ok(RecordedStop::Known | RecordedStop::Unknown) => true,
        Err(error) => {
            tracing::warn!(build = %report.build, "a report of a stop cannot be stored: {error}");
            false
        }
    }
}

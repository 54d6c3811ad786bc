//! What workers report of services whose builds cannot tell it any more.
//!
//! A report counts whatever has become of the claim, and in which of its lives the worker ran the build: all that is
//! asked is that its token is for the build's team, or for all.

use pikoci_model::build::StopReport;
use pikoci_model::id::{BuildId, NodeId};
use pikoci_model::message::{StopReports, StopsStored};
use pikoci_model::port::store::RecordedStop;
use pikoci_model::port::{Address, StoreError};

use super::janitor::Janitor;
use super::world::World;
use crate::inbox::Received;
use crate::supervise::{Flow, Life, Receive};

/// What became of one report.
enum Fate {
    /// It is stored, or its build is gone: the worker may forget it.
    Settled,
    /// The store is away.
    Later,
    /// Its build is of a team that the worker has no token for.
    Refused,
}

/// A worker's reports were looked at.
struct Reported {
    sender: NodeId,
    worker: String,
    refused: u64,
}

/// Reports are repeated until they are stored, so what fails is left to the next time.
impl Receive<Received<StopReports>> for Janitor {
    fn receive(&mut self, received: Received<StopReports>, life: &mut Life<'_, Self>) -> Flow {
        let Received { sender, message: StopReports { worker, team, reports } } = received;
        let worker = self.name_of(&sender).unwrap_or(worker);
        let world = self.world.clone();
        life.spawn(async move {
            let (mut stored, mut refused) = (Vec::new(), 0);
            for report in &reports {
                match store(&world, &worker, team.as_deref(), report).await {
                    Fate::Settled => stored.push((report.instance, report.at)),
                    Fate::Later => {}
                    Fate::Refused => refused += 1,
                }
            }
            world.post().send(&Address::Node(sender.clone()), &StopsStored { stored });
            Reported { sender, worker, refused }
        });
        Ok(())
    }
}

impl Receive<Reported> for Janitor {
    fn receive(&mut self, Reported { sender, worker, refused }: Reported, _: &mut Life<'_, Self>) -> Flow {
        if refused > 0 {
            self.world.services().count_refused(refused);
            if self.refusals.allows("stops") {
                tracing::warn!(
                    %worker, node = %sender,
                    "{refused} reports of stops refused: they are of builds of other teams than the worker's token"
                );
            }
        }
        Ok(())
    }
}

async fn store(world: &World, worker: &str, team: Option<&str>, report: &StopReport) -> Fate {
    let recorded = match is_theirs(world, team, report.build).await {
        Ok(Some(true)) => world.store().record_stop(worker, report).await,
        Ok(Some(false)) => return Fate::Refused,
        Ok(None) => Ok(RecordedStop::Unknown),
        Err(error) => Err(error),
    };
    match recorded {
        Ok(RecordedStop::Changed(pipeline)) => {
            let StopReport { build, name, state, by, .. } = report;
            tracing::info!(%build, service = %name, state = state.word(), %by, %worker, "reported");
            world.services().count_report(*state, by);
            world.ring_build(pipeline, *build);
            Fate::Settled
        }
        Ok(RecordedStop::Known | RecordedStop::Unknown) => Fate::Settled,
        Err(error) => {
            tracing::warn!(build = %report.build, "a report of a stop cannot be stored: {error}");
            Fate::Later
        }
    }
}

/// Whether a build is of the team, or of whichever where there is none; none if the build is gone.
pub(super) async fn is_theirs(
    world: &World,
    team: Option<&str>,
    build: BuildId,
) -> Result<Option<bool>, StoreError> {
    let Some(team) = team else { return Ok(Some(true)) };
    let Some(build) = world.store().build(build).await? else { return Ok(None) };
    let pipeline = world.store().pipeline_by_id(build.pipeline).await?;
    Ok(pipeline.map(|pipeline| pipeline.team_canonical == team))
}

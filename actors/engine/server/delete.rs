//! Deleting a pipeline: its running builds end first, with their services.

use std::time::Duration;

use futures::StreamExt as _;
use pikoci_model::id::PipelineId;
use pikoci_model::port::{Refusal, Topic};

use super::control::Desk;
use super::pipelines::Deleted;

/// How long running builds may take to end before the deletion is refused: above the budget of all stops is not
/// needed, since asking again goes on where this ended.
const PATIENCE: Duration = Duration::from_secs(60);
/// A wake-up that got lost costs this.
const LOOK: Duration = Duration::from_secs(1);

/// Cancels what is unfinished, waits for its end, deletes.
pub(super) async fn delete(desk: &Desk, pipeline: PipelineId, by: &str) -> Result<(), Refusal> {
    let world = desk.world();
    let mut rings = world.signals().subscribe(Topic::Pipeline(pipeline));
    let deadline = world.clock().monotonic() + PATIENCE;
    let reason = format!("pipeline deleted by {by}");
    loop {
        let Some(state) = world.store().scheduling_state(pipeline).await? else {
            return Err(Refusal::NotFound("the pipeline does not exist".into()));
        };
        for build in state.unfinished.iter().filter(|build| !build.status.is_final()) {
            match desk.cancel_because(build.id, &reason).await {
                // It ended by itself in between, or is about to.
                Ok(()) | Err(Refusal::Conflict(_) | Refusal::NotFound(_)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        if world.store().delete_pipeline(pipeline).await? {
            world.with_doors(|doors| drop(doors.pipelines.tell(Deleted(pipeline))));
            world.ring_pipeline(pipeline);
            return Ok(());
        }
        if world.clock().monotonic() >= deadline {
            let text =
                "builds of the pipeline are still stopping their services; delete it again in a moment";
            return Err(Refusal::Conflict(text.into()));
        }
        // Rung or not, the store says how it stands.
        let _ = tokio::time::timeout(LOOK, rings.next()).await;
    }
}

//! What checks found: stored by the server that the worker tells it to, whichever looks after the pipeline.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use pikoci_model::id::ResourceId;
use pikoci_model::message::{CheckDone, CheckStored};
use pikoci_model::pipeline::CheckInterval;
use pikoci_model::port::store::ResourceRow;
use pikoci_model::port::{Address, StoreError};

use super::dispatcher::CheckEnded;
use super::pipelines::Checked;
use super::world::World;
use crate::decide::due::next_check;
use crate::inbox::Received;
use crate::supervise::{Actor, Exit, Flow, Life, Receive};

/// See the module.
pub(crate) struct Results {
    world: World,
    /// Results that are being stored; a repetition waits for its end.
    recording: HashSet<(ResourceId, i64)>,
}

struct Recorded {
    resource: ResourceId,
    lease: i64,
    result: Result<(), StoreError>,
}

impl Results {
    pub(crate) fn new(world: World) -> Self {
        Self { world, recording: HashSet::new() }
    }
}

impl Actor for Results {
    /// One result a check slot; workers repeat what does not fit.
    const MAILBOX: usize = 4096;
    type State = usize;

    fn stop(&mut self, _: &mut Life<'_, Self>) -> Flow {
        Err(Exit::Stopped)
    }

    fn state(&self) -> usize {
        self.recording.len()
    }
}

impl Receive<Received<CheckDone>> for Results {
    fn receive(&mut self, done: Received<CheckDone>, life: &mut Life<'_, Self>) -> Flow {
        let (resource, lease) = (done.message.resource, done.message.lease);
        if self.recording.insert((resource, lease)) {
            let world = self.world.clone();
            life.spawn(async move {
                let result = record(&world, done).await;
                Recorded { resource, lease, result }
            });
        }
        Ok(())
    }
}

impl Receive<Recorded> for Results {
    fn receive(&mut self, recorded: Recorded, _: &mut Life<'_, Self>) -> Flow {
        let Recorded { resource, lease, result } = recorded;
        self.recording.remove(&(resource, lease));
        if let Err(error) = result {
            tracing::warn!(%resource, "a check's result cannot be stored; the worker repeats it: {error}");
        }
        Ok(())
    }
}

/// Stores a result, and only then says so to the worker.
async fn record(world: &World, done: Received<CheckDone>) -> Result<(), StoreError> {
    let Received { sender, message: CheckDone { resource, lease, outcome } } = done;
    let (store, now) = (world.store(), world.clock().now());
    let row = store.resource_by_id(resource).await?;
    let pipeline = row.as_ref().map(|row| row.pipeline);
    let own = |row: &ResourceRow| row.checking.as_ref().is_some_and(|held| held.node == sender);
    let recorded = match row.filter(own) {
        Some(row) => {
            let next = after(world, &row, now).await?;
            store.record_check(resource, lease, &outcome, now, next).await?
        }
        // Void, or gone: there is nothing to store.
        None => None,
    };
    world.post().send(&Address::Node(sender), &CheckStored { resource, lease });
    world.with_doors(|doors| {
        let _ = doors.dispatcher.tell(CheckEnded { resource, lease });
        if let (Some(recorded), Some(pipeline)) = (&recorded, pipeline) {
            let _ = doors.pipelines.tell(Checked { pipeline, new: !recorded.new.is_empty() });
        }
    });
    if let (Some(_), Some(pipeline)) = (recorded, pipeline) {
        world.ring_pipeline(pipeline);
    }
    Ok(())
}

/// When a resource whose check ended at `now` is due again.
async fn after(
    world: &World,
    row: &ResourceRow,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let store = world.store();
    let Some(pipeline) = store.pipeline_by_id(row.pipeline).await? else { return Ok(None) };
    let Some(revision) = store.revision(pipeline.revision).await? else { return Ok(None) };
    let interval = match revision.compiled.resource(&row.canonical) {
        Some(definition) => &definition.check_interval,
        None => &CheckInterval::Never,
    };
    Ok(next_check(interval, now, world.settings().zone).unwrap_or_else(|problem| {
        tracing::warn!(resource = %row.canonical, "checked on request only: {problem}");
        None
    }))
}

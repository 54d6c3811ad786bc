//! What a worker reports, stored with the number of the last event in one transaction.

use std::collections::HashMap;

use async_trait::async_trait;
use pikoci_model::{
    build::{BuildEvent, ServiceRecord, StepRecord},
    id::{InstanceId, ResourceId, StepPath, VersionId},
    port::store::{BuildUpdate, Recorded},
    progress::Absorbed,
    version::VersionValue,
};

use super::{
    passing::note_passed,
    read,
    row::{Stored, note_version, update},
    stops,
};
use crate::{
    error::Fault,
    field::{get, text},
    pipelines::raise,
    resources::record_version,
    upsert,
    writer::{Command, Tx},
};

pub(crate) struct RecordEvents(pub BuildUpdate);

/// What a batch did besides the build's row.
#[derive(Default)]
struct Effects {
    created: Vec<(ResourceId, VersionId, bool)>,
    decisive: bool,
}

#[async_trait]
impl Command for RecordEvents {
    type Answer = Recorded;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Recorded, Fault> {
        let batch = &self.0;
        if batch.events.iter().any(may_decide) {
            tx.lock_pipeline_of(batch.build).await?;
        }
        let stored = read::for_change(tx, batch.build).await?;
        let Some(mut stored) = stored.filter(|stored| stored.is_under(batch.fence)) else {
            return Ok(Recorded::Void);
        };
        if batch.through <= stored.build.events_through {
            return Ok(Recorded::Stored { build: Box::new(stored.build), created: Vec::new() });
        }
        put_records(tx, &stored, &batch.events).await?;
        let mut effects = Effects::default();
        for event in &batch.events {
            take(tx, &mut stored, event, batch, &mut effects).await?;
        }
        stored.build.events_through = batch.through;
        update(tx, &stored)?;
        if effects.decisive {
            raise(tx, stored.build.pipeline);
        }
        Ok(Recorded::Stored { build: Box::new(stored.build), created: effects.created })
    }
}

/// Whether it may change what other builds are decided from.
fn may_decide(event: &BuildEvent) -> bool {
    matches!(event, BuildEvent::Created { .. } | BuildEvent::Concluded { .. } | BuildEvent::Finished { .. })
}

async fn take(
    tx: &mut Tx<'_>,
    stored: &mut Stored,
    event: &BuildEvent,
    batch: &BuildUpdate,
    effects: &mut Effects,
) -> Result<(), Fault> {
    if let BuildEvent::Created { step, resource, value } = event {
        let created = create(tx, stored, (step, *resource, value), batch).await?;
        let passes = stored.build.status.passes();
        effects.decisive |= passes || created.is_some_and(|(_, _, new)| new);
        effects.created.extend(created);
        return Ok(());
    }
    let passed = stored.build.status.passes();
    if stored.build.absorb(event) == Absorbed::Illegal {
        let (build, phase, status) = (stored.build.id, stored.build.phase, stored.build.status);
        tracing::warn!(%build, ?phase, %status, ?event, "a report that cannot be is left out");
    }
    if stored.build.status.passes() && !passed {
        note_passed(tx, &stored.build).await?;
        effects.decisive = true;
    }
    Ok(())
}

async fn create(
    tx: &mut Tx<'_>,
    stored: &Stored,
    (step, resource, value): (&StepPath, ResourceId, &VersionValue),
    batch: &BuildUpdate,
) -> Result<Option<(ResourceId, VersionId, bool)>, Fault> {
    let build = &stored.build;
    tx.add("SELECT pipeline_id FROM resources WHERE id = ?").bind(resource.0);
    if tx.last().await?.row().map(|row| get::<i64>(&row, 0)).transpose()? != Some(build.pipeline.0) {
        tracing::warn!(build = %build.id, %resource, "a created version names a foreign resource; it is left out");
        return Ok(None);
    }
    let (version, new) = record_version(tx.conn().await?, resource, value, batch.at).await?;
    note_version(tx, (build.id, build.job), 1, &step.0, (resource, version));
    if build.status.passes() {
        note_passed(tx, build).await?;
    }
    Ok(Some((resource, version, new)))
}

/// Stores the last record of each step and service; earlier ones of the batch would only be overwritten.
async fn put_records(tx: &mut Tx<'_>, stored: &Stored, events: &[BuildEvent]) -> Result<(), Fault> {
    let mut steps: Vec<&StepRecord> = Vec::new();
    let mut services: Vec<&ServiceRecord> = Vec::new();
    let mut step_at: HashMap<&StepPath, usize> = HashMap::new();
    let mut service_at: HashMap<InstanceId, usize> = HashMap::new();
    for event in events {
        match event {
            BuildEvent::Step(record) => keep_last(&mut steps, &mut step_at, &record.path, record),
            BuildEvent::Service(record) => keep_last(&mut services, &mut service_at, record.instance, record),
            _ => {}
        }
    }
    let (build, run) = (stored.build.id, stored.build.run);
    for record in steps {
        tx.add(upsert::PUT_STEP).bind(build.0).bind(run).bind(&record.path.0).bind(text(record)?);
        tx.settle().await?;
    }
    if services.is_empty() {
        return Ok(());
    }
    let reported = stops::reported(tx, (build, run)).await?;
    for record in services {
        match reported.get(&record.instance) {
            Some(known) => stops::put(tx, (build, run), &record.clone().after(known))?,
            None => stops::put(tx, (build, run), record)?,
        }
        tx.settle().await?;
    }
    Ok(())
}

fn keep_last<'e, K: std::hash::Hash + Eq, R>(
    records: &mut Vec<&'e R>,
    places: &mut HashMap<K, usize>,
    key: K,
    record: &'e R,
) {
    let place = *places.entry(key).or_insert(records.len());
    match records.get_mut(place) {
        Some(known) => *known = record,
        None => records.push(record),
    }
}

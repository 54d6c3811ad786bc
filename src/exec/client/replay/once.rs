//! One attempt at one item.

use std::time::Duration;

use pikoci_model::id::InstanceId;

use crate::client::adoption::{Adopted, adopt};
use crate::client::hatching::{Egg, HatchError};
use crate::client::launcher::Core;
use crate::client::orphans;
use crate::journal::{
    IntentRecord, ItemDirectory, ItemLock, ItemView, JournalError, LockState, StopState, StrikeState,
};
use crate::protocol::{Event, ServicePlan, UnitId};

/// Longest time for one try of a stop that is run again.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Time for all stops of an item together.
pub const ITEM_BUDGET: Duration = Duration::from_secs(120);
/// Shims that may be lost one after another in one attempt.
const MOST_LOST: u32 = 5;

/// What came of it.
pub enum Attempt {
    /// The item is gone, or is just being made.
    Nothing,
    /// A shim works on it.
    Held(ItemLock),
    /// No shim could be had; why.
    Failed(String),
    /// As it stands now. Nothing of it is alive.
    Done(Box<ItemView>),
}

/// Runs whatever is owed and can be run.
pub async fn attempt(core: &Core, name: &str) -> Attempt {
    let state = &core.settings.state;
    let Ok(item) = state.item(name) else { return Attempt::Nothing };
    let Ok(manifest) = item.manifest() else {
        if item.is_stillborn() {
            item.remove_all();
        }
        return Attempt::Nothing;
    };
    for _ in 0..MOST_LOST {
        let Ok(lock) = item.open_lock() else { return Attempt::Nothing };
        if lock.state().is_ok_and(|state| state != LockState::Free) {
            return Attempt::Held(lock);
        }
        let owed = match owed(core, &item) {
            Ok(owed) => owed,
            Err(error) => return Attempt::Failed(error.to_string()),
        };
        if owed.is_empty() {
            break;
        }
        match in_a_shim(core, &item, &lock, owed).await {
            Ok(true) => break,
            Ok(false) => {}
            Err(HatchError::Busy) => return Attempt::Held(lock),
            Err(HatchError::None(error)) => return Attempt::Failed(error.to_string()),
        }
    }
    if manifest.host.shares_processes_with(state.life()) {
        // Its groups can be taken away only when nobody is in them.
        orphans::clear(manifest.shim).await;
        core.end_orphans(name, manifest.shim).await;
    }
    item.view(state).map_or(Attempt::Nothing, |view| Attempt::Done(Box::new(view)))
}

/// True if the shim came to its end; what became of the stops is in their intents.
async fn in_a_shim(
    core: &Core,
    item: &ItemDirectory,
    lock: &ItemLock,
    owed: Vec<Adopted>,
) -> Result<bool, HatchError> {
    let egg = Egg {
        item: item.name(),
        lock: Some(lock.descriptor()),
        slot: None,
        stop_budget: ITEM_BUDGET,
        leased: false,
    };
    let hatched = core.hatch(&egg).await?;
    // Now that its lock is held nobody else stops anything; until then somebody may have.
    adopt(&hatched.connection, owed.into_iter().filter(Adopted::is_owed).collect());
    while let Some(event) = hatched.connection.next().await {
        match event {
            Event::Refused { reason, .. } => tracing::error!(reason, "the shim refused a stop that is owed"),
            Event::Empty => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

/// What can be run of what is owed.
fn owed(core: &Core, item: &ItemDirectory) -> Result<Vec<Adopted>, JournalError> {
    let state = &core.settings.state;
    let (view, records) = (item.view(state)?, item.intents(state)?);
    let can_be_run = |instance: InstanceId| {
        view.services.iter().any(|service| service.instance == instance && service.state.can_be_run())
    };
    let records = (1..).zip(records).filter(|(_, record)| can_be_run(record.instance));
    Ok(records.filter_map(|(unit, record)| adopted(unit, record, core)).collect())
}

fn adopted(unit: UnitId, record: IntentRecord, core: &Core) -> Option<Adopted> {
    let (header, body, file) = (record.header?, record.body.ok()?, record.file?);
    let same_life = header.host.shares_processes_with(core.settings.state.life());
    let mut stop = body.stop;
    if let Some(stop) = &mut stop {
        stop.limit = stop.limit.min(STOP_LIMIT);
        stop.command.fresh_pids = !same_life;
    }
    let plan = Box::new(ServicePlan {
        form: body.form,
        start: None,
        // A start that was running when the host went down does not run any more.
        start_was_cut: same_life && record.strike.state == StrikeState::Standing,
        stop,
        group: header.group,
        data: body.data,
    });
    Some(Adopted { unit, plan, intent: Some(file) })
}

/// Whether nothing can be done about what is owed without a person.
pub fn needs_a_person(view: &ItemView) -> bool {
    !view.services.iter().any(|service| service.state.can_be_run())
        && view.services.iter().any(|service| service.state != StopState::Stopped)
}

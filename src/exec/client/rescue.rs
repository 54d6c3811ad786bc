//! What becomes of an item whose shim was lost: the stops that are owed run in a new shim under the item's lock, then
//! what the old one left is ended.

use std::sync::Arc;
use std::time::Duration;

use super::adoption::{Adopted, adopt};
use super::dispatch;
use super::hatching::{Egg, HatchError};
use super::item::ItemCore;
use super::off_thread::off_thread;
use crate::journal::{ItemLock, ProcessLife, read_strike};
use crate::protocol::Event;

/// Shims that may be lost one after another before the stops are left to the journal: who kills one may have killed the
/// one that was kept ready, too.
const MOST_LOST: u32 = 5;
/// Between two tries when no shim can be had.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs what is owed, once for an item.
pub async fn rescue(item: Arc<ItemCore>) {
    let shim = ProcessLife { pid: item.shim, since: 0 };
    for _ in 0..MOST_LOST {
        take_note(&item);
        if owed(&item).is_empty() {
            break;
        }
        match in_new_shim(&item).await {
            Ok(true) => break,
            Ok(false) => {}
            Err(HatchError::Busy) => wait_for_other(&item).await,
            Err(HatchError::None(error)) => {
                tracing::warn!(item = item.name, "no shim for the stops that are owed: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    item.launcher.end_orphans(&item.name, shim).await;
    give_up_the_rest(&item);
    item.progress.send_modify(|progress| progress.rescued = true);
}

/// Serves what is owed to a new shim and hears it to its end; false if that was lost as well.
async fn in_new_shim(item: &Arc<ItemCore>) -> Result<bool, HatchError> {
    let lock = open_lock(item);
    let egg = Egg {
        item: &item.name,
        lock: lock.as_ref().map(ItemLock::descriptor),
        slot: None,
        stop_budget: item.launcher.settings.stop_budget,
        leased: false,
    };
    let hatched = item.launcher.hatch(&egg).await?;
    drop(lock);
    // Its lock is held: what another has stopped until now is known.
    take_note(item);
    adopt(&hatched.connection, owed(item));
    while let Some(event) = hatched.connection.next().await {
        match event {
            Event::Empty => return Ok(true),
            // It stays owed.
            Event::Refused { reason, .. } => tracing::error!(reason, "the shim refused a stop that is owed"),
            event => dispatch::dispatch(item, event),
        }
    }
    Ok(false)
}

fn open_lock(item: &ItemCore) -> Option<ItemLock> {
    item.journal.as_ref().and_then(|journal| journal.directory.open_lock().ok())
}

/// Somebody else, such as a replay by hand, runs the stops.
async fn wait_for_other(item: &Arc<ItemCore>) {
    if let Some(lock) = open_lock(item) {
        off_thread("item lock", move || lock.wait_until_free()).await;
    }
}

/// The services that somebody else has stopped are over. Of those whose intent is gone this is stored already.
fn take_note(item: &Arc<ItemCore>) {
    let Some(journal) = &item.journal else { return };
    for service in item.standing() {
        let is_over = match journal.directory.open_intent(service.launch.instance) {
            Ok(intent) => read_strike(intent).is_ok_and(|strike| !strike.is_owed()),
            Err(error) => error.is_missing(),
        };
        if is_over {
            service.stopped(true);
        }
    }
}

fn owed(item: &Arc<ItemCore>) -> Vec<Adopted> {
    let services = item.standing();
    let adopted = services.iter().filter_map(|service| {
        let mut plan = item.plan(&service.launch, service.output_file.clone()).ok()?;
        plan.start = None;
        plan.start_was_cut = service.running.so_far().0.is_none_or(|ended| !ended.is_success());
        let intent = item
            .journal
            .as_ref()
            .and_then(|journal| journal.directory.open_intent(service.launch.instance).ok());
        Some(Adopted { unit: service.unit, plan: Box::new(plan), intent })
    });
    adopted.collect()
}

/// What could not be stopped stands pending; nobody waits for it any longer.
fn give_up_the_rest(item: &Arc<ItemCore>) {
    for service in item.standing() {
        tracing::error!(service = service.launch.name, "a stop could not be run and stands pending");
        service.stopped(service.launch.stop.is_none());
    }
}

//! Hearing a shim: each event goes to the unit that it is about.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::fault;
use super::item::ItemCore;
use super::process::Running;
use super::rescue;
use crate::protocol::{Event, UnitId};

/// Hears the shim until it has said its last word or is gone.
pub async fn hear(item: Arc<ItemCore>) {
    while let Some(event) = item.connection.next().await {
        if event == Event::Empty {
            let unasked = !item.closing.load(Ordering::Relaxed);
            item.progress.send_modify(|progress| {
                progress.empty = true;
                progress.lost = unasked;
            });
            release(&item);
            // The ends of all that it had were told before. What it never had (its lease was over) keeps its intent:
            // a stop for nothing is better than none.
            let services: Vec<_> = item.units().services.values().cloned().collect();
            for service in services {
                service.never_stood();
            }
            return;
        }
        dispatch(&item, event);
    }
    item.progress.send_modify(|progress| progress.lost = true);
    release(&item);
    // With a journal it is the lock that says who runs the stops.
    if item.journal.is_some() || !item.connection.is_hung_up() {
        rescue::rescue(item).await;
    }
}

/// Whatever still waits will hear nothing more.
fn release(item: &ItemCore) {
    let running: Vec<_> = item.units().running.drain().map(|(_, running)| running).collect();
    for one in running {
        one.lost();
        one.let_go();
    }
}

pub fn dispatch(item: &Arc<ItemCore>, event: Event) {
    match event {
        Event::Ready { .. } | Event::Busy | Event::Empty => {}
        Event::NotStarted { unit, fault } => last_word(item, unit, |running| running.not_started(&fault)),
        Event::Exited { unit, exit, alone: false } => {
            with_running(item, unit, |running| running.exited(exit, false))
        }
        Event::Exited { unit, exit, alone: true } => {
            last_word(item, unit, |running| running.exited(exit, true))
        }
        Event::Gone { unit, killed } => last_word(item, unit, |running| running.gone(killed)),
        Event::Stuck { unit, processes } => {
            item.progress.send_modify(|progress| progress.stuck.extend(processes.iter().map(fault::stuck)));
            if let Some(first) = processes.first() {
                with_running(item, unit, |running| running.stuck(first));
            }
            // Nobody knows when its stop will be over; the item keeps what it holds until then.
            if let Some(service) = item.units().services.get(&unit).cloned() {
                service.stopped(false);
            }
        }
        Event::StopOutput { unit, bytes } => {
            if let Some(service) = item.units().services.get(&unit).cloned() {
                service.output(bytes);
            }
        }
        Event::StopTried { unit, outcome } => {
            if let Some(service) = item.units().services.get(&unit).cloned() {
                service.tried(&outcome);
            }
        }
        Event::Stopped { unit, success } => {
            if let Some(service) = item.units().services.get(&unit).cloned() {
                service.stopped(success);
            }
        }
        Event::Refused { unit, reason } => {
            tracing::error!(item = item.name, ?unit, reason, "the shim refused a request");
            match unit {
                Some(unit) => refused(item, unit),
                // Nobody knows whose request that was, and whoever waits for it would wait for ever.
                None => item.connection.hang_up(),
            }
        }
    }
}

/// The shim has nothing of this unit. Of a service no stop is owed then.
fn refused(item: &ItemCore, unit: UnitId) {
    last_word(item, unit, |running| {
        running.lost();
        running.let_go();
    });
    item.never_had(unit);
}

fn with_running(item: &ItemCore, unit: UnitId, act: impl FnOnce(&Running)) {
    let running = item.units().running.get(&unit).cloned();
    if let Some(running) = running {
        act(&running);
    }
}

/// Nothing more will be heard of this unit.
fn last_word(item: &ItemCore, unit: UnitId, act: impl FnOnce(&Running)) {
    let running = item.units().running.remove(&unit);
    if let Some(running) = running {
        act(&running);
    }
}

//! Bringing builds to a phase.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use libc::SIGSTOP;

use crate::{
    Fallible,
    dice::Dice,
    events::Event,
    fault::{Act, Target},
    inject::signal,
    phase::Phase,
    yard::{Build, HELLO, Yard},
};

/// No phase is further away, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// A moment that the seed chooses lies in it: longer than a build takes.
const ANYWHEN: u64 = 120_000;

/// Brings all builds to the phase of the cell.
pub fn reach(yard: &Yard, dice: &mut Dice) -> Fallible<()> {
    let phase = yard.cell.phase;
    if yard.cell.fault.act == Act::Panic {
        yard.release(HELLO, "go");
        return Ok(());
    }
    match phase {
        Phase::BeforeIntent => return Ok(()),
        Phase::AfterIntent => {
            yard.release(HELLO, "go");
            return stop_shims_at_intent(yard);
        }
        Phase::Anywhen => {
            yard.release(HELLO, "go");
            thread::sleep(Duration::from_micros(dice.below(ANYWHEN)));
            return Ok(());
        }
        _ => yard.release(HELLO, "go"),
    }
    let word = phase.gate().unwrap_or("started");
    let here = |events: &[Event], build: &Build| {
        let said = events.iter().filter(|e| e.build == build.name && e.word == word).count();
        // Starts follow each other; probes and stops of the services run side by side.
        said >= if phase.is_stopping() { build.kind.services().len() } else { 1 }
    };
    let all = |events: &[Event]| yard.builds.iter().all(|build| here(events, build));
    if !yard.ledger.wait(PATIENCE, all) {
        let events = yard.ledger.all();
        let late = yard.builds.iter().filter(|build| !here(&events, build));
        let late: String = late.map(|build| standing(yard, &events, build)).collect();
        return Err(format!("not all builds came to {}:\n{late}{}", phase.name(), yard.start.said()));
    }
    if phase == Phase::AfterStop { let_stops_end(yard) } else { Ok(()) }
}

/// How far a build has come, in its own words and in the server's.
fn standing(yard: &Yard, events: &[Event], build: &Build) -> String {
    let own: Vec<&str> = events.iter().filter(|e| e.build == build.name).map(|e| e.word.as_str()).collect();
    let said = yard.client.as_ref().map(|client| client.build(&build.name));
    let said = match said {
        Some(Ok(said)) => {
            ["status", "phase", "waiting_reason", "services"].map(|key| said[key].to_string()).join(" ")
        }
        Some(Err(error)) => error,
        None => String::new(),
    };
    format!("{}: {}; {said}\n", build.name, own.join(" "))
}

/// The worker writes an intent, then tells the shim; the shim is stopped between the two.
fn stop_shims_at_intent(yard: &Yard) -> Fallible<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut left: Vec<&Build> = yard.builds.iter().collect();
    while !left.is_empty() {
        let items = yard.items();
        left.retain(|build| {
            let prefix = format!("b-{}-", build.id);
            let item = items.iter().find(|item| {
                item.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
            });
            let intent = item.is_some_and(|item| has_intent(item));
            if intent && let Some(shim) = &build.shim {
                shim.held.signal(SIGSTOP);
            }
            !intent
        });
        thread::sleep(Duration::from_micros(100));
        if Instant::now() > deadline {
            return Err(format!("no intent was written:\n{}", yard.start.said()));
        }
    }
    Ok(())
}

/// Whether an intent, or a file that is about to become one, is there.
fn has_intent(item: &Path) -> bool {
    let entries = fs::read_dir(item).into_iter().flatten().filter_map(Result::ok);
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().contains("intent"))
}

/// The worker is stopped; the stops end and are struck; nobody has heard of it.
fn let_stops_end(yard: &Yard) -> Fallible<()> {
    let before = struck(yard);
    signal(yard, Target::Worker, SIGSTOP);
    yard.release("mid-stop", "go");
    let ended = |events: &[Event]| {
        let stops = events.iter().filter(|e| e.word == "stopping");
        stops.clone().count() > 0
            && stops.clone().all(|s| events.iter().any(|e| e.word == "stopped" && e.instance == s.instance))
    };
    if !yard.ledger.wait(PATIENCE, ended) {
        return Err("a stop did not end".to_owned());
    }
    let deadline = Instant::now() + Duration::from_secs(2);
    while Instant::now() < deadline && struck(yard).iter().any(|state| before.contains(state)) {
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn struck(yard: &Yard) -> Vec<(PathBuf, Vec<u8>)> {
    let intents = yard.intents().into_iter();
    intents.filter_map(|file| Some((file.clone(), fs::read(file).ok()?))).collect()
}

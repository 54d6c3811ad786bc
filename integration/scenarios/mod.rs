//! Scenarios are files: `files/NAME.hcl` is the pipeline, `files/NAME.toml` says what people do and what must come of
//! it. A new case needs no code. Every scenario is played twice: plainly, and with a transport that loses, repeats,
//! delays and reorders envelopes and with every tracker killed once; the results must be the same.

mod expectation;
mod play;
mod script;

use std::{fs, path::PathBuf, sync::Mutex, thread};

use play::Stage;
use script::Script;

/// Scenarios that are played at once; they mostly wait.
const AT_ONCE: usize = 4;
/// Seed of the faulty transport; printed with every failure.
const SEED: u64 = 20_260;

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/files"))
}

fn names() -> Vec<String> {
    let only = std::env::var("SCENARIO").ok();
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let scripts = files.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    let mut names: Vec<String> =
        scripts.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.retain(|name| only.as_ref().is_none_or(|only| name.contains(only)));
    names.sort();
    names
}

fn play_all(stage: Stage) {
    let queue = Mutex::new(names());
    let failed = Mutex::new(Vec::new());
    assert!(!queue.lock().unwrap().is_empty(), "no scenario found");
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(name) = { queue.lock().unwrap().pop() } {
                    let script = Script::read(&directory(), &name);
                    let result = thread::Builder::new()
                        .name(name.clone())
                        .spawn(move || play::play(&script, stage))
                        .unwrap()
                        .join();
                    if result.is_err() {
                        failed.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{stage:?}: {failed:?} (SCENARIO=name plays one alone)");
}

#[test]
fn every_scenario_ends_as_written() {
    play_all(Stage::Plain);
}

#[test]
fn every_scenario_ends_the_same_on_a_faulty_transport() {
    play_all(Stage::Faulty { seed: SEED });
}

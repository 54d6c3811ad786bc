//! Scenarios are files: `files/NAME.hcl` is the pipeline, `files/NAME.toml` says what people do and what must come of
//! it. A new case needs no code. Every scenario is played twice: plainly, and with a transport that loses, repeats,
//! delays and reorders envelopes and with every tracker killed once; the results must be the same.

mod act;
mod expectation;
mod play;
mod record;
mod script;

use std::{fs, path::PathBuf, sync::Mutex, thread};

pub use play::{Stage, play};
pub use script::Script;

/// Scenarios that are played at once; they mostly wait.
const AT_ONCE: usize = 4;
/// Seed of the faulty transport, unless the variable `SEED` gives another; printed with every failure.
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

/// Plays every scenario and gives the names of those that failed; what was wrong is on standard error.
fn play_all(one: impl Fn(&Script) + Sync) -> Vec<String> {
    let queue = Mutex::new(names());
    let failed = Mutex::new(Vec::new());
    assert!(!queue.lock().unwrap().is_empty(), "no scenario found");
    let one = &one;
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(name) = { queue.lock().unwrap().pop() } {
                    let script = Script::read(&directory(), &name);
                    let player = thread::Builder::new().name(name.clone());
                    let result = player.spawn_scoped(scope, move || one(&script)).unwrap().join();
                    if result.is_err() {
                        failed.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}

/// The same results, and logs that are the same to the byte, on a transport as people have it and on a faulty one.
#[test]
fn every_scenario_ends_as_written_on_every_transport() {
    let seed = std::env::var("SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let failed = play_all(|script| {
        let plain = play(script, Stage::Plain);
        if std::env::var_os("PLAIN").is_none() {
            let faulty = play(script, Stage::Faulty { seed });
            plain.assert_same(&faulty, &script.name);
        }
    });
    assert!(
        failed.is_empty(),
        "seed {seed}: {failed:?} (SCENARIO=name plays one alone, PLAIN=1 without faults)"
    );
}

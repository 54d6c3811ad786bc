//! One cell, played once with a group of builds.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    Fallible,
    cell::Cell,
    dice::Dice,
    events::Event,
    fault::{After, Twist},
    host::Host,
    inject::{self, Hits},
    kind::Kind,
    reach,
    verdict::{self, Evidence, Record},
    yard::Yard,
};

/// A server that ends by itself takes no longer.
const ENDING: Duration = Duration::from_secs(45);
/// After so long a build that is not done counts as never to be.
const TERMINAL: Duration = Duration::from_secs(60);
/// Above the limit of a fault, before somebody stops waiting for the stops that should run without a server.
const MERCY: Duration = Duration::from_secs(6);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What is played.
#[derive(Clone, Debug)]
pub struct Play {
    pub cell: Cell,
    pub seed: u64,
    pub kinds: Vec<Kind>,
    pub lease: Duration,
}

/// Plays it: a record for each build.
///
/// # Errors
/// The harness itself failed, or the program did so before anything was broken.
pub fn play(host: &Host, play: &Play) -> Fallible<Vec<Record>> {
    let mut dice = Dice::new(play.seed);
    let mut yard = Yard::open(host, play)?;
    yard.up()?;
    yard.begin(&play.kinds)?;
    reach::reach(&yard, &mut dice)?;
    let recycled = recycle(&mut yard, &mut dice);
    let mut hits = inject::strike(&mut yard, &mut dice)?;
    let mut problems = recover(&mut yard, &mut dice, &mut hits)?;
    let builds = wait_until_done(&yard);
    problems.extend(take_down(&mut yard));
    let containers = builds.iter().map(|said| containers_left(host, said.as_ref())).collect();
    let evidence = Evidence { builds, hits, problems, recycled, containers };
    Ok(verdict::judge(&mut yard, &evidence))
}

/// Whether the program runs as an ordinary user, without control groups: one time in three.
pub fn is_ordinary(play: &Play) -> bool {
    play.cell.fault.twist == Twist::OwnUser || Dice::new(play.seed ^ 0x07d1).once_in(3)
}

/// Ends a daemon behind the program's back and gives its number to a bystander, once in four times.
fn recycle(yard: &mut Yard, dice: &mut Dice) -> Option<String> {
    if !dice.once_in(4) {
        return None;
    }
    let events = yard.ledger.all();
    let daemon = events.iter().find(|e| e.word == "daemon" && e.build.starts_with("forking/"))?;
    daemon.held.as_ref()?.signal(libc::SIGKILL);
    let deadline = Instant::now() + Duration::from_secs(2);
    while std::path::Path::new(&format!("/proc/{}", daemon.pid)).exists() {
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
    yard.canaries.recycle(daemon.pid).then(|| daemon.build.clone())
}

/// Starts the server again where it has ended.
fn recover(yard: &mut Yard, dice: &mut Dice, hits: &mut Hits) -> Fallible<Vec<String>> {
    let fault = yard.cell.fault;
    let mut problems = Vec::new();
    match fault.after {
        After::Lives => return Ok(problems),
        After::Ends => {
            if yard.server.as_mut().and_then(|server| server.end(ENDING)).is_none() {
                problems.push(format!("the server did not end within {ENDING:?}"));
            }
        }
        After::RestartAtOnce => thread::sleep(Duration::from_micros(dice.below(200_000))),
        After::RestartLater => {
            wait_for_stops(yard);
            yard.thaw_worker();
        }
        After::Replayed => {
            yard.open_gates();
            hits.values_mut().for_each(|hit| *hit = Instant::now());
            problems.extend(yard.start.run_beside(&["worker", "journal", "replay", "--wait"]).err());
        }
    }
    yard.open_gates();
    change_next_start(yard, dice);
    if inject::leaves_nobody(yard) {
        let now = Instant::now();
        hits.values_mut().for_each(|hit| *hit = now);
    }
    yard.up()?;
    Ok(problems)
}

/// What is not as it was when the server comes back.
fn change_next_start(yard: &mut Yard, dice: &mut Dice) {
    match yard.cell.fault.twist {
        Twist::NoWorkdir => {
            // It is made again, or it was never made.
            let _ = std::fs::remove_dir_all(yard.start.work());
        }
        Twist::WrongClock => {
            let ahead = if dice.once_in(2) { "-3600" } else { "3600" };
            yard.start.flags.extend(["--fault".to_owned(), format!("clock-ahead={ahead}")]);
        }
        Twist::NewSecret => {
            let flags = ["--jwt-secret=another-secret-of-the-same-server", "--replace-jwt-secret"];
            yard.start.flags.extend(flags.map(str::to_owned));
        }
        _ => {}
    }
}

/// Waits for the stops that must run without a server.
fn wait_for_stops(yard: &Yard) {
    let limit = Duration::from_millis(yard.cell.fault.limit) + MERCY;
    yard.ledger.wait(limit, |events| {
        let starts = events.iter().filter(|e| e.word == "starting");
        starts.clone().all(|start| is_stopped(events, start))
    });
}

fn is_stopped(events: &[Event], start: &Event) -> bool {
    events.iter().any(|e| e.word == "stopped" && e.instance == start.instance)
}

/// Asks for every build until all are done or patience ends: what the server says at last.
fn wait_until_done(yard: &Yard) -> Vec<Option<Value>> {
    let deadline = Instant::now() + TERMINAL;
    let mut found: Vec<Option<Value>> = yard.builds.iter().map(|_| None).collect();
    loop {
        for (build, found) in yard.builds.iter().zip(&mut found) {
            if !found.as_ref().is_some_and(is_settled) {
                // A server that does not answer is asked again.
                *found = yard.client.as_ref().and_then(|client| client.build(&build.name).ok());
            }
        }
        let settled = found.iter().all(|found| found.as_ref().is_some_and(is_settled));
        if settled || Instant::now() > deadline {
            return found;
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// Whether it is done and everything that is owed to it is known to have happened.
fn is_settled(build: &Value) -> bool {
    let services = build["services"].as_array().map(Vec::as_slice).unwrap_or_default();
    build["phase"] == "done" && services.iter().all(|service| service["status"] == "stopped")
}

/// Containers of a build's services that are still there.
fn containers_left(host: &Host, said: Option<&Value>) -> usize {
    let services = said.and_then(|said| said["services"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let of_engine = services.iter().filter(|service| service["type"] == "redis");
    let instances = of_engine.filter_map(|service| service["instance"].as_str());
    host.engine.iter().flat_map(|engine| instances.clone().map(|i| engine.containers_of(i))).sum()
}

fn take_down(yard: &mut Yard) -> Vec<String> {
    let servers = yard.server.iter_mut().chain(&mut yard.second);
    let ends = servers.map(|server| {
        server.signal(libc::SIGTERM);
        server.end(ENDING)
    });
    let hung = ends.filter(Option::is_none);
    hung.map(|_| "a server did not end when everything was done".to_owned()).collect()
}

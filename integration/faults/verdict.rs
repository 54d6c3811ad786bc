//! What became of each build.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    events::Event,
    inject::Hits,
    kin,
    kind::Kind,
    yard::{Build, Yard},
};

/// After the end of everything nothing of a build is alive for longer.
const LEAK_LIMIT: Duration = Duration::from_secs(5);

/// Who notes the end of a stop has done so within this time, on a busy machine.
const NOTED_WITHIN: Duration = Duration::from_millis(100);

/// What is known beside the words of the scripts.
pub struct Evidence {
    /// What the server said of each build at last.
    pub builds: Vec<Option<Value>>,
    pub hits: Hits,
    /// What went wrong with all of them.
    pub problems: Vec<String>,
    /// The build one of whose daemons was ended behind the program's back.
    pub recycled: Option<String>,
    /// Containers that are left of each build.
    pub containers: Vec<usize>,
}

/// A build's figures. All but the first three and the time should be zero.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    #[serde(skip)]
    pub kind: Kind,
    /// Service instances whose start began.
    pub started: usize,
    /// Of these, how many a stop has run for to its end.
    pub stopped: usize,
    pub recycled: bool,
    /// Stops beyond those that the rules ask for.
    pub doubled: usize,
    /// Of more of these nobody can know: they ended in the moment in which their shim was killed.
    pub unseen: usize,
    pub leaked: usize,
    pub leaked_groups: usize,
    pub leaked_containers: usize,
    pub innocents: usize,
    pub non_terminal: usize,
    /// Steps that began while one of an earlier run of the build was alive.
    pub overlapped: usize,
    /// Services that the server does not show as stopped at the end.
    pub unreported: usize,
    /// Milliseconds from the fault to the end of the last stop.
    pub to_stop: Option<f64>,
    pub problems: Vec<String>,
}

impl Record {
    /// Whether a promise was broken, time apart.
    pub fn is_broken(&self) -> bool {
        self.stopped < self.started || !self.problems.is_empty()
    }
}

/// Judges all builds of a yard that is taken down.
pub fn judge(yard: &mut Yard, evidence: &Evidence) -> Vec<Record> {
    let leaked = wait_for_the_dead(yard);
    let events = yard.ledger.all();
    let pairs = yard.builds.iter().zip(&evidence.builds);
    let mut records: Vec<Record> =
        pairs.map(|(build, said)| record(yard, &events, build, said.as_ref(), evidence)).collect();
    for (record, left) in records.iter_mut().zip(&evidence.containers).filter(|(_, left)| **left > 0) {
        record.leaked_containers = *left;
        record.problems.push(format!("{left} containers are left"));
    }
    // What belongs to the yard as a whole is booked to its first build.
    if let Some(first) = records.first_mut() {
        first.problems.extend(evidence.problems.iter().cloned());
        first.non_terminal += evidence.problems.len();
        first.recycled = evidence.recycled.is_some();
        let strangers = leaked.iter().filter(|pid| !events.iter().any(|e| e.pid == **pid));
        for pid in strangers {
            first.leaked += 1;
            first.problems.push(format!("left alive: {}", kin::command(*pid)));
        }
        first.leaked_groups = yard.groups_left().len();
        first.problems.extend(yard.groups_left().into_iter().map(|group| format!("left: {group}")));
        first.problems.extend(yard.intents().iter().map(|i| format!("an intent stands: {}", i.display())));
        first.innocents = yard.canaries.killed();
        if first.innocents > 0 {
            first.problems.push(format!("{} bystanders were ended", first.innocents));
        }
    }
    records
}

/// Waits until nothing of the yard is alive; gives what is all the same.
fn wait_for_the_dead(yard: &Yard) -> Vec<i32> {
    let deadline = Instant::now() + LEAK_LIMIT;
    loop {
        let left = yard.start.mark.processes();
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn record(yard: &Yard, events: &[Event], build: &Build, said: Option<&Value>, evidence: &Evidence) -> Record {
    let mine: Vec<&Event> = events.iter().filter(|e| e.build == build.name).collect();
    let instances = |word: &str| -> BTreeSet<&str> {
        mine.iter().filter(|e| e.word == word).map(|e| e.instance.as_str()).collect()
    };
    let (started, stopped) = (instances("starting"), instances("stopped"));
    let mut record = Record {
        kind: build.kind,
        started: started.len(),
        stopped: started.intersection(&stopped).count(),
        recycled: false,
        doubled: 0,
        unseen: 0,
        leaked: 0,
        leaked_groups: 0,
        leaked_containers: 0,
        innocents: 0,
        non_terminal: 0,
        overlapped: mine.iter().map(|e| e.overlapped).sum(),
        unreported: 0,
        to_stop: time_to_stop(&mine, evidence.hits.get(&build.name).copied()),
        problems: Vec::new(),
    };
    for instance in started.difference(&stopped) {
        record.problems.push(format!("never stopped: {instance}"));
    }
    for instance in &stopped {
        let extra = surplus(&mine, instance);
        let unseen =
            ended_unseen(&mine, instance, build.shim.as_ref().map(|shim| shim.pid), yard.noters_killed)
                .min(extra);
        record.unseen += unseen;
        record.doubled += extra - unseen;
        if extra > unseen {
            let course =
                course_of(&mine, instance, yard.noters_killed.or(evidence.hits.get(&build.name).copied()));
            record.problems.push(format!("stopped {} times too often: {instance}: {course}", extra - unseen));
        }
    }
    let alive = mine.iter().filter(|e| e.held.as_ref().is_some_and(|held| held.is_alive()));
    for event in alive {
        record.leaked += 1;
        record.problems.push(format!("left alive ({}): {}", event.word, kin::command(event.pid)));
    }
    if record.overlapped > 0 {
        record.problems.push("a step met one of an earlier run".to_owned());
    }
    judge_words_of_server(&mut record, said);
    record
}

fn judge_words_of_server(record: &mut Record, said: Option<&Value>) {
    let Some(said) = said else {
        record.non_terminal += 1;
        record.problems.push("the server does not answer for the build".to_owned());
        return;
    };
    if said["phase"] != "done" {
        record.non_terminal += 1;
        record.problems.push(format!("not done: {}, {}", said["phase"], said["waiting_reason"]));
    }
    for service in said["services"].as_array().into_iter().flatten() {
        if service["status"] != "stopped" {
            record.unreported += 1;
            record.problems.push(format!("shown as {}: {}", service["status"], service["instance"]));
        }
    }
}

/// Ended stops of an instance beyond those that the rules ask for: one, or two when its start was cut. A fault may cut
/// the start of any run, that of a later one, too; one whose service was probed had come to its end.
fn surplus(mine: &[&Event], instance: &str) -> usize {
    let count = |word: &str| mine.iter().filter(|e| e.word == word && e.instance == instance).count();
    let allowed = if count("probing") == 0 { 2 } else { 1 };
    count("stopped").saturating_sub(allowed)
}

/// Ended stops that had begun below the shim that was killed and whose end came so late that it could not be noted any
/// more: they run again.
fn ended_unseen(mine: &[&Event], instance: &str, shim: Option<i32>, killed: Option<Instant>) -> usize {
    let Some(killed) = killed else { return 0 };
    let mine: Vec<&&Event> = mine.iter().filter(|e| e.instance == instance).collect();
    // Below a dead shim nobody is seen any more.
    let below = |e: &Event| e.shim == shim || e.shim.is_none() && e.at <= killed + NOTED_WITHIN;
    let begun = |end: &Event| mine.iter().any(|e| e.word == "stopping" && e.pid == end.pid && below(e));
    let ends = mine.iter().filter(|e| e.word == "stopped" && e.at + NOTED_WITHIN >= killed);
    ends.filter(|end| begun(end)).count()
}

/// What its scripts said and when: milliseconds from the fault, or from the first word.
fn course_of(mine: &[&Event], instance: &str, hit: Option<Instant>) -> String {
    let mine: Vec<&&Event> = mine.iter().filter(|e| e.instance == instance).collect();
    let Some(from) = hit.or(mine.first().map(|first| first.at)) else { return String::new() };
    let after = |at: Instant| {
        at.saturating_duration_since(from).as_secs_f64() - from.saturating_duration_since(at).as_secs_f64()
    };
    let words: Vec<String> =
        mine.iter().map(|e| format!("{} {:+.1} ms", e.word, after(e.at) * 1000.0)).collect();
    words.join(", ")
}

/// From the fault to the end of the last first stop of the services that stood then.
fn time_to_stop(mine: &[&Event], hit: Option<Instant>) -> Option<f64> {
    let hit = hit?;
    let stood = mine.iter().filter(|e| e.word == "starting" && e.at <= hit);
    let ends = stood.filter_map(|start| {
        mine.iter().find(|e| e.word == "stopped" && e.instance == start.instance).map(|e| e.at)
    });
    // What had ended before says nothing of the fault.
    let last = ends.max().filter(|last| *last > hit)?;
    Some(last.saturating_duration_since(hit).as_secs_f64() * 1000.0)
}

//! Breaking something.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use libc::{SIGCONT, SIGKILL, SIGSTOP};

use crate::{
    Fallible,
    dice::Dice,
    events::Event,
    fault::{Act, After, Target, Twist},
    kernel::{self, Held},
    kin,
    phase::Phase,
    second,
    yard::{Build, HELLO, Yard},
};

/// What is awaited takes no longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long something is short.
const SHORTAGE: Duration = Duration::from_millis(1500);

/// When each build was hit.
pub type Hits = BTreeMap<String, Instant>;

/// Does it. Gives when each build was hit; builds that are not in it hit themselves later.
pub fn strike(yard: &mut Yard, dice: &mut Dice) -> Fallible<Hits> {
    let now = Instant::now();
    let mut hits: Hits = yard.builds.iter().map(|build| (build.name.clone(), now)).collect();
    let gate = yard.cell.phase.gate().unwrap_or(HELLO);
    let held = held_at_gate(yard);
    match yard.cell.fault.act {
        Act::Fail => yard.release_once(gate, "fail"),
        Act::Cancel => cancel(yard, &mut hits)?,
        Act::StepTimeout | Act::JobTimeout => hits = await_timeouts(yard),
        // The call may have come already.
        Act::Panic => hits.clear(),
        Act::Signals(signals) => {
            if yard.cell.fault.twist == Twist::Frozen {
                yard.freeze_worker()?;
            }
            for (at, (target, number)) in signals.iter().enumerate() {
                if at > 0 {
                    thread::sleep(Duration::from_micros(dice.below(2000)));
                }
                signal(yard, *target, *number);
                if notes_stops(*target) && *number == SIGKILL {
                    yard.noters_killed = Some(Instant::now());
                }
            }
        }
        Act::Pause { whom, seconds, second_host } => pause(yard, &mut hits, whom, seconds, second_host)?,
        Act::Beside(args) => {
            yard.start.run_beside(args)?;
            hit_now(&mut hits);
        }
        Act::WorkerBeside => {
            yard.second = Some(second::stand_beside(yard)?);
            hit_now(&mut hits);
        }
        Act::FullDisk => fill(yard)?,
        Act::Reboot => {
            reboot(yard)?;
            yard.noters_killed = Some(Instant::now());
        }
        Act::NoSync => without_sync(yard)?,
        Act::NoFiles => without_files(yard)?,
        Act::NoProcesses => without_processes(yard)?,
    }
    thaw(yard);
    if loses_what_is_held(yard) {
        wait_for_the_lost(&held);
    }
    if goes_on(yard) {
        yard.open_gates();
    }
    Ok(hits)
}

fn hit_now(hits: &mut Hits) {
    let now = Instant::now();
    hits.values_mut().for_each(|hit| *hit = now);
}

fn pause(yard: &mut Yard, hits: &mut Hits, whom: &[Target], seconds: u64, second_host: bool) -> Fallible<()> {
    whom.iter().for_each(|target| signal(yard, *target, SIGSTOP));
    if yard.cell.phase == Phase::AfterIntent && !whom.contains(&Target::Shims) {
        thaw(yard);
    }
    if yard.cell.phase.is_stopping() {
        // How long a stop takes is not the matter here.
        yard.open_gates();
    }
    thread::sleep(Duration::from_secs(seconds));
    yard.start.pull_cable()?;
    if second_host {
        yard.second = Some(second::take_over(yard)?);
        yard.open_gates();
    }
    if let Some(server) = yard.server.as_ref().filter(|_| whom.contains(&Target::Worker))
        && !kin::is_stopped(server.pid)
    {
        return Err("the worker did not stay stopped".to_owned());
    }
    if whom != [Target::Worker] {
        // Who could have acted could not, or nothing was to be done.
        hit_now(hits);
    }
    whom.iter().rev().for_each(|target| signal(yard, *target, SIGCONT));
    yard.start.mend_cable();
    Ok(())
}

/// What was stopped on the way to the phase goes on, unless it is dead.
fn thaw(yard: &Yard) {
    match yard.cell.phase {
        Phase::AfterIntent => signal(yard, Target::Shims, SIGCONT),
        Phase::AfterStop => signal(yard, Target::Worker, SIGCONT),
        _ => {}
    }
}

/// Shims note the ends of stops.
fn notes_stops(target: Target) -> bool {
    matches!(target, Target::Shims | Target::Everything | Target::User)
}

/// Whether the fault ends what is held at the gate.
fn loses_what_is_held(yard: &Yard) -> bool {
    let Act::Signals(signals) = yard.cell.fault.act else { return false };
    signals.iter().any(|(target, number)| notes_stops(*target) && *number == SIGKILL)
}

/// Whoever stands at the gate now.
fn held_at_gate(yard: &Yard) -> Vec<Arc<Held>> {
    let at_gate = |event: &Event| Some(event.word.as_str()) == yard.cell.phase.gate();
    yard.ledger.all().into_iter().filter(at_gate).filter_map(|event| event.held).collect()
}

/// What goes on in its last moment, because the gate opens for the next run, would count twice. Only what was hit is
/// waited for: who came to the gate since then is alive, and held by it.
fn wait_for_the_lost(held: &[Arc<Held>]) {
    let deadline = Instant::now() + Duration::from_secs(2);
    while held.iter().any(|stop| stop.is_alive()) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whether what is held must go on for the build to end.
fn goes_on(yard: &Yard) -> bool {
    let fault = yard.cell.fault;
    let by_itself = match fault.act {
        Act::Fail
        | Act::Pause { .. }
        | Act::Beside(_)
        | Act::WorkerBeside
        | Act::FullDisk
        | Act::NoSync
        | Act::NoFiles
        | Act::NoProcesses => true,
        Act::Signals(signals) => fault.after == After::Lives || signals == [(Target::Worker, libc::SIGQUIT)],
        _ => false,
    };
    by_itself || yard.cell.phase.is_stopping()
}

/// Signals whom it names, if they are there.
pub fn signal(yard: &Yard, target: Target, number: i32) {
    match target {
        Target::Worker => {
            if let Some(server) = &yard.server {
                server.signal(number);
            }
        }
        Target::Nursery => {
            if let Some(nursery) = &yard.nursery {
                nursery.held.signal(number);
            }
        }
        Target::Shims => {
            for shim in yard.builds.iter().filter_map(|build| build.shim.as_ref()) {
                shim.held.signal(number);
            }
        }
        Target::User => yard.start.user.into_iter().for_each(|user| kernel::signal_user(user, number)),
        Target::Everything if number == SIGKILL => drop(yard.start.mark.kill_all()),
        Target::Everything => {
            let all: Vec<Held> = yard.start.mark.processes().into_iter().filter_map(Held::open).collect();
            all.iter().for_each(|process| process.signal(number));
        }
    }
}

fn cancel(yard: &Yard, hits: &mut Hits) -> Fallible<()> {
    thaw(yard);
    let client = yard.client.as_ref().ok_or("no server")?;
    for build in &yard.builds {
        hits.insert(build.name.clone(), Instant::now());
        match client.cancel(&build.name) {
            // Its end may have come first.
            Err(error) if !error.starts_with("409") => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Scripts say when they are asked to end: that is the moment. A stop is killed without being asked, and begins again.
fn await_timeouts(yard: &Yard) -> Hits {
    thaw(yard);
    let stopping = yard.cell.phase.is_stopping();
    let over = |events: &[Event], build: &Build| {
        let (word, wanted) =
            if stopping { ("stopping", 2 * build.kind.services().len()) } else { ("termed", 1) };
        events.iter().filter(|e| e.build == build.name && e.word == word).nth(wanted - 1).map(|e| e.at)
    };
    if yard.cell.phase != Phase::Started {
        yard.ledger.wait(PATIENCE, |events| yard.builds.iter().all(|build| over(events, build).is_some()));
    }
    let events = yard.ledger.all();
    yard.builds.iter().filter_map(|b| Some((b.name.clone(), over(&events, b)?))).collect()
}

fn fill(yard: &Yard) -> Fallible<()> {
    let path = yard.start.state().join("filler");
    let mut file = fs::File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    for size in [4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    Ok(())
}

fn reboot(yard: &Yard) -> Fallible<()> {
    if !yard.start.mark.kill_all() {
        return Err("a killed process does not end".to_owned());
    }
    yard.remove_groups_of_builds();
    let boot = yard.start.boot.as_ref().ok_or("no boot id of the yard's own")?;
    fs::write(boot, "00000000-0000-4000-8000-000000000002\n").map_err(|error| error.to_string())
}

fn without_sync(yard: &Yard) -> Fallible<()> {
    let failing = yard.start.syncs_fail.as_ref().ok_or("nobody answers in the kernel's place")?;
    failing.store(true, Ordering::SeqCst);
    yard.open_gates();
    thread::sleep(SHORTAGE);
    failing.store(false, Ordering::SeqCst);
    Ok(())
}

fn without_files(yard: &Yard) -> Fallible<()> {
    let server = yard.server.as_ref().ok_or("no server")?;
    let pids = yard.builds.iter().filter_map(|build| build.shim.as_ref()).map(|shim| shim.pid);
    let pids: Vec<i32> = pids.chain([server.pid]).collect();
    let count = |pid: i32| fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().count() as u64;
    let old: Vec<(i32, Option<u64>)> =
        pids.iter().map(|pid| (*pid, kernel::limit_files(*pid, count(*pid)))).collect();
    yard.open_gates();
    thread::sleep(SHORTAGE);
    for (pid, limit) in old {
        limit.and_then(|limit| kernel::limit_files(pid, limit));
    }
    Ok(())
}

fn without_processes(yard: &Yard) -> Fallible<()> {
    let group = yard.start.groups.last().ok_or("no control group limits processes here")?;
    let text = |error: std::io::Error| format!("{}: {error}", group.display());
    let current = fs::read_to_string(group.join("pids.current")).map_err(text)?;
    fs::write(group.join("pids.max"), current.trim()).map_err(text)?;
    yard.open_gates();
    thread::sleep(SHORTAGE);
    fs::write(group.join("pids.max"), "max").map_err(text)
}

/// Whether the fault leaves nobody who could stop anything: then time counts from the next start.
pub fn leaves_nobody(yard: &Yard) -> bool {
    yard.cell.fault.after == After::RestartAtOnce && yard.cell.fault.limit > 2000
}

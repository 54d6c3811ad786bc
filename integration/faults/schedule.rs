//! Which cells are played when: rounds over all of them, many side by side, dear ones seldom.

use std::{
    collections::VecDeque,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Fallible,
    cell::Cell,
    course::{self, Play},
    dice::Dice,
    fault::{Act, Fault, Twist},
    faults::FAULTS,
    host::Host,
    kind::Kind,
    phase::Phase,
    report::{Broken, NotHad, Report, Tally},
};

/// The smoke plays each how many-th cell.
const SMOKE: u64 = 4;
/// No server takes a shorter one.
const SHORTEST_LEASE: Duration = Duration::from_secs(15);

/// How much is played.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// Every quick cell once.
    Smoke,
    /// Rounds over all cells until the time is over.
    Full { time: Duration },
}

/// What is played.
pub struct Plan {
    pub size: Size,
    pub seed: u64,
    /// Cells, phases or faults by name; none = all.
    pub only: Vec<String>,
    /// Kinds of services; none = the common ones, and one of the others.
    pub kinds: Vec<Kind>,
    /// One cell, with exactly this seed.
    pub repeat: Option<u64>,
    /// Builds of each kind in a cell.
    pub width: Option<usize>,
    pub yards: usize,
    pub lease: Duration,
}

/// The kinds of these names.
///
/// # Errors
/// A name that is no kind.
pub fn kinds(names: &[String]) -> Fallible<Vec<Kind>> {
    let known: Vec<&str> = Kind::all().map(Kind::name).collect();
    let find =
        |name: &String| Kind::of(name).ok_or_else(|| format!("no kind `{name}`: {}", known.join(", ")));
    names.iter().map(find).collect()
}

/// Lets every user in.
///
/// # Errors
/// What the kernel says.
pub fn open_to_all(path: &Path) -> Fallible<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())
}

struct Desk {
    queue: VecDeque<Play>,
    round: u64,
    tally: Tally,
    report: Report,
}

/// Plays all of it.
pub fn play_all(host: &Host, plan: &Plan) -> Report {
    let began = Instant::now();
    let (cells, mut not_had) = cells(host, plan);
    let lacking = Kind::all().filter_map(|kind| Some((kind, host.lacks(kind)?)));
    not_had.extend(
        lacking
            .map(|(kind, why)| NotHad { cell: format!("service {}", kind.name()), reason: why.to_owned() }),
    );
    let report = Report { seed: plan.seed, not_had, ..Report::default() };
    let desk = Mutex::new(Desk { queue: VecDeque::new(), round: 0, tally: Tally::default(), report });
    let until = match plan.size {
        Size::Smoke => None,
        Size::Full { time } => Some(began + time),
    };
    thread::scope(|scope| {
        for _ in 0..plan.yards {
            scope.spawn(|| {
                while let Some(play) = next(host, &desk, plan, &cells, until) {
                    let played = course::play(host, &play);
                    enter(&desk, &play, played);
                }
            });
        }
    });
    let Desk { tally, mut report, .. } = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.cells = tally.figures();
    report.runs = report.cells.iter().map(|figures| figures.attempts).sum();
    report.seconds = began.elapsed().as_secs_f64();
    report
}

fn sit(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All cells that can be had and were asked for, and those that cannot be had.
fn cells(host: &Host, plan: &Plan) -> (Vec<Cell>, Vec<NotHad>) {
    let mut had = Vec::new();
    let mut not_had = Vec::new();
    for fault in &FAULTS {
        for phase in Phase::ALL {
            let cell = Cell { phase, fault };
            let name = cell.name();
            let asked = |only: &String| [name.as_str(), phase.name(), fault.name].contains(&only.as_str());
            if !plan.only.is_empty() && !plan.only.iter().any(asked) {
                continue;
            }
            let missing = missing(host, fault).or(fault.is_absent_in(phase));
            match missing {
                Some(reason) => not_had.push(NotHad { cell: name, reason: reason.to_owned() }),
                None => had.push(cell),
            }
        }
    }
    (had, not_had)
}

/// What this machine lacks for a fault.
fn missing(host: &Host, fault: &Fault) -> Option<&'static str> {
    match (fault.act, fault.twist) {
        (Act::FullDisk | Act::Reboot, _) if !host.mounts => Some("needs mounts of its own: root"),
        (Act::NoSync, _) if !host.is_root => Some("needs the right to answer for the kernel: root"),
        (Act::NoProcesses, _) if host.pids.is_none() => {
            Some("needs the pids controller of control groups v1")
        }
        (_, Twist::Frozen) if host.freezer.is_none() => Some("needs the freezer of control groups v1"),
        (_, Twist::OwnUser) if !host.is_root => Some("needs a user of its own: root"),
        _ => None,
    }
}

/// The next cell; a new round when all of one have been given out.
fn next(
    host: &Host,
    desk: &Mutex<Desk>,
    plan: &Plan,
    cells: &[Cell],
    until: Option<Instant>,
) -> Option<Play> {
    let mut desk = sit(desk);
    if until.is_some_and(|until| Instant::now() > until) {
        return None;
    }
    let more = desk.round == 0 || (until.is_some() && plan.repeat.is_none());
    if desk.queue.is_empty() && more && !cells.is_empty() {
        let round = desk.round;
        desk.round += 1;
        let plays = cells.iter().enumerate().filter(|(at, cell)| is_due(cell, *at, round, plan));
        let mut plays: VecDeque<Play> = plays.map(|(at, cell)| play(host, plan, *cell, at, round)).collect();
        // Those that mostly wait begin first, so that the others fill the machine meanwhile.
        plays.make_contiguous().sort_by_key(|play| std::cmp::Reverse(play.cell.fault.period));
        desk.queue = plays;
    }
    desk.queue.pop_front()
}

/// Dear faults have their turn in some rounds, each phase in another; the smoke leaves the dearest out.
fn is_due(cell: &Cell, at: usize, round: u64, plan: &Plan) -> bool {
    match plan.size {
        _ if plan.repeat.is_some() || !plan.only.is_empty() => true,
        Size::Smoke => cell.fault.period <= 2 && (at as u64 + plan.seed).is_multiple_of(SMOKE),
        Size::Full { .. } => (round + at as u64).is_multiple_of(cell.fault.period),
    }
}

fn play(host: &Host, plan: &Plan, cell: Cell, at: usize, round: u64) -> Play {
    let mut dice = Dice::new(plan.seed ^ ((at as u64) << 32) ^ round);
    let width = plan.width.unwrap_or(if matches!(plan.size, Size::Smoke) { 1 } else { 2 });
    let seed = plan.repeat.unwrap_or_else(|| dice.roll() >> 32);
    let kinds = if plan.kinds.is_empty() {
        let rare: Vec<Kind> = Kind::RARE.into_iter().filter(|kind| host.lacks(*kind).is_none()).collect();
        let one = usize::try_from(Dice::new(seed).below(rare.len() as u64)).unwrap_or_default();
        let common = Kind::COMMON.into_iter().flat_map(|kind| std::iter::repeat_n(kind, width));
        common.chain(rare.get(one).copied()).collect()
    } else {
        plan.kinds.iter().flat_map(|kind| std::iter::repeat_n(*kind, width)).collect()
    };
    let short = matches!(cell.fault.act, Act::Pause { .. }) || cell.fault.twist == Twist::Frozen;
    let lease = if short { SHORTEST_LEASE } else { plan.lease };
    Play { cell, seed, kinds, lease }
}

/// Books what was played.
fn enter(desk: &Mutex<Desk>, play: &Play, played: Fallible<Vec<crate::verdict::Record>>) {
    let mut desk = sit(desk);
    let name = play.cell.name();
    match played {
        Err(error) => {
            eprintln!("{name}: the harness failed: {error}");
            let command = repeat(play);
            desk.report.failures.push(format!("{name}: {error}; to repeat: {command}"));
        }
        Ok(records) => {
            for record in records {
                desk.tally.add(play.cell, &record);
                if record.is_broken() {
                    let broken = Broken {
                        cell: name.clone(),
                        kind: record.kind.name(),
                        seed: play.seed,
                        ordinary_user: course::is_ordinary(play),
                        problems: record.problems,
                        repeat: repeat(play),
                    };
                    eprintln!(
                        "BROKEN {name} {}: {}; {}",
                        broken.kind,
                        broken.problems.join("; "),
                        broken.repeat
                    );
                    desk.report.broken.push(broken);
                }
            }
        }
    }
}

/// The command that plays it alone.
fn repeat(play: &Play) -> String {
    let width = play.kinds.iter().filter(|kind| **kind == play.kinds[0]).count();
    format!("pikoci-faults --only {} --repeat {} --width {width}", play.cell.name(), play.seed)
}

//! Shims that died with work undone. While the worker lives, it runs their stops and then has their orphans ended; when
//! it is gone, the program is executed anew for that.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use bytes::Bytes;
use nix::unistd::Pid;

use super::orphans::end_orphans_of;
use crate::protocol::ORPHANS_GONE;
use crate::reaper::DEFAULT_PATH;
use crate::sys::cgroup::Place;
use crate::sys::fork::{self, Pointers};
use crate::sys::{descriptors, harden, signals};

/// A replay that ends by a fault is started again, so often in all.
const REPLAYS: u32 = 3;
/// Exit code of a child that could not execute the program.
const NOT_EXECUTED: i32 = 127;

/// A shim that died with work undone.
#[derive(Debug)]
pub struct Lost {
    item: String,
    shim: Pid,
    /// Arguments of the program that runs its stops.
    replay: Vec<Bytes>,
    replayed: u32,
    stage: Stage,
    /// Told when nothing of it is left.
    waiting: Vec<OwnedFd>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its orphans are spared: its stops have not been run.
    Spared,
    Replaying(Pid),
    Ending,
}

impl Lost {
    pub fn new(item: String, shim: Pid, replay: Vec<Bytes>) -> Self {
        Self { item, shim, replay, replayed: 0, stage: Stage::Spared, waiting: Vec::new() }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct LostShims(Vec<Lost>);

impl LostShims {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, lost: Lost) {
        self.0.push(lost);
    }

    /// Whether something is being ended.
    pub fn is_ending(&self) -> bool {
        self.0.iter().any(|lost| lost.stage == Stage::Ending)
    }

    /// Whether one of them led this session.
    pub fn has_session(&self, session: Pid) -> bool {
        self.0.iter().any(|lost| lost.shim == session)
    }

    /// Whether what belongs to nobody must stay, since it may belong to one whose stops have not been run.
    pub fn spares_strays(&self) -> bool {
        self.0.iter().any(|lost| lost.stage != Stage::Ending)
    }

    /// The programs that run stops.
    pub fn replays(&self) -> impl Iterator<Item = Pid> {
        self.0.iter().filter_map(|lost| match lost.stage {
            Stage::Replaying(program) => Some(program),
            _ => None,
        })
    }

    /// The stops of this shim have been run. False: there is none such.
    pub fn end(&mut self, item: &str, shim: Pid, waiting: &mut Vec<OwnedFd>) -> bool {
        let Some(lost) = self.0.iter_mut().find(|lost| lost.shim == shim && lost.item == item) else {
            return false;
        };
        lost.stage = Stage::Ending;
        lost.waiting.append(waiting);
        true
    }

    /// A child has ended: a replay, perhaps.
    pub fn reaped(&mut self, program: Pid, success: bool) {
        for lost in self.0.iter_mut().filter(|lost| lost.stage == Stage::Replaying(program)) {
            let again = !success && lost.replayed < REPLAYS;
            lost.stage = if again { Stage::Spared } else { Stage::Ending };
        }
    }

    /// The worker is gone: what it owed is done from here, except for items on which a shim still works.
    pub fn replay_all_but(&mut self, busy: &BTreeSet<&str>) {
        let owed = |lost: &&mut Lost| lost.stage == Stage::Spared && !busy.contains(lost.item.as_str());
        for lost in self.0.iter_mut().filter(owed) {
            if lost.replay.is_empty() {
                lost.stage = Stage::Ending;
            } else if let Ok(program) = replay(&lost.replay) {
                lost.replayed += 1;
                lost.stage = Stage::Replaying(program);
            }
            // No process is to be had: it is tried again at the next look.
        }
    }

    /// Goes on with the ends that are under way, and forgets those of which nothing is left.
    pub fn go_on(&mut self, place: Option<&Place>, alone: bool) {
        self.0.retain(|lost| {
            if lost.stage != Stage::Ending || end_orphans_of(lost.shim) > 0 {
                return true;
            }
            let number = lost.shim.as_raw().unsigned_abs();
            let cleared = place.is_none_or(|place| place.clear_after(&lost.item, number));
            let gone = cleared && alone;
            if gone {
                lost.waiting.iter().for_each(tell_gone);
            }
            !gone
        });
    }
}

/// A word, so that the end of this process is not taken for it.
fn tell_gone(waiting: &OwnedFd) {
    let _ = nix::unistd::write(waiting, ORPHANS_GONE);
}

/// Executes the program anew, with nothing of this one but its standing in the process tree.
fn replay(arguments: &[Bytes]) -> io::Result<Pid> {
    let text = |bytes: &Bytes| CString::new(&bytes[..]).map_err(io::Error::other);
    let mut argv = vec![c"pikoci".to_owned()];
    for argument in arguments {
        argv.push(text(argument)?);
    }
    let environment = CString::new(format!("PATH={DEFAULT_PATH}")).map_err(io::Error::other)?;
    let (argv, env) = (Pointers::new(argv), Pointers::new(vec![environment]));
    fork::child(|| {
        descriptors::close_all_but(&[]);
        harden::be_as_usual();
        signals::default_everything();
        let _ = fork::exec(c"/proc/self/exe", &argv, &env);
        NOT_EXECUTED
    })
}

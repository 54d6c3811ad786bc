//! The nursery's loop.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::unistd::{Pid, getsid};

use super::lost::{Lost, LostShims};
use crate::protocol::{Exit, Hatch, Request};
use crate::shim::become_shim;
use crate::sys::cgroup::Place;
use crate::sys::harden::ArgumentMemory;
use crate::sys::packet::{self, Received};
use crate::sys::wait::{self, Left};
use crate::sys::{deadline, fork, signals};

/// While something is being ended it is looked at again after this time even if nobody's end was told.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The nursery's belongings.
pub struct Nursery {
    pub worker: Option<OwnedFd>,
    pub children: SignalFd,
    pub place: Option<Place>,
    pub arguments: Option<ArgumentMemory>,
    pub shims: BTreeMap<Pid, Shim>,
    /// A shim that waits for its item.
    pub ready: Option<Ready>,
    /// Shims that died before their work was done.
    pub lost: LostShims,
    /// There may be children that are nobody's: what was kept below a dead shim by a reaper that is dead too.
    pub strays: bool,
    /// Children may have ended of whom no signal tells any more.
    pub behind: bool,
}

/// A shim that has an item.
pub struct Shim {
    item: String,
    replay: Vec<Bytes>,
    /// Its worker has seen that it is dead, before this process has.
    end_asked: Vec<OwnedFd>,
}

/// A shim that waits at the other end of the socket.
pub struct Ready {
    pid: Pid,
    socket: OwnedFd,
}

impl Nursery {
    /// Serves the worker; when it is gone, stays until the last shim has done its work, or another has done it for one
    /// that is dead, and ends what is then left.
    pub fn serve(&mut self) {
        while self.worker.is_some() || !self.shims.is_empty() || !self.lost.is_empty() {
            if self.worker.is_some() && self.ready.is_none() {
                self.ready = self.fork_shim().ok();
            }
            self.sleep();
            signals::drain(&self.children);
            self.reap();
            self.hear_worker();
            self.look_after_the_lost();
        }
        self.end_everything();
    }

    /// Kills what is left until there is no child. One signal may tell of several ends, so all of them are taken away
    /// before the next is awaited.
    fn end_everything(&mut self) {
        self.ready = None;
        loop {
            match wait::reap_some(|_, _| {}) {
                Left::NoChild => break,
                Left::More => wait::kill_children(),
                Left::Running => {
                    wait::kill_children();
                    let mut ends = [PollFd::new(self.children.as_fd(), PollFlags::POLLIN)];
                    let _ = poll(&mut ends, deadline::timeout(Some(Instant::now() + LOOK_AGAIN)));
                    signals::drain(&self.children);
                }
            }
        }
    }

    fn sleep(&self) {
        let mut watched = vec![PollFd::new(self.children.as_fd(), PollFlags::POLLIN)];
        watched.extend(self.worker.as_ref().map(|worker| PollFd::new(worker.as_fd(), PollFlags::POLLIN)));
        let owes = self.worker.is_none() && !self.lost.is_empty();
        let waits = owes || self.lost.is_ending() || self.strays && !self.lost.spares_strays();
        let pause = if self.behind { Duration::ZERO } else { LOOK_AGAIN };
        let until = (waits || self.behind).then(|| Instant::now() + pause);
        let _ = poll(&mut watched, deadline::timeout(until));
    }

    fn reap(&mut self) {
        self.behind = wait::reap_some(|pid, exit| self.on_end(pid, exit)) == Left::More;
    }

    fn on_end(&mut self, child: Pid, exit: Exit) {
        self.lost.reaped(child, exit.is_success());
        let Some(mut shim) = self.shims.remove(&child).filter(|_| !exit.is_success()) else { return };
        self.strays = true;
        if let Some(place) = &self.place {
            place.kill_steps_after(&shim.item, child.as_raw().unsigned_abs());
        }
        self.lost.add(Lost::new(shim.item.clone(), child, shim.replay));
        if !shim.end_asked.is_empty() {
            self.lost.end(&shim.item, child, &mut shim.end_asked);
        }
    }

    fn look_after_the_lost(&mut self) {
        if self.lost.is_empty() && !self.strays {
            return;
        }
        if self.worker.is_none() {
            let busy: BTreeSet<&str> = self.shims.values().map(|shim| shim.item.as_str()).collect();
            self.lost.replay_all_but(&busy);
        }
        let alone = self.lost.spares_strays() || self.kill_strays();
        self.lost.go_on(self.place.as_ref(), alone);
    }

    /// Kills children that are nobody's, and says whether there was none.
    fn kill_strays(&mut self) -> bool {
        let ready = self.ready.as_ref().map(|ready| ready.pid);
        let known: BTreeSet<Pid> =
            self.shims.keys().copied().chain(ready).chain(self.lost.replays()).collect();
        let is_stray = |child: &Pid| {
            !known.contains(child)
                && !getsid(Some(*child)).is_ok_and(|session| self.lost.has_session(session))
        };
        let strays: Vec<Pid> = wait::children().into_iter().filter(is_stray).collect();
        for stray in &strays {
            let _ = kill(*stray, Signal::SIGKILL);
        }
        self.strays = !strays.is_empty();
        strays.is_empty()
    }

    fn hear_worker(&mut self) {
        while let Some(worker) = &self.worker {
            match packet::receive(worker) {
                Ok(Received::Message(Request::Hatch(hatch), descriptors)) => self.hatch(hatch, &descriptors),
                Ok(Received::Message(Request::EndOrphans { item, shim }, waiting)) => {
                    self.end_orphans(&item, Pid::from_raw(shim), waiting);
                }
                // The worker sees the descriptor of a refused request close.
                Ok(Received::Refused(_)) => {}
                Ok(Received::Nothing) => return,
                Ok(Received::Closed) | Err(_) => self.lose_worker(),
            }
        }
    }

    /// The shims see for themselves that their worker is gone, unless somebody has stopped them.
    fn lose_worker(&mut self) {
        self.worker = None;
        self.shims.keys().for_each(|shim| wait::resume(*shim));
    }

    /// Gives the item to the shim that is ready, or else to a new one. If neither can be had, the worker sees its
    /// descriptor close.
    fn hatch(&mut self, hatch: Hatch, descriptors: &[OwnedFd]) {
        let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let give = |shim: &Ready| packet::send(&shim.socket, &hatch, &descriptors).is_ok();
        let ready = self.ready.take().filter(give);
        let shim = ready.or_else(|| self.fork_shim().ok().filter(give));
        let Hatch { item, replay, .. } = hatch;
        self.shims.extend(shim.map(|shim| (shim.pid, Shim { item, replay, end_asked: Vec::new() })));
    }

    fn end_orphans(&mut self, item: &str, shim: Pid, mut waiting: Vec<OwnedFd>) {
        if self.lost.end(item, shim, &mut waiting) {
            return;
        }
        match self.shims.get_mut(&shim).filter(|known| known.item == item) {
            Some(known) => known.end_asked.append(&mut waiting),
            // One of an earlier nursery: its orphans are not here, its control groups are.
            None => {
                self.lost.add(Lost::new(item.to_owned(), shim, Vec::new()));
                self.lost.end(item, shim, &mut waiting);
            }
        }
    }

    fn fork_shim(&self) -> io::Result<Ready> {
        let (socket, nursery) = packet::pair()?;
        let (place, arguments) = (self.place.clone(), self.arguments);
        let pid = fork::child(|| become_shim(nursery, place, arguments))?;
        Ok(Ready { pid, socket })
    }
}

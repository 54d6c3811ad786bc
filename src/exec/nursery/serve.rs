//! The nursery's loop.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;

use crate::protocol::{Hatch, Request};
use crate::shim::become_shim;
use crate::sys::cgroup::Place;
use crate::sys::harden::ArgumentMemory;
use crate::sys::packet::{self, Received};
use crate::sys::wait::{self, Reaped};
use crate::sys::{deadline, fork, signals};

/// The nursery's belongings.
pub struct Nursery {
    pub worker: Option<OwnedFd>,
    pub children: SignalFd,
    pub place: Option<Place>,
    pub arguments: Option<ArgumentMemory>,
    /// The shims and their items.
    pub shims: BTreeMap<Pid, String>,
    /// A shim that waits for its item.
    pub ready: Option<Ready>,
    /// Items whose shim died before its work was done, with its number, as long as their control groups stand.
    pub orphaned: Vec<(String, u32)>,
}

/// A shim that waits at the other end of the socket.
pub struct Ready {
    pid: Pid,
    socket: OwnedFd,
}

impl Nursery {
    /// Serves the worker; when it is gone, stays until the last shim has done its work, and ends what is then left.
    pub fn serve(&mut self) {
        while self.worker.is_some() || !self.shims.is_empty() {
            if self.worker.is_some() && self.ready.is_none() {
                self.ready = self.fork_shim().ok();
            }
            self.sleep();
            signals::drain(&self.children);
            self.reap();
            self.hear_worker();
        }
        self.end_orphans();
    }

    /// Kills what is left until there is no child. One signal may tell of several ends, so all of them are taken away
    /// before the next is awaited.
    fn end_orphans(&mut self) {
        loop {
            match wait::reap_any() {
                Reaped::NoChild => break,
                Reaped::One(..) => {}
                Reaped::Running => {
                    wait::kill_children();
                    let mut ends = [PollFd::new(self.children.as_fd(), PollFlags::POLLIN)];
                    let _ = poll(&mut ends, deadline::timeout(None));
                    signals::drain(&self.children);
                }
            }
        }
        self.clear_orphaned();
    }

    fn sleep(&self) {
        let mut watched = vec![PollFd::new(self.children.as_fd(), PollFlags::POLLIN)];
        watched.extend(self.worker.as_ref().map(|worker| PollFd::new(worker.as_fd(), PollFlags::POLLIN)));
        let _ = poll(&mut watched, deadline::timeout(None));
    }

    fn reap(&mut self) {
        while let Reaped::One(pid, exit) = wait::reap_any() {
            let shim = self.shims.remove(&pid).filter(|_| !exit.is_success());
            self.orphaned.extend(shim.map(|item| (item, pid.as_raw().unsigned_abs())));
        }
        // The reapers of a dead shim end what they keep and are reaped here, so this is looked at again then.
        self.clear_orphaned();
    }

    fn clear_orphaned(&mut self) {
        if let Some(place) = &self.place {
            self.orphaned.retain(|(item, shim)| !place.clear_after(item, *shim));
        }
    }

    fn hear_worker(&mut self) {
        while let Some(worker) = &self.worker {
            match packet::receive(worker) {
                Ok(Received::Message(Request::Hatch(hatch), descriptors)) => self.hatch(&hatch, &descriptors),
                // The worker sees the descriptor of a refused request close.
                Ok(Received::Message(Request::EndOrphans { .. }, _) | Received::Refused(_)) => {}
                Ok(Received::Nothing) => return,
                Ok(Received::Closed) | Err(_) => self.worker = None,
            }
        }
    }

    /// Gives the item to the shim that is ready, or else to a new one. If neither can be had, the worker sees its
    /// descriptor close.
    fn hatch(&mut self, hatch: &Hatch, descriptors: &[OwnedFd]) {
        let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let give = |shim: &Ready| packet::send(&shim.socket, hatch, &descriptors).is_ok();
        let ready = self.ready.take().filter(give);
        let shim = ready.or_else(|| self.fork_shim().ok().filter(give));
        self.shims.extend(shim.map(|shim| (shim.pid, hatch.item.clone())));
    }

    fn fork_shim(&self) -> io::Result<Ready> {
        let (socket, nursery) = packet::pair()?;
        let (place, arguments) = (self.place.clone(), self.arguments);
        let pid = fork::child(|| become_shim(nursery, place, arguments))?;
        Ok(Ready { pid, socket })
    }
}

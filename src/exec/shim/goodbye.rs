//! The end of a shim: its lock says that all is done, lock and slot are free, and the worker is told.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::stat::fstat;

use super::serve::Shim;
use crate::journal;
use crate::protocol::{Event, Hatch};
use crate::sys::deadline;

/// A worker that does not take the last words by now does not hear them; the lock tells the same.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// Whoever held the lock before may be dying: its sockets close before its lock is free.
const LOCK_WITHIN: Duration = Duration::from_millis(200);
const LOCK_AGAIN: Duration = Duration::from_millis(2);

/// What is free again exactly when nothing is left of the item. The lock file is opened once and this is its only
/// descriptor here: closing any other would free the lock.
pub struct Held {
    lock: Option<OwnedFd>,
    _slot: Option<OwnedFd>,
}

/// Why an item cannot be had.
pub enum Refusal {
    /// Another process holds the lock.
    Busy,
    /// Descriptors are missing, or the system refuses.
    Failed,
}

impl Held {
    /// Takes what came along with the request, its control socket first.
    pub fn take(hatch: &Hatch, descriptors: &mut impl Iterator<Item = OwnedFd>) -> Result<Self, Refusal> {
        let mut next = |wanted: bool| match wanted {
            true => descriptors.next().map(Some).ok_or(Refusal::Failed),
            false => Ok(None),
        };
        let (lock, slot) = (next(hatch.lock)?, next(hatch.slot)?);
        if let Some(lock) = &lock {
            wait_for_lock(lock)?;
        }
        let held = Self { lock, _slot: slot };
        if held.lock.as_ref().is_some_and(|lock| fstat(lock).is_ok_and(|found| found.st_size > 0)) {
            // What an earlier shim has written is not true any more, from the first moment on.
            held.mark_running();
        }
        Ok(held)
    }

    /// Writes what is as long as the mark of completion: with a place on the disk, that can be written whatever comes.
    pub fn mark_running(&self) {
        if let Some(lock) = &self.lock {
            let _ = journal::mark_running(lock);
        }
    }

    fn release(self) {
        if let Some(lock) = &self.lock {
            let _ = journal::mark_complete(lock);
        }
    }
}

fn wait_for_lock(lock: &OwnedFd) -> Result<(), Refusal> {
    let until = Instant::now() + LOCK_WITHIN;
    loop {
        match journal::take_lock(lock) {
            Ok(true) => return Ok(()),
            Ok(false) if Instant::now() >= until => return Err(Refusal::Busy),
            Ok(false) => std::thread::sleep(LOCK_AGAIN),
            Err(_) => return Err(Refusal::Failed),
        }
    }
}

impl Shim {
    /// The last words, told when lock and slot are free: whoever hears them may take both at once. The groups are gone
    /// before: a replay that hears the last words may end at once, and its shim with it.
    pub(super) fn say_goodbye(mut self) {
        drop(self.groups.take());
        if let Some(held) = self.held.take() {
            held.release();
        }
        self.say(Event::Empty);
        let until = Instant::now() + LAST_WORDS;
        loop {
            self.flush();
            if self.outbox.is_empty() || Instant::now() >= until {
                return;
            }
            let mut watched = [PollFd::new(self.control.as_fd(), PollFlags::POLLOUT)];
            let _ = poll(&mut watched, deadline::timeout(Some(until)));
        }
    }
}

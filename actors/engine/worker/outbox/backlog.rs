//! Where the events are that nobody has acknowledged: a decision without effects.
//!
//! In order of their numbers: those *near*, in memory, which may be sent; those *far*, on disk; those that *wait* in memory
//! for room in one of the two. While the tracker listens nothing goes to the disk: who prints faster than it stores waits,
//! and the log stays live. When nobody takes anything for a while, what waits goes there, so that the build goes on.

use std::collections::VecDeque;
use std::time::Duration;

use pikoci_model::build::BuildEvent;
use pikoci_model::message::Numbered;

/// What an event costs in memory beside its log bytes.
const OVERHEAD: usize = 256;
/// Bytes of log that wait at most; then readers do.
pub(super) const WAITING: usize = 256 * 1024;
/// What waits goes to the disk when nothing near has been acknowledged for so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    acknowledged: u64,
    near: Queue,
    far: u64,
    waiting: Queue,
    /// The first so many of those that wait are being written.
    leaving: usize,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Numbered>,
    weight: usize,
}

/// What is to be done with the disk.
#[derive(Debug, PartialEq)]
pub(super) enum Move {
    /// These go there; [`Backlog::left`] or [`Backlog::stayed`] follows.
    Out(Vec<Numbered>),
    /// So many bytes of the oldest there come back; [`Backlog::came`] follows.
    In(usize),
}

impl Queue {
    fn push(&mut self, event: Numbered) {
        self.weight += weight(&event.event);
        self.events.push_back(event);
    }

    fn pop(&mut self) -> Option<Numbered> {
        let event = self.events.pop_front()?;
        self.weight -= weight(&event.event);
        Some(event)
    }
}

impl Backlog {
    /// The highest number that was acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The highest number that was given.
    pub(super) fn last(&self) -> u64 {
        self.last_near() + self.far + self.waiting.events.len() as u64
    }

    /// The highest number that may be sent.
    pub(super) fn last_near(&self) -> u64 {
        self.acknowledged + self.near.events.len() as u64
    }

    /// Everything is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.last() == self.acknowledged
    }

    /// Whether something waits for room.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.events.is_empty()
    }

    /// Whether readers must wait as well.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.weight >= WAITING
    }

    /// What may be sent after `number`, in order.
    pub(super) fn after(&self, number: u64) -> impl Iterator<Item = &Numbered> {
        let skip = usize::try_from(number.saturating_sub(self.acknowledged)).unwrap_or(usize::MAX);
        self.near.events.iter().skip(skip)
    }

    /// Appends an event.
    pub(super) fn append(&mut self, event: BuildEvent, window: usize) {
        let event = Numbered { number: self.last() + 1, event };
        if self.far == 0 && !self.is_waiting() && self.near.weight < window {
            self.near.push(event);
        } else {
            self.waiting.push(event);
        }
    }

    /// The events up to `through` are stored; false if that is nothing new, or was never sent.
    pub(super) fn acknowledge(&mut self, through: u64, window: usize) -> bool {
        if through <= self.acknowledged || through > self.last_near() {
            return false;
        }
        while self.acknowledged < through && self.near.pop().is_some() {
            self.acknowledged += 1;
        }
        self.settle(window);
        true
    }

    /// What waits comes near, when nothing is between.
    fn settle(&mut self, window: usize) {
        while self.far == 0 && self.leaving == 0 && self.near.weight < window {
            let Some(event) = self.waiting.pop() else { return };
            self.near.push(event);
        }
    }

    /// What is to be done with the disk now. `impatient`: nobody takes anything, and that for long enough.
    pub(super) fn next_move(&mut self, impatient: bool, window: usize) -> Option<Move> {
        if self.far > 0 && self.near.weight < window / 2 {
            return Some(Move::In(window - self.near.weight));
        }
        if !impatient || !self.is_waiting() {
            return None;
        }
        self.leaving = self.waiting.events.len();
        Some(Move::Out(self.waiting.events.iter().cloned().collect()))
    }

    /// What was to go is on disk.
    pub(super) fn left(&mut self) {
        for _ in 0..std::mem::take(&mut self.leaving) {
            self.waiting.pop();
            self.far += 1;
        }
    }

    /// What was to go could not.
    pub(super) fn stayed(&mut self, window: usize) {
        self.leaving = 0;
        self.settle(window);
    }

    /// These came back; false if they are not the ones that follow.
    #[must_use]
    pub(super) fn came(&mut self, events: Vec<Numbered>, window: usize) -> bool {
        if events.is_empty() {
            return self.far == 0;
        }
        for event in events {
            if self.far == 0 || event.number != self.last_near() + 1 {
                return false;
            }
            self.far -= 1;
            self.near.push(event);
        }
        self.settle(window);
        true
    }

    /// Nobody wants any of it.
    pub(super) fn clear(&mut self) {
        *self = Backlog { acknowledged: self.acknowledged, ..Backlog::default() };
    }
}

/// What an event costs in memory.
pub(super) fn weight(event: &BuildEvent) -> usize {
    match event {
        BuildEvent::Log(chunk) => chunk.bytes.len() + OVERHEAD,
        _ => OVERHEAD,
    }
}

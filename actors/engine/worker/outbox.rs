//! The numbered events of one build on their way to its tracker.
//!
//! Events are numbered from 1 per (build, fence) and kept until the tracker has acknowledged the highest contiguous
//! number; after silence the first of them are sent again, and after longer silence to any server, which adopts the build.
//! Log bytes come straight from the launcher's reader thread; they never pass through a mailbox.
//!
//! What is kept is bounded: a window in memory, and what the operator allows on disk, where it goes when nobody takes
//! anything. Beyond that the reader threads wait: that is the back-pressure to the process. All other events are bounded by
//! the plan, so a build ends, and frees its slot, whether anybody listens or not.

mod backlog;
mod hiding;
mod keeping;
mod memory;
mod sending;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pikoci_model::build::{BuildEvent, ServiceRecord};
use pikoci_model::id::{BuildId, Fence, InstanceId, NodeId};
use pikoci_model::log::Chunk;
use tokio::sync::Notify;

use self::backlog::Backlog;
use self::hiding::Hiding;
use self::keeping::Disk;
pub(crate) use self::memory::Memory;
use self::memory::Share;

/// After this many silences, some six seconds, the tracker counts as gone.
const SILENCES_UNTIL_ADOPTION: u32 = 5;

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    build: BuildId,
    fence: Fence,
    state: Mutex<State>,
    share: Share,
    hiding: Hiding,
    room: Condvar,
    /// Rings when there may be something to send.
    wake: Notify,
    /// Rings when there may be something to move to the disk, or back.
    moved: Notify,
    /// Rings when something is acknowledged, or the claim is void.
    news: Notify,
}

#[derive(Debug)]
struct State {
    tracker: NodeId,
    backlog: Backlog,
    /// The highest number that is on its way.
    sent: u64,
    progress: Instant,
    silences: u32,
    /// What was said of each service last.
    services: BTreeMap<InstanceId, ServiceRecord>,
    disk: Disk,
    /// The last event has been pushed.
    complete: bool,
    /// The claim is void: nothing more is sent, nothing waits.
    void: bool,
}

impl Outbox {
    /// Empty; nothing is sent before [`run`](Self::run).
    pub(crate) fn new(build: BuildId, fence: Fence, tracker: NodeId, memory: &Memory) -> Arc<Self> {
        let state = State {
            tracker,
            backlog: Backlog::default(),
            sent: 0,
            progress: Instant::now(),
            silences: 0,
            services: BTreeMap::new(),
            disk: Disk::default(),
            complete: false,
            void: false,
        };
        Arc::new(Outbox {
            build,
            fence,
            state: Mutex::new(state),
            share: memory.share(),
            hiding: Hiding::default(),
            room: Condvar::new(),
            wake: Notify::new(),
            moved: Notify::new(),
            news: Notify::new(),
        })
    }

    /// Whose events.
    pub(crate) fn build(&self) -> BuildId {
        self.build
    }

    /// Under which claim.
    pub(crate) fn fence(&self) -> Fence {
        self.fence
    }

    /// Appends an event that is not log, as it may be shown. Never waits: their number is bounded by the plan.
    pub(crate) fn push(&self, event: BuildEvent) {
        let event = self.hiding.event(event);
        let last = event.is_last();
        let mut state = self.lock();
        state.complete |= last;
        if let BuildEvent::Service(record) = &event {
            state.services.insert(record.instance, record.clone());
        }
        self.append(&mut state, event);
    }

    /// The number of the event that was pushed last.
    pub(crate) fn pushed(&self) -> u64 {
        self.lock().backlog.last()
    }

    /// Waits until the events up to `through` are stored, or nobody wants them.
    pub(crate) async fn acknowledged(&self, through: u64) {
        loop {
            let news = self.news.notified();
            {
                let state = self.lock();
                if state.void || state.backlog.acknowledged() >= through {
                    return;
                }
            }
            news.await;
        }
    }

    /// What was said of each service last, also what nobody wanted to hear.
    pub(crate) fn services(&self) -> Vec<ServiceRecord> {
        self.lock().services.values().cloned().collect()
    }

    /// Whether its claim is void.
    pub(crate) fn is_void(&self) -> bool {
        self.lock().void
    }

    /// Whether what was kept on disk is lost; then its claim is void for this worker.
    pub(crate) fn is_broken(&self) -> bool {
        self.lock().disk.broken
    }

    /// Appends what `make` makes, at a place that no other chunk can slip into. With `wait` it blocks while
    /// there is no room, so only reader threads may say so.
    pub(crate) fn push_chunk(&self, wait: bool, make: impl FnOnce() -> Option<Chunk>) {
        let mut state = self.lock();
        while wait && state.backlog.is_full() && !state.void {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(chunk) = make() {
            self.append(&mut state, BuildEvent::Log(chunk));
        }
    }

    /// The tracker has the effect of every event up to `through`. Late and repeated acknowledgements do nothing.
    pub(crate) fn acknowledge(&self, through: u64, tracker: &NodeId) {
        let mut state = self.lock();
        if state.tracker != *tracker {
            state.tracker = tracker.clone();
        }
        if !state.backlog.acknowledge(through, self.share.window()) {
            // Nothing new is stored, but somebody listens: there is no need to look for another server.
            state.silences = state.silences.min(SILENCES_UNTIL_ADOPTION - 2);
            return;
        }
        state.silences = 0;
        state.sent = state.sent.max(through);
        state.progress = Instant::now();
        state.disk.stuck = state.backlog.is_waiting().then(Instant::now);
        drop(state);
        self.room.notify_all();
        self.wake.notify_one();
        self.moved.notify_one();
        self.news.notify_waiters();
    }

    /// The server `from` is gone and `to` took its place: what is unacknowledged goes there at once.
    pub(crate) fn redirect(&self, from: &NodeId, to: &NodeId) {
        let mut state = self.lock();
        if state.tracker == *from {
            state.tracker = to.clone();
            state.sent = state.backlog.acknowledged();
            state.silences = 0;
            self.wake.notify_one();
        }
    }

    /// The claim is void: everything kept is thrown away, everybody who waits goes on.
    pub(crate) fn void(&self) {
        let mut state = self.lock();
        state.void = true;
        state.backlog.clear();
        state.disk.stuck = None;
        drop(state);
        self.room.notify_all();
        self.wake.notify_one();
        self.news.notify_waiters();
    }

    fn append(&self, state: &mut State, event: BuildEvent) {
        if state.void {
            return;
        }
        state.backlog.append(event, self.share.window());
        if state.backlog.is_waiting() && state.disk.stuck.is_none() {
            state.disk.stuck = Some(Instant::now());
        }
        if state.disk.stuck.is_some() {
            self.moved.notify_one();
        }
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

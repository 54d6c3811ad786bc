//! The numbered events of one build on their way to its tracker.
//!
//! Events are numbered from 1 per (build, fence) and kept until the tracker has acknowledged the highest contiguous
//! number; after silence they are sent again, and after longer silence to any server, which adopts the build. Log
//! bytes come straight from the launcher's reader thread and wait there while the window is full: that is the
//! back-pressure to the process. They never pass through a mailbox.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pikoci_model::build::{BuildEvent, ServiceRecord};
use pikoci_model::id::{BuildId, Fence, InstanceId, NodeId};
use pikoci_model::log::Chunk;
use pikoci_model::message::{Events, Numbered};
use pikoci_model::port::Address;
use tokio::sync::Notify;

use crate::post::Post;

/// Unacknowledged log bytes at which readers wait: some ten milliseconds of the fastest log.
const WINDOW: usize = 4 * 1024 * 1024;
/// Log bytes of one message.
const BATCH: usize = 1024 * 1024;
/// What an event costs in the window beside its log bytes.
const OVERHEAD: usize = 256;
/// Without progress for this long, what is unacknowledged is sent again; each time after twice as long …
const FIRST_SILENCE: Duration = Duration::from_millis(250);
/// … up to this.
const LONGEST_SILENCE: Duration = Duration::from_secs(2);
/// After this many silences, some six seconds, the tracker counts as gone.
const SILENCES_UNTIL_ADOPTION: u32 = 5;
/// Between two tries to hand something to a bus that refused.
const REFUSED: Duration = Duration::from_millis(200);

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    build: BuildId,
    fence: Fence,
    state: Mutex<State>,
    room: Condvar,
    wake: Notify,
    /// Rings when something is acknowledged, or the claim is void.
    news: Notify,
}

#[derive(Debug)]
struct State {
    tracker: NodeId,
    /// Events after `acknowledged`, in order.
    queue: VecDeque<Numbered>,
    acknowledged: u64,
    sent: u64,
    weight: usize,
    progress: Instant,
    silences: u32,
    /// What was said of each service last.
    services: BTreeMap<InstanceId, ServiceRecord>,
    /// The last event has been pushed.
    complete: bool,
    /// The claim is void: nothing more is sent, nothing waits.
    void: bool,
}

impl Outbox {
    /// Empty; nothing is sent before [`run`](Self::run).
    pub(crate) fn new(build: BuildId, fence: Fence, tracker: NodeId) -> Arc<Self> {
        let state = State {
            tracker,
            queue: VecDeque::new(),
            acknowledged: 0,
            sent: 0,
            weight: 0,
            progress: Instant::now(),
            silences: 0,
            services: BTreeMap::new(),
            complete: false,
            void: false,
        };
        Arc::new(Outbox {
            build,
            fence,
            state: Mutex::new(state),
            room: Condvar::new(),
            wake: Notify::new(),
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

    /// Appends an event that is not log. Never waits: their number is bounded by the plan.
    pub(crate) fn push(&self, event: BuildEvent) {
        let last = event.is_last();
        let mut state = self.lock();
        state.complete |= last;
        if let BuildEvent::Service(record) = &event {
            state.services.insert(record.instance, record.clone());
        }
        self.append(&mut state, event, 0);
    }

    /// The number of the event that was pushed last.
    pub(crate) fn pushed(&self) -> u64 {
        let state = self.lock();
        state.acknowledged + state.queue.len() as u64
    }

    /// Waits until the events up to `through` are stored, or nobody wants them.
    pub(crate) async fn acknowledged(&self, through: u64) {
        loop {
            let news = self.news.notified();
            {
                let state = self.lock();
                if state.void || state.acknowledged >= through {
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

    /// Appends what `make` makes, at a place that no other chunk can slip into. With `wait` it blocks while the
    /// window is full, so only reader threads may say so.
    pub(crate) fn push_chunk(&self, wait: bool, make: impl FnOnce() -> Option<Chunk>) {
        let mut state = self.lock();
        while wait && state.weight >= WINDOW && !state.void {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(chunk) = make() {
            let bytes = chunk.bytes.len();
            self.append(&mut state, BuildEvent::Log(chunk), bytes);
        }
    }

    /// The tracker has the effect of every event up to `through`. Late and repeated acknowledgements do nothing.
    pub(crate) fn acknowledge(&self, through: u64, tracker: &NodeId) {
        let mut state = self.lock();
        if state.tracker != *tracker {
            state.tracker = tracker.clone();
        }
        let highest = state.acknowledged + state.queue.len() as u64;
        if through <= state.acknowledged || through > highest {
            // Nothing new is stored, but somebody listens: there is no need to look for another server.
            state.silences = state.silences.min(SILENCES_UNTIL_ADOPTION - 2);
            return;
        }
        state.silences = 0;
        let count = usize::try_from(through - state.acknowledged).unwrap_or(usize::MAX);
        let freed: usize = state.queue.drain(..count).map(|numbered| weight(&numbered.event)).sum();
        state.weight -= freed;
        state.acknowledged = through;
        state.sent = state.sent.max(through);
        state.progress = Instant::now();
        drop(state);
        self.room.notify_all();
        self.wake.notify_one();
        self.news.notify_waiters();
    }

    /// The server `from` is gone and `to` took its place: what is unacknowledged goes there at once.
    pub(crate) fn redirect(&self, from: &NodeId, to: &NodeId) {
        let mut state = self.lock();
        if state.tracker == *from {
            state.tracker = to.clone();
            state.sent = state.acknowledged;
            state.silences = 0;
            self.wake.notify_one();
        }
    }

    /// The claim is void: everything kept is thrown away, everybody who waits goes on.
    pub(crate) fn void(&self) {
        let mut state = self.lock();
        state.void = true;
        state.queue.clear();
        state.weight = 0;
        drop(state);
        self.room.notify_all();
        self.wake.notify_one();
        self.news.notify_waiters();
    }

    /// Sends until done. One task of this kind runs for each outbox.
    pub(crate) async fn run(self: Arc<Self>, post: Post) {
        loop {
            let (to, acknowledged, events) = match self.next_batch() {
                Next::Done => return,
                Next::Wait(patience) => {
                    // Either way the state decides what happens next.
                    let _ = tokio::time::timeout(patience, self.wake.notified()).await;
                    continue;
                }
                Next::Send(to, acknowledged, events) => (to, acknowledged, events),
            };
            let message = Events { build: self.build, fence: self.fence, acknowledged, events };
            if let Err(error) = post.deliver(&to, &message).await {
                tracing::debug!(build = %self.build, "events not sent: {error}");
                self.rewind();
                let _ = tokio::time::timeout(REFUSED, self.wake.notified()).await;
            }
        }
    }

    fn next_batch(&self) -> Next {
        let mut state = self.lock();
        if state.void || (state.complete && state.queue.is_empty()) {
            return Next::Done;
        }
        let silence = FIRST_SILENCE.saturating_mul(1 << state.silences.min(8)).min(LONGEST_SILENCE);
        let waited = state.progress.elapsed();
        if state.sent > state.acknowledged && waited >= silence {
            state.sent = state.acknowledged;
            state.silences += 1;
            state.progress = Instant::now();
        }
        let skip = usize::try_from(state.sent - state.acknowledged).unwrap_or(usize::MAX);
        if skip >= state.queue.len() {
            let patience =
                if state.queue.is_empty() { LONGEST_SILENCE } else { silence.saturating_sub(waited) };
            return Next::Wait(patience.max(Duration::from_millis(1)));
        }
        if skip == 0 {
            state.progress = Instant::now();
        }
        let mut bytes = 0;
        let batch: Vec<Numbered> = state
            .queue
            .iter()
            .skip(skip)
            .take_while(|numbered| {
                let first = bytes == 0;
                bytes += weight(&numbered.event);
                first || bytes <= BATCH
            })
            .cloned()
            .collect();
        state.sent += batch.len() as u64;
        let to = match state.silences {
            0..SILENCES_UNTIL_ADOPTION => Address::Node(state.tracker.clone()),
            _ => Address::AnyServer,
        };
        Next::Send(to, state.acknowledged, batch)
    }

    fn rewind(&self) {
        let mut state = self.lock();
        state.sent = state.acknowledged;
    }

    fn append(&self, state: &mut State, event: BuildEvent, bytes: usize) {
        if state.void {
            return;
        }
        let number = state.acknowledged + state.queue.len() as u64 + 1;
        state.weight += bytes + OVERHEAD;
        state.queue.push_back(Numbered { number, event });
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Next {
    Send(Address, u64, Vec<Numbered>),
    Wait(Duration),
    Done,
}

fn weight(event: &BuildEvent) -> usize {
    match event {
        BuildEvent::Log(chunk) => chunk.bytes.len() + OVERHEAD,
        _ => OVERHEAD,
    }
}

#[cfg(test)]
mod tests;

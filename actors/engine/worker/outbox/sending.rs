//! Sending what is near, again and again until it is acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pikoci_model::message::{Events, Numbered};
use pikoci_model::port::{Address, Workplace};

use super::backlog::weight;
use super::{Outbox, SILENCES_UNTIL_ADOPTION};
use crate::post::Post;

/// Log bytes of one message.
pub(super) const BATCH: usize = 1024 * 1024;
/// While nobody answers, only the first so many bytes are repeated.
pub(super) const QUESTION: usize = 64 * 1024;
/// Without progress for this long, what is unacknowledged is sent again; each time after twice as long …
const FIRST_SILENCE: Duration = Duration::from_millis(250);
/// … up to this.
const LONGEST_SILENCE: Duration = Duration::from_secs(2);
/// Between two tries to hand something to a bus that refused.
const REFUSED: Duration = Duration::from_millis(200);

pub(super) enum Next {
    Send(Address, u64, Vec<Numbered>),
    Wait(Duration),
    Done,
}

impl Outbox {
    /// Sends until done, and keeps on disk meanwhile what nobody takes. One task of this kind runs for each outbox.
    pub(crate) async fn run(self: Arc<Self>, post: Post, workplace: Arc<dyn Workplace>) {
        tokio::select! {
            () = self.send(post) => {}
            () = self.keep(workplace) => {}
        }
    }

    async fn send(&self, post: Post) {
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

    pub(super) fn next_batch(&self) -> Next {
        let mut state = self.lock();
        if state.void || (state.complete && state.backlog.is_empty()) {
            return Next::Done;
        }
        let acknowledged = state.backlog.acknowledged();
        let silence = FIRST_SILENCE.saturating_mul(1 << state.silences.min(8)).min(LONGEST_SILENCE);
        let waited = state.progress.elapsed();
        if state.sent > acknowledged && waited >= silence {
            state.sent = acknowledged;
            state.silences += 1;
            state.progress = Instant::now();
        }
        // A question that is out waits for its answer.
        let asked = state.silences > 0 && state.sent > acknowledged;
        if asked || state.sent >= state.backlog.last_near() {
            let patience =
                if state.sent > acknowledged { silence.saturating_sub(waited) } else { LONGEST_SILENCE };
            return Next::Wait(patience.max(Duration::from_millis(1)));
        }
        if state.sent == acknowledged {
            state.progress = Instant::now();
        }
        let most = if state.silences > 0 { QUESTION } else { BATCH };
        let mut bytes = 0;
        let fits = |numbered: &&Numbered| {
            let first = bytes == 0;
            bytes += weight(&numbered.event);
            first || bytes <= most
        };
        let batch: Vec<Numbered> = state.backlog.after(state.sent).take_while(fits).cloned().collect();
        state.sent += batch.len() as u64;
        let to = match state.silences {
            0..SILENCES_UNTIL_ADOPTION => Address::Node(state.tracker.clone()),
            _ => Address::AnyServer,
        };
        Next::Send(to, acknowledged, batch)
    }

    /// The bus took nothing. What it is asked to take next is little.
    pub(super) fn rewind(&self) {
        let mut state = self.lock();
        state.silences = state.silences.max(1);
        state.sent = state.backlog.acknowledged();
    }
}

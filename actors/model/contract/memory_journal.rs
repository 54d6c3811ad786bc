//! A journal in memory: says what a test has it say, and remembers what was stored.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::{StreamExt as _, channel::mpsc};

use crate::{
    id::InstanceId,
    port::{Journal, LeftBehind},
};

/// See the module.
pub struct MemoryJournal {
    say: mpsc::UnboundedSender<LeftBehind>,
    said: futures::lock::Mutex<mpsc::UnboundedReceiver<LeftBehind>>,
    stored: Mutex<Vec<InstanceId>>,
}

impl MemoryJournal {
    /// One that still looks: it says nothing by itself.
    pub fn recovering() -> Self {
        let (say, said) = mpsc::unbounded();
        Self { say, said: futures::lock::Mutex::new(said), stored: Mutex::default() }
    }

    /// One that found nothing: work may be taken.
    pub fn ready() -> Self {
        let journal = Self::recovering();
        journal.say(LeftBehind::Ready);
        journal
    }

    /// Has it say this next.
    pub fn say(&self, left: LeftBehind) {
        // The receiver lives as long as the sender.
        let _ = self.say.unbounded_send(left);
    }

    /// The instances whose reports were stored, in order.
    pub fn stored_instances(&self) -> Vec<InstanceId> {
        self.stored_list().clone()
    }

    fn stored_list(&self) -> MutexGuard<'_, Vec<InstanceId>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn next(&self) -> Option<LeftBehind> {
        self.said.lock().await.next().await
    }

    fn stored(&self, instances: &[InstanceId]) {
        self.stored_list().extend_from_slice(instances);
    }
}

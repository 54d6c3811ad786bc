//! What a host in memory has and remembers.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use futures::channel::oneshot;

use super::launcher::MemoryItem;
use crate::port::LeaseEnd;

/// See the module. Cloning shares the host.
#[derive(Clone, Default)]
pub struct MemoryHost(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    story: Vec<String>,
    waiting: Vec<(String, oneshot::Sender<()>)>,
    pub workdirs: BTreeSet<PathBuf>,
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    pub slots: BTreeMap<String, BTreeSet<u32>>,
    pub caches: BTreeMap<PathBuf, Arc<futures::lock::Mutex<()>>>,
    pub directories: u64,
    pub ports: u16,
    pub engine: bool,
    /// How often `fail-times` ran, by its words.
    pub runs: BTreeMap<String, u32>,
    pub programs: BTreeSet<String>,
    pub items: Vec<Weak<MemoryItem>>,
    pub lease: Option<LeaseEnd>,
    settled: Vec<String>,
    pub spill: SpillRoom,
}

/// What its spills have, all together.
#[derive(Default)]
pub(super) struct SpillRoom {
    /// None: as much as they like.
    pub limit: Option<usize>,
    pub used: usize,
    pub broken: bool,
}

impl MemoryHost {
    /// A host without a container engine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a container engine answers.
    pub fn set_engine(&self, answers: bool) {
        self.state().engine = answers;
    }

    /// Installs a program, for `find_program`.
    pub fn install(&self, name: &str) {
        self.state().programs.insert(name.to_owned());
    }

    /// What happened, in order.
    pub fn story(&self) -> Vec<String> {
        self.state().story.clone()
    }

    /// Work directories that exist.
    pub fn workdirs(&self) -> usize {
        self.state().workdirs.len()
    }

    /// The shim of this item is gone, and every process of it.
    pub fn lose_shim(&self, item: &str) {
        let items = self.items();
        items.iter().filter(|open| open.name() == item).for_each(|open| open.lose());
    }

    /// Somebody kills the running processes of this step.
    pub fn kill(&self, step: &str) {
        self.items().iter().for_each(|item| item.kill(step));
    }

    /// The running processes of this step end by themselves, without a fault.
    pub fn finish(&self, step: &str) {
        self.items().iter().for_each(|item| item.finish(step));
    }

    /// Its spills hold so many bytes, all together.
    pub fn set_spill_limit(&self, bytes: usize) {
        self.state().spill.limit = Some(bytes);
    }

    /// Its spills give nothing back any more.
    pub fn break_spills(&self) {
        self.state().spill.broken = true;
    }

    /// Bytes that its spills hold.
    pub fn spilled(&self) -> usize {
        self.state().spill.used
    }

    /// What hung in the kernel lets go.
    pub fn unstick(&self) {
        self.items().iter().for_each(|item| item.unstick());
    }

    /// The end of the lease that it was told last.
    pub fn lease_end(&self) -> Option<LeaseEnd> {
        self.state().lease
    }

    /// Items that may be forgotten, in order.
    pub fn settled_items(&self) -> Vec<String> {
        self.state().settled.clone()
    }

    fn items(&self) -> Vec<Arc<MemoryItem>> {
        self.state().items.iter().filter_map(Weak::upgrade).collect()
    }

    pub(super) fn settled(&self, item: &str) {
        self.state().settled.push(item.to_owned());
    }

    /// Resolves once a line of the story is `line`, now or later.
    pub async fn happens(&self, line: &str) {
        let wait = {
            let mut state = self.state();
            if state.story.iter().any(|told| told == line) {
                return;
            }
            let (wake, wait) = oneshot::channel();
            state.waiting.push((line.to_owned(), wake));
            wait
        };
        // A host that is dropped never tells it; then nobody waits either.
        let _ = wait.await;
    }

    pub(super) fn tell(&self, line: String) {
        let mut state = self.state();
        let (woken, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.waiting).into_iter().partition(|(l, _)| *l == line);
        state.waiting = rest;
        state.story.push(line);
        drop(state);
        for (_, wake) in woken {
            // A receiver that is gone does not wait any more.
            let _ = wake.send(());
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

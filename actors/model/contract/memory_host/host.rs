//! What a host in memory has and remembers.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::channel::oneshot;

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
    pub programs: BTreeSet<String>,
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

//! `BUILD_SLOT` in memory.

use super::MemoryHost;

/// Gives its number back when dropped.
pub(super) struct Slot {
    host: MemoryHost,
    job: String,
    number: u32,
}

impl Slot {
    /// Takes the smallest number that no other item of the job has.
    pub fn take(host: &MemoryHost, job: &str) -> Self {
        let mut state = host.state();
        let taken = state.slots.entry(job.to_owned()).or_default();
        let number = (0..).find(|slot| !taken.contains(slot)).unwrap_or(0);
        taken.insert(number);
        Self { host: host.clone(), job: job.to_owned(), number }
    }

    pub fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(taken) = self.host.state().slots.get_mut(&self.job) {
            taken.remove(&self.number);
        }
    }
}

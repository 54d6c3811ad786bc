//! The memory that the outboxes of one worker share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that all windows of a worker have together, as long as each has the least …
const TOGETHER: usize = 8 * 1024 * 1024;
/// … and no more than this: some ten milliseconds of the fastest log.
pub(super) const LARGEST: usize = 4 * 1024 * 1024;
const LEAST: usize = 256 * 1024;

/// Counts who shares.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<AtomicUsize>);

/// The part of one outbox; it goes to the others when it is dropped.
#[derive(Debug)]
pub(super) struct Share(Memory);

impl Memory {
    pub(super) fn share(&self) -> Share {
        self.0.fetch_add(1, Ordering::Relaxed);
        Share(self.clone())
    }
}

impl Share {
    /// Unacknowledged bytes that are kept in memory.
    pub(super) fn window(&self) -> usize {
        (TOGETHER / self.0.0.load(Ordering::Relaxed).max(1)).clamp(LEAST, LARGEST)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_of_any_size_has_some_megabytes() {
        let memory = Memory::default();
        let first = memory.share();
        assert_eq!(first.window(), LARGEST);
        let others: Vec<Share> = (0..7).map(|_| memory.share()).collect();
        assert_eq!(first.window(), 1024 * 1024);
        let crowd: Vec<Share> = (0..100).map(|_| memory.share()).collect();
        assert_eq!(first.window(), LEAST);
        drop((others, crowd));
        assert_eq!(first.window(), LARGEST);
    }
}

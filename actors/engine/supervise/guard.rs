//! The death guard: made before the factory runs, it reports exactly once that an incarnation has ended.

use std::fmt;

use super::exit::Exit;

/// Calls its notice once: with the exit it was closed with, or with [`Exit::Dropped`] when it is dropped open.
pub(super) struct Guard {
    notice: Option<Box<dyn FnOnce(Exit) + Send>>,
}

impl Guard {
    /// `notice` must not panic: it may run while a thread is torn down.
    pub(super) fn new(notice: impl FnOnce(Exit) + Send + 'static) -> Self {
        Guard { notice: Some(Box::new(notice)) }
    }

    pub(super) fn close(&mut self, exit: Exit) {
        if let Some(notice) = self.notice.take() {
            notice(exit);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.close(Exit::Dropped);
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("open", &self.notice.is_some()).finish()
    }
}

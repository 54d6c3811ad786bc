//! "Why does my build not run?"

use crate::{build::Waiting, id::BuildId};

/// Answers from what the dispatcher holds in memory; costs no read of the store.
pub trait Waits: Send + Sync + 'static {
    /// Why this queued build has not been started; `None` if it is not queued here, or is being offered right now.
    fn waiting(&self, build: BuildId) -> Option<Waiting>;
}

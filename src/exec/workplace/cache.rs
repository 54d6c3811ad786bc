//! Exclusive use of cache directories.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Mutex as Lock;

/// Locks of cache directories, by path. Entries stay: there is one per resource of this worker.
#[derive(Default)]
pub(super) struct CacheLocks {
    locks: Mutex<HashMap<PathBuf, Arc<Lock<()>>>>,
}

impl CacheLocks {
    /// Waits for the directory; free again when the guard is dropped.
    pub(super) async fn lock(&self, dir: &Path) -> Box<dyn Send + Sync> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(dir.to_owned()).or_default())
        };
        Box::new(lock.lock_owned().await)
    }
}

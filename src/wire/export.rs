//! A copy of the whole database, made beside the running server.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use pikoci_store::SqlStore;
use pikoci_web::{Export, ExportError, Exported};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Makes copies below `state_dir`, one at a time; what a killed server left there is removed.
pub fn exports(store: Arc<SqlStore>, state_dir: &Path) -> Export {
    let directory = state_dir.join("export");
    let turn = Arc::new(Mutex::new(()));
    Arc::new(move || {
        let (store, directory, turn) = (Arc::clone(&store), directory.clone(), Arc::clone(&turn));
        Box::pin(async move {
            let turn = turn.try_lock_owned().map_err(|_| ExportError::Busy)?;
            let place =
                Place::make(directory, turn).map_err(|error| ExportError::Failed(error.to_string()))?;
            let files = store.export(&place.directory.join("pikoci.db")).await;
            let files = files.map_err(|error| ExportError::Failed(error.to_string()))?;
            Ok(Exported { files: files.into(), guard: Box::new(place) })
        })
    })
}

/// A directory that goes when this is dropped.
struct Place {
    directory: PathBuf,
    _turn: OwnedMutexGuard<()>,
}

impl Place {
    fn make(directory: PathBuf, turn: OwnedMutexGuard<()>) -> std::io::Result<Self> {
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        Ok(Self { directory, _turn: turn })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The next one removes what stays.
        fs::remove_dir_all(&self.directory).ok();
    }
}

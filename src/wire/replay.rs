//! The journal for the commands that look at it.

use std::{path::Path, sync::Arc};

use pikoci_exec::{
    LauncherSettings, NurseryLauncher,
    journal::{ItemView, StateDirectory},
    replay_now,
};

use super::{
    Nursery,
    worker::{NURSERY_COMMAND, open_state},
};

/// The journal in this directory.
///
/// # Errors
/// It cannot be made, or is not ours alone.
pub fn journal(directory: &Path) -> Result<Arc<StateDirectory>, String> {
    open_state(directory)
}

/// Runs what is owed of one item, or of all; says how they stand.
///
/// # Errors
/// The journal cannot be read.
pub fn replay(
    state: &Arc<StateDirectory>,
    nursery: Nursery,
    item: Option<&str>,
    wait: bool,
) -> Result<Vec<ItemView>, String> {
    super::harden();
    super::in_system(async {
        let launcher =
            NurseryLauncher::new(nursery, LauncherSettings::new(NURSERY_COMMAND, Arc::clone(state)));
        replay_now(&launcher, item, wait).await.map_err(|error| error.to_string())
    })
}

//! A replay that a person or a supervisor asks for, beside whatever else works on the same directory.

use futures::future::join_all;

use super::once::{Attempt, attempt};
use crate::client::launcher::NurseryLauncher;
use crate::client::off_thread::off_thread;
use crate::journal::{ItemView, JournalError};

/// Runs what is owed of one item, or of all, once with its tries, and says how they stand. With `wait` it also waits for
/// the shims that work on them.
///
/// # Errors
/// The journal cannot be read.
pub async fn replay_now(
    launcher: &NurseryLauncher,
    item: Option<&str>,
    wait: bool,
) -> Result<Vec<ItemView>, JournalError> {
    let state = &launcher.0.settings.state;
    let names = match item {
        Some(item) => vec![item.to_owned()],
        None => state.items()?,
    };
    let all = names.iter().map(|name| one(launcher, name, wait));
    Ok(join_all(all).await.into_iter().flatten().collect())
}

async fn one(launcher: &NurseryLauncher, name: &str, wait: bool) -> Option<ItemView> {
    loop {
        match attempt(&launcher.0, name).await {
            Attempt::Held(lock) if wait => {
                off_thread("item lock", move || lock.wait_until_free()).await?.ok()?;
            }
            Attempt::Failed(error) => {
                tracing::error!(item = name, "what it owes could not be run: {error}");
                break;
            }
            Attempt::Done(view) => return Some(*view),
            Attempt::Nothing => return None,
            Attempt::Held(_) => break,
        }
    }
    launcher.0.settings.state.item(name).ok()?.view(&launcher.0.settings.state).ok()
}

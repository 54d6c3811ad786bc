//! What a build's item writes into the journal.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use pikoci_model::id::InstanceId;
use pikoci_model::port::{ItemBuild, LaunchError, ServiceLaunch};
use tokio::sync::oneshot;

use crate::journal::{Intent, ItemDirectory, StateDirectory};
use crate::protocol::ServicePlan;

/// The directory of an item of this worker.
pub struct ItemJournal {
    pub state: Arc<StateDirectory>,
    pub directory: ItemDirectory,
    pub of: ItemBuild,
}

impl ItemJournal {
    /// Writes down what is needed to stop this service; on disk when this returns.
    ///
    /// # Errors
    /// It cannot be written: the service must not be started.
    pub async fn write(
        self: &Arc<Self>,
        launch: &ServiceLaunch,
        plan: &ServicePlan,
    ) -> Result<OwnedFd, LaunchError> {
        self.keep(Intent::of(&self.state, &self.of, launch, plan)).await
    }

    async fn keep(self: &Arc<Self>, intent: Intent) -> Result<OwnedFd, LaunchError> {
        let (journal, instance) = (Arc::clone(self), intent.header.instance);
        let (tell, told) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            // Whoever wanted it may be gone by now: then nothing will be started.
            if let Err(Ok(_)) = tell.send(journal.directory.write(&journal.state, &intent)) {
                journal.take_back(instance);
            }
        });
        match told.await {
            Ok(answer) => answer.map_err(|error| error.into_launch_error()),
            Err(_) => Err(LaunchError::System("the journal was not written: its thread panicked".to_owned())),
        }
    }

    /// The service was never asked for.
    pub fn take_back(&self, instance: InstanceId) {
        if let Err(error) = self.directory.remove_intent(instance) {
            tracing::warn!(%instance, "an intent stays, its stop will be run for nothing: {error}");
        }
    }

    /// Forgets what is not owed any more; true if something is.
    pub fn settle(&self) -> bool {
        match self.directory.settle(&self.state) {
            Ok(settled) => !settled,
            Err(error) => {
                tracing::warn!(item = self.directory.name(), "the journal keeps it: {error}");
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::journal::tests::{build, intent, made};

    fn intents(place: &Path) -> usize {
        let items = fs::read_dir(place.join("items")).unwrap();
        let files = items.flat_map(|item| fs::read_dir(item.unwrap().path()).unwrap());
        files
            .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|of| of == "intent"))
            .count()
    }

    #[test]
    fn an_intent_that_nobody_waits_for_any_more_is_taken_back() {
        let place = tempfile::tempdir().unwrap();
        let state = Arc::new(StateDirectory::open(place.path()).unwrap());
        let (wanted, given_up) = (intent(&state, "x"), intent(&state, "x"));
        let directory = made(&state, 1).directory;
        let journal = Arc::new(ItemJournal { state, directory, of: build(1) });
        // With one thread, what is asked for later is done later.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            journal.keep(wanted).await.unwrap();
            {
                let writing = std::pin::pin!(journal.keep(given_up));
                assert!(futures::poll!(writing).is_pending());
            }
            tokio::task::spawn_blocking(|| ()).await.unwrap();
        });
        assert_eq!(intents(place.path()), 1);
    }
}

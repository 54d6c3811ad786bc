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
        let intent = Intent::of(&self.state, &self.of, launch, plan);
        let (journal, instance) = (Arc::clone(self), launch.instance);
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

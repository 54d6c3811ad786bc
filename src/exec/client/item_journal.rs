//! What a build's item writes into the journal.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use pikoci_model::id::InstanceId;
use pikoci_model::port::{ItemBuild, LaunchError, ServiceLaunch};

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
        let journal = Arc::clone(self);
        let written =
            tokio::task::spawn_blocking(move || journal.directory.write(&journal.state, &intent)).await;
        match written {
            Ok(answer) => answer.map_err(|error| error.into_launch_error()),
            Err(error) => Err(LaunchError::System(format!("the journal was not written: {error}"))),
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

//! What a build's item writes into the journal.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use pikoci_model::id::InstanceId;
use pikoci_model::port::{ItemBuild, LaunchError, ServiceLaunch};

use super::fault::in_words;
use super::service::ServiceRun;
use crate::journal::{
    Intent, ItemDirectory, StateDirectory, Strike, StrikeState, Striker, read_strike, strike,
};
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

    /// Says of stops that failed how they did, for whoever looks at what stands pending.
    pub fn note_failures<'a>(&self, services: impl Iterator<Item = &'a Arc<ServiceRun>>) {
        for service in services {
            let Some(end) = service.end().borrow().clone().filter(|end| !end.stopped) else { continue };
            let tries = u16::try_from(end.tries.len()).unwrap_or(u16::MAX);
            let detail = end.tries.last().map(in_words).unwrap_or_default();
            let failed = Strike::now(StrikeState::Failed, Striker::Build, tries, &detail);
            if let Err(error) = note_failed(&self.directory, service.launch.instance, &failed) {
                tracing::warn!(
                    service = service.launch.name,
                    "the journal does not say why its stop failed: {error}"
                );
            }
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

/// Writes down that a stop failed, unless another has stopped the service meanwhile.
pub fn note_failed(
    directory: &ItemDirectory,
    instance: InstanceId,
    failed: &Strike,
) -> Result<(), crate::journal::JournalError> {
    let lock = directory.open_lock()?;
    let intent = directory.open_intent(instance)?;
    let noted = || -> std::io::Result<()> {
        let Some(_held) = lock.try_hold()? else { return Ok(()) };
        if read_strike(&intent)?.is_owed() {
            strike(&intent, failed)?;
        }
        Ok(())
    };
    noted().map_err(|error| directory.wrong(error))
}

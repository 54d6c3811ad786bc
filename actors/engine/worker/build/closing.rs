//! After the last command of a build: nothing stays alive, nothing stays on disk.

use std::time::Duration;

use pikoci_model::build::BuildEvent;
use pikoci_model::outcome::{Ended, Failure, RunCode};
use pikoci_model::port::{Workdir, Workplace};

use crate::worker::site::Site;

/// A work item whose processes are still stuck is asked again after this.
const STILL_STUCK: Duration = Duration::from_secs(1);

/// Ends what is left, waits until nothing is, and removes the work directory. Processes that outlive their kill fail
/// the build at once; they are waited for all the same, so that nothing else gets their slot.
pub(crate) async fn close_site(site: &Site) {
    let ground = &site.ground;
    if let Err(ended) = ground.item.close().await {
        let failure = stuck(&ended);
        tracing::error!(build = %site.plan.build, "{failure}");
        site.outbox.push(BuildEvent::Stuck { failure, at: ground.ports.clock.now() });
        while ground.item.close().await.is_err() {
            tokio::time::sleep(STILL_STUCK).await;
        }
    }
    if !ground.settings.keep_workdir {
        remove(ground.ports.workplace.as_ref(), &ground.workdir).await;
    }
}

/// Which processes outlive their kill, and what they wait for.
pub(crate) fn stuck(ended: &[Ended]) -> Failure {
    let each: Vec<String> = ended.iter().map(ToString::to_string).collect();
    Failure::coded(RunCode::R133, each.join("; "))
}

/// Removes a work directory; one that cannot be removed is reported and left.
pub(crate) async fn remove(workplace: &dyn Workplace, workdir: &Workdir) {
    if let Err(error) = workplace.remove_workdir(workdir).await {
        tracing::warn!(workdir = %workdir.path.display(), "work directory stays: {error}");
    }
}

//! After the last command of a build: nothing stays alive, nothing stays on disk.

use std::time::Duration;

use pikoci_model::build::{BuildEvent, ServiceRecord, ServiceState};
use pikoci_model::outcome::{Ended, Failure, RunCode};
use pikoci_model::port::{Workdir, Workplace};

use crate::worker::site::Site;

/// How a stop ended is known when its item is closed; a launcher that says nothing is not waited for.
const KNOWN_WITHIN: Duration = Duration::from_secs(1);
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
    tell_late_stops(site).await;
    if !ground.settings.keep_workdir {
        remove(ground.ports.workplace.as_ref(), &ground.workdir).await;
    }
}

/// Stops for which there was no time have gone on until the item was closed: some have completed.
async fn tell_late_stops(site: &Site) {
    let clock = &site.ground.ports.clock;
    for record in site.outbox.services() {
        if record.state != ServiceState::StopFailed {
            continue;
        }
        let end = tokio::time::timeout(KNOWN_WITHIN, site.ground.item.stop_service(record.instance)).await;
        if let Some(end) = end.ok().filter(|end| end.stopped) {
            site.outbox.push(BuildEvent::Service(ServiceRecord {
                state: ServiceState::Stopped,
                stopped_by: Some(site.stopper().to_owned()),
                tries: u32::try_from(end.tries.len()).unwrap_or(u32::MAX),
                killed: end.killed,
                stopped_at: Some(clock.now()),
                worker: None,
                ..record
            }));
        }
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

//! The stop of a service whose shim was lost: it is still owed, so it runs in another shim.

use std::sync::Arc;
use std::time::Instant;

use pikoci_model::outcome::Ended;
use pikoci_model::port::{EndedStop, Item, LaunchError, Process, ServiceEnd, StopCommand, WorkItem};
use std::time::Duration;

use super::item::ItemCore;
use super::service::ServiceRun;

/// Runs the stop with its tries. What the service left was ended when its shim was lost.
pub async fn stop(item: &Arc<ItemCore>, service: &Arc<ServiceRun>) -> ServiceEnd {
    let _alone = item.rescue.lock().await;
    if let Some(end) = service.end().borrow().clone() {
        return end;
    }
    let (process, killed) = service.running.so_far();
    let mut end = ServiceEnd { tries: Vec::new(), process, killed, stopped: service.launch.stop.is_none() };
    if let Some(stop) = &service.launch.stop {
        match all_tries(item, service, stop).await {
            Ok(tries) => end.tries = tries,
            Err(error) => tracing::error!(%error, service = service.launch.name, "a stop could not be run"),
        }
        end.stopped = end.tries.last().is_some_and(succeeded);
    }
    service.rescued(end.clone());
    end
}

fn succeeded(last: &EndedStop) -> bool {
    matches!(last, EndedStop::Ended(ended) if ended.is_success())
}

/// Shims that may be lost one after another before the stop is given up: who kills one may have killed the one that
/// was kept ready, too.
const MOST_LOST: u32 = 5;

async fn all_tries(
    item: &Arc<ItemCore>,
    service: &Arc<ServiceRun>,
    stop: &StopCommand,
) -> Result<Vec<EndedStop>, LaunchError> {
    let mut lost = 0;
    loop {
        match tries_in_one_shim(item, service, stop, lost).await {
            Err(LaunchError::ShimLost) if lost < MOST_LOST => lost += 1,
            answer => return answer,
        }
    }
}

async fn tries_in_one_shim(
    item: &Arc<ItemCore>,
    service: &Arc<ServiceRun>,
    stop: &StopCommand,
    lost: u32,
) -> Result<Vec<EndedStop>, LaunchError> {
    let name = format!("{}-stop-{}-{lost}", item.name, service.unit);
    let asked = Item { name, workdir: stop.spawn.dir.clone() };
    let shim = item.launcher.open_item(asked, Arc::clone(&item.masking)).await?;
    let began = Instant::now();
    let mut tries = Vec::new();
    let mut moments = stop.retries.iter();
    loop {
        let ended = one_try(&shim.spawn(stop.spawn.clone()).await?, stop.limit).await;
        if ended == EndedStop::Ended(Ended::ShimLost) {
            return Err(LaunchError::ShimLost);
        }
        tries.push(ended);
        let (false, Some(moment)) = (tries.last().is_some_and(succeeded), moments.next()) else { break };
        tokio::time::sleep(moment.saturating_sub(began.elapsed())).await;
    }
    let _ = shim.close().await;
    Ok(tries)
}

async fn one_try(process: &Arc<dyn Process>, limit: Duration) -> EndedStop {
    match tokio::time::timeout(limit, process.wait()).await {
        Ok(end) => EndedStop::Ended(end.ended),
        Err(_) => {
            process.terminate(Duration::ZERO);
            process.wait().await;
            EndedStop::TimedOut(limit)
        }
    }
}

//! Service instances that may still stand although their build does not use them any more: their stop has failed, or
//! nobody has heard that it ran.

use std::collections::BTreeMap;

use pikoci_model::{
    build::{Build, Phase, ServiceRecord, ServiceState},
    port::{
        Store, StoreError,
        store::{Page, PendingStop},
    },
};

/// One that may still stand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    /// The run that started it.
    pub(crate) run: u32,
    /// What is known of it.
    pub(crate) record: ServiceRecord,
    /// The worker that holds the build, or held it last.
    holder: Option<String>,
}

impl Standing {
    /// The worker on which it is to be stopped.
    pub(crate) fn place(&self) -> String {
        self.record.worker.clone().or_else(|| self.holder.clone()).unwrap_or_else(|| SOMEWHERE.to_owned())
    }

    /// Whether its stop is still to run, or to be heard of; otherwise it was tried and failed.
    pub(crate) fn is_pending(&self) -> bool {
        self.record.state != ServiceState::StopFailed
    }
}

/// Whether an instance may stand; `is_over`: its run does not use it any more.
fn stands(state: ServiceState, is_over: bool) -> bool {
    match state {
        ServiceState::Stopped | ServiceState::Registered => false,
        ServiceState::StopFailed | ServiceState::StopPending => true,
        ServiceState::Starting | ServiceState::Probing | ServiceState::Ready | ServiceState::Stopping => {
            is_over
        }
    }
}

/// What may still stand of a build, of every run, in order of start.
pub(crate) async fn of_build(store: &dyn Store, build: &Build) -> Result<Vec<Standing>, StoreError> {
    let services = store.services_of_runs(build.id).await?;
    let is_over = |run| run < build.run || build.phase == Phase::Done;
    let left = services.into_iter().filter(|(run, record)| stands(record.state, is_over(*run)));
    Ok(left.map(|(run, record)| Standing { run, record, holder: build.worker.clone() }).collect())
}

/// One that may still stand, of any build.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Owed {
    /// For paging.
    pub(crate) id: i64,
    /// The build that started it.
    pub(crate) build: Build,
    /// What stands.
    pub(crate) left: Standing,
}

/// What may still stand of all builds, newest first.
pub(crate) async fn everywhere(store: &dyn Store, page: Page) -> Result<Vec<Owed>, StoreError> {
    let mut found = Vec::new();
    for PendingStop { id, build, run, record } in store.pending_stops(page).await? {
        let Some(build) = store.build(build).await? else { continue };
        let left = Standing { run, record, holder: build.worker.clone() };
        found.push(Owed { id, build, left });
    }
    Ok(found)
}

/// How many of them are to be stopped on each worker, by its name.
pub(crate) async fn by_worker(store: &dyn Store) -> Result<BTreeMap<String, usize>, StoreError> {
    let mut counts = BTreeMap::new();
    let mut page = Page { limit: AT_ONCE, ..Page::default() };
    loop {
        let stops = store.pending_stops(page).await?;
        let is_last = stops.len() < AT_ONCE as usize;
        page.before = stops.last().map(|stop| stop.id);
        for stop in stops {
            let worker = stop.record.worker.unwrap_or_else(|| SOMEWHERE.to_owned());
            *counts.entry(worker).or_default() += 1;
        }
        if is_last {
            return Ok(counts);
        }
    }
}

/// So many are read at once.
pub(crate) const AT_ONCE: u32 = 500;

/// Where something stands of which no worker is known.
const SOMEWHERE: &str = "its worker";

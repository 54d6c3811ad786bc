//! Service instances that may still stand although their build does not use them any more: their stop has failed, or
//! nobody has heard that it ran.

use pikoci_model::{
    build::{Build, Phase, ServiceRecord, ServiceState},
    port::{Store, StoreError},
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
        self.record.worker.clone().or_else(|| self.holder.clone()).unwrap_or_else(|| "its worker".to_owned())
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
    let mut found = Vec::new();
    for run in 1..=build.run {
        let is_over = run < build.run || build.phase == Phase::Done;
        for record in store.services(build.id, run).await? {
            if stands(record.state, is_over) {
                found.push(Standing { run, record, holder: build.worker.clone() });
            }
        }
    }
    Ok(found)
}

/// How many builds of each pipeline are looked through.
const RECENT: u32 = 100;

/// What may still stand of the newest builds of every pipeline.
pub(crate) async fn everywhere(store: &dyn Store) -> Result<Vec<(Build, Standing)>, StoreError> {
    let mut found = Vec::new();
    for pipeline in store.pipelines(None).await? {
        for build in store.recent_builds(pipeline.id, RECENT).await? {
            let left = of_build(store, &build).await?;
            found.extend(left.into_iter().map(|left| (build.clone(), left)));
        }
    }
    Ok(found)
}

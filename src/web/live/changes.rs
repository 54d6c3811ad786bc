//! The streams of a pipeline and of a team: which builds, resources and definitions changed.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use pikoci_model::{
    id::{PipelineId, TeamId},
    port::{
        StoreError,
        store::{PipelineRow, ResourceRow},
    },
    worker::WorkerState,
};
use serde::Serialize;

use super::{
    drive::{Feed, Look, event},
    said::BuildSaid,
};
use crate::{held::Held, site::Site, standing};

/// Builds of a pipeline that are watched; what is older does not change any more in what a page shows.
const RECENT: u32 = 24;

/// What a stream is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Watched {
    /// One pipeline with its resources.
    Pipeline(PipelineId),
    /// All pipelines of a team.
    Team(TeamId),
    /// All workers, with what they hold and what is still to be stopped on them.
    Workers,
}

/// The state of one client's stream.
pub(super) struct ChangeFeed {
    site: Arc<Site>,
    watched: Watched,
    /// Each event as it was said last; none before the first look.
    said: Option<BTreeMap<(Kind, String), Vec<u8>>>,
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Pipeline,
    Build,
    Resource,
    Worker,
    PendingStops,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Build => "build",
            Self::Resource => "resource",
            Self::Worker | Self::PendingStops => "worker",
        }
    }
}

#[derive(Serialize)]
struct PipelineSaid<'a> {
    pipeline: &'a str,
    revision: i64,
}

#[derive(Serialize)]
struct BuildOfPipeline<'a> {
    team: &'a str,
    pipeline: &'a str,
    job: &'a str,
    #[serde(flatten)]
    build: BuildSaid,
}

#[derive(Serialize)]
struct ResourceSaid<'a> {
    pipeline: &'a str,
    resource: &'a str,
    check_failing: bool,
    checking: bool,
    last_check: Option<DateTime<Utc>>,
    latest_version_id: Option<i64>,
}

#[derive(Serialize)]
struct WorkerSaid<'a> {
    worker: &'a str,
    state: WorkerState,
    builds: Vec<i64>,
}

#[derive(Serialize)]
struct PendingSaid<'a> {
    worker: &'a str,
    pending_stops: usize,
}

/// The process of a worker that is not listed any more.
#[derive(Serialize)]
struct GoneSaid<'a> {
    id: &'a str,
}

type Events = BTreeMap<(Kind, String), Vec<u8>>;

impl ChangeFeed {
    pub(super) fn new(site: Arc<Site>, watched: Watched) -> Self {
        Self { site, watched, said: None }
    }

    /// Everything that could be said now.
    async fn now(&self) -> Result<Events, StoreError> {
        let store = &self.site.deps.store;
        let mut events = Events::new();
        match self.watched {
            Watched::Pipeline(id) => {
                let Some(row) = store.pipeline_by_id(id).await? else { return Ok(events) };
                self.builds(&row, &mut events).await?;
                for resource in store.resources(id).await? {
                    add(&mut events, Kind::Resource, &resource.canonical, &resource_said(&row, &resource));
                }
            }
            Watched::Team(team) => {
                for row in store.pipelines(Some(team)).await? {
                    self.builds(&row, &mut events).await?;
                }
            }
            Watched::Workers => self.workers(&mut events).await?,
        }
        Ok(events)
    }

    async fn workers(&self, events: &mut Events) -> Result<(), StoreError> {
        let store = &self.site.deps.store;
        let held = Held::read(store.as_ref()).await?;
        for row in store.workers().await? {
            let said = WorkerSaid {
                worker: &row.profile.name,
                state: row.state,
                builds: held.by(&row.profile.node).iter().map(|build| build.id.0).collect(),
            };
            add(events, Kind::Worker, &row.profile.node.0, &said);
        }
        for (worker, pending_stops) in standing::by_worker(store.as_ref()).await? {
            let said = PendingSaid { worker: &worker, pending_stops };
            add(events, Kind::PendingStops, &worker, &said);
        }
        Ok(())
    }

    async fn builds(&self, row: &PipelineRow, events: &mut Events) -> Result<(), StoreError> {
        let said = PipelineSaid { pipeline: &row.canonical, revision: row.revision_number };
        add(events, Kind::Pipeline, &row.canonical, &said);
        for build in self.site.deps.store.recent_builds(row.id, RECENT).await? {
            let said = BuildOfPipeline {
                team: &row.team_canonical,
                pipeline: &row.canonical,
                job: &build.job_name,
                build: BuildSaid::of(&self.site, &build),
            };
            add(events, Kind::Build, &build.id.to_string(), &said);
        }
        Ok(())
    }
}

fn resource_said<'a>(row: &'a PipelineRow, resource: &'a ResourceRow) -> ResourceSaid<'a> {
    ResourceSaid {
        pipeline: &row.canonical,
        resource: &resource.canonical,
        check_failing: resource.failing,
        checking: resource.checking.is_some(),
        last_check: resource.last_check,
        latest_version_id: resource.latest.as_ref().map(|version| version.id.0),
    }
}

fn add(events: &mut Events, kind: Kind, key: &str, data: &impl Serialize) {
    let mut bytes = Vec::new();
    event(&mut bytes, kind.word(), None, data);
    events.insert((kind, key.to_owned()), bytes);
}

impl Feed for ChangeFeed {
    async fn look(&mut self, out: &mut Vec<u8>) -> Result<Look, StoreError> {
        let now = self.now().await?;
        match &self.said {
            // Whoever connects has a page from before: one event makes it look again.
            None => now
                .iter()
                .filter(|((kind, _), _)| matches!(kind, Kind::Pipeline | Kind::Worker))
                .for_each(|(_, said)| out.extend(said)),
            Some(before) => {
                let changed = now.iter().filter(|(key, said)| before.get(*key) != Some(said));
                changed.for_each(|(_, said)| out.extend(said));
                for (kind, key) in before.keys().filter(|key| !now.contains_key(key)) {
                    match kind {
                        Kind::Pipeline => {
                            event(out, "pipeline", None, &PipelineSaid { pipeline: key, revision: 0 })
                        }
                        Kind::PendingStops => {
                            event(out, "worker", None, &PendingSaid { worker: key, pending_stops: 0 });
                        }
                        Kind::Worker => event(out, "worker", None, &GoneSaid { id: key }),
                        // It is too old to be watched, or went with its pipeline.
                        Kind::Build | Kind::Resource => {}
                    }
                }
            }
        }
        self.said = Some(now);
        Ok(Look::Wait)
    }
}

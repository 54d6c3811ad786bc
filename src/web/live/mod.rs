//! Live streams: server-sent events of a build, of a pipeline, of a team's pipelines.
//!
//! A stream is pulled by its client: it is woken by a signal, looks at the store, says what changed, and looks again
//! only after that has been taken. So a slow client costs nobody else anything, memory is bounded by one look, and a
//! lost signal costs one heartbeat.

mod build;
mod changes;
mod drive;
mod said;
mod text;

use std::{sync::Arc, time::Duration};

use actix_web::HttpResponse;
use pikoci_model::{
    id::{BuildId, PipelineId, TeamId},
    port::Topic,
};

use crate::site::Site;

pub(crate) use build::Until;

/// Changes of many builds come in swarms; so far apart they are looked for.
const SWARM: Duration = Duration::from_millis(100);

/// The stream of a build, after this chunk.
pub(crate) fn build(site: Arc<Site>, id: BuildId, after: i64, until: Until) -> HttpResponse {
    let wakes = site.deps.signals.subscribe(Topic::Build(id));
    let feed = build::BuildFeed::new(Arc::clone(&site), id, after, until);
    drive::respond(site, wakes, Duration::ZERO, feed)
}

/// The stream of a pipeline.
pub(crate) fn pipeline(site: Arc<Site>, id: PipelineId) -> HttpResponse {
    let wakes = site.deps.signals.subscribe(Topic::Pipeline(id));
    let feed = changes::ChangeFeed::new(Arc::clone(&site), changes::Watched::Pipeline(id));
    drive::respond(site, wakes, SWARM, feed)
}

/// The stream of a team's pipelines.
pub(crate) fn team(site: Arc<Site>, id: TeamId) -> HttpResponse {
    let wakes = site.deps.signals.subscribe(Topic::Everything);
    let feed = changes::ChangeFeed::new(Arc::clone(&site), changes::Watched::Team(id));
    drive::respond(site, wakes, SWARM, feed)
}

/// The stream of the workers.
pub(crate) fn workers(site: Arc<Site>) -> HttpResponse {
    let wakes = site.deps.signals.subscribe(Topic::Everything);
    let feed = changes::ChangeFeed::new(Arc::clone(&site), changes::Watched::Workers);
    drive::respond(site, wakes, SWARM, feed)
}

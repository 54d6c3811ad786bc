//! Root gets: which builds the newly found versions of a resource start.

use std::collections::BTreeSet;

use pikoci_model::id::{ResourceId, VersionId};
use pikoci_model::scheduling::{GetSource, GetState, JobState};
use pikoci_model::step::VersionMode;

/// New versions of one resource, as one job sees them.
#[derive(Debug, Clone, PartialEq)]
pub struct Fresh<'a> {
    /// Canonical of the resource.
    pub resource: &'a str,
    /// The triggering root gets of that resource; each takes the version.
    pub gets: Vec<&'a GetState>,
    /// The versions that get a build, oldest first.
    pub build: Vec<VersionId>,
    /// The newest version that was looked at.
    pub up_to: VersionId,
    /// Only the newest counts: queued builds of older ones are replaced.
    pub replaces: bool,
}

/// What the job's triggering root gets have not considered yet, one entry a resource, in plan order. With
/// `version = "latest"` on every one of them only the newest version gets a build.
pub fn fresh(job: &JobState) -> Vec<Fresh<'_>> {
    let mut seen: BTreeSet<ResourceId> = BTreeSet::new();
    let mut found = Vec::new();
    for get in &job.gets {
        if seen.contains(&get.resource) || fresh_of(get).is_empty() {
            continue;
        }
        seen.insert(get.resource);
        let gets: Vec<&GetState> = job
            .gets
            .iter()
            .filter(|other| other.resource == get.resource && is_triggering_root(other))
            .collect();
        let versions: BTreeSet<VersionId> = gets.iter().flat_map(|get| fresh_of(get)).copied().collect();
        let Some(up_to) = versions.last().copied() else { continue };
        let replaces = gets.iter().all(|get| get.mode == VersionMode::Latest);
        let build = if replaces { vec![up_to] } else { versions.into_iter().collect() };
        found.push(Fresh { resource: &get.canonical, gets, build, up_to, replaces });
    }
    found
}

fn is_triggering_root(get: &GetState) -> bool {
    get.trigger && matches!(get.source, GetSource::Root { .. })
}

fn fresh_of(get: &GetState) -> &[VersionId] {
    match &get.source {
        GetSource::Root { fresh } if get.trigger => fresh,
        _ => &[],
    }
}

//! Which version each get of a new build takes.

use std::collections::BTreeMap;

use pikoci_model::build::BuildVersion;
use pikoci_model::id::VersionId;
use pikoci_model::outcome::{Failure, RunCode};
use pikoci_model::scheduling::{GetSource, GetState, JobState};

/// The versions of a build, complete or with the gets that have none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// By get key.
    pub versions: BTreeMap<String, BuildVersion>,
    /// Keys of the gets for which there is no version.
    pub missing: Vec<String>,
}

/// Fixes every get of a job: what the creator chose (`chosen`, by get key), else the newest version that the get may
/// use. Two gets of one resource with the same `passed` take the same version: the chosen one, if one is.
pub fn resolve(job: &JobState, chosen: &BTreeMap<String, VersionId>) -> Resolved {
    let mut resolved = Resolved::default();
    for get in &job.gets {
        match chosen_for(job, get, chosen).or(get.newest) {
            Some(version) => {
                let bound = BuildVersion { resource: get.resource, version };
                resolved.versions.insert(get.name.clone(), bound);
            }
            None => resolved.missing.push(get.name.clone()),
        }
    }
    resolved
}

/// Which of a build's versions the job's gets may take over: a get that goes by the same key now may be of another
/// resource.
pub fn kept(versions: &BTreeMap<String, BuildVersion>, job: &JobState) -> BTreeMap<String, VersionId> {
    let bound = |get: &GetState| versions.get(&get.name).filter(|bound| bound.resource == get.resource);
    job.gets.iter().filter_map(|get| Some((get.name.clone(), bound(get)?.version))).collect()
}

fn chosen_for(job: &JobState, get: &GetState, chosen: &BTreeMap<String, VersionId>) -> Option<VersionId> {
    let twins = job.gets.iter().filter(|other| alike(get, other));
    chosen.get(&get.name).or_else(|| twins.filter_map(|twin| chosen.get(&twin.name)).next()).copied()
}

/// Whether two gets draw from the same versions.
pub(super) fn alike(a: &GetState, b: &GetState) -> bool {
    a.resource == b.resource && upstream_of(a) == upstream_of(b)
}

/// The names in `passed`, sorted; empty for a root get.
pub fn upstream_of(get: &GetState) -> Vec<&str> {
    let mut jobs: Vec<&str> = match &get.source {
        GetSource::Root { .. } => Vec::new(),
        GetSource::Passed { jobs, .. } => jobs.iter().map(String::as_str).collect(),
    };
    jobs.sort_unstable();
    jobs.dedup();
    jobs
}

/// Why a build cannot get its versions.
pub fn no_version(get: &GetState) -> Failure {
    let text = match upstream_of(get).as_slice() {
        [] => format!("no version of {} for get \"{}\"", get.canonical, get.name),
        jobs => format!(
            "no version of {} for get \"{}\" has passed {}",
            get.canonical,
            get.name,
            jobs.iter().map(|job| format!("\"{job}\"")).collect::<Vec<_>>().join(" and ")
        ),
    };
    Failure::coded(RunCode::R120, text)
}

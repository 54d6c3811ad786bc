//! Which builds of a pipeline should exist: from its state to the changes that are due.
//!
//! Level-triggered: the state alone decides, so asking again after the changes are applied gives nothing, and a lost
//! wake-up costs time, never a build.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use pikoci_model::build::{BuildStatus, Cause, Phase};
use pikoci_model::id::{JobId, ResourceId, VersionId};
use pikoci_model::scheduling::{BuildBrief, GetSource, JobState, NewBuild, SchedulingState, Write};

use super::fresh::{Fresh, fresh};
use super::passed::{NotPassed, passed};
use super::versions::{kept, no_version, resolve};

/// Where the first check of a resource stands, for builds that wait for its first version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstCheck {
    /// The last check ended then; none if there was none.
    Ended(Option<DateTime<Utc>>),
    /// Its type has no check: only a put or a person brings versions.
    Impossible,
}

/// Why a job gets no build by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyNot {
    /// No get triggers.
    Manual,
    /// Every version that triggers has been considered.
    NothingNew,
    /// A build of the job is queued already; the next follows when that one has started.
    AlreadyPending,
    /// Its triggering gets with `passed` are not due.
    NotPassed(NotPassed),
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schedule {
    /// To be applied whole, under the state's revision.
    pub writes: Vec<Write>,
    /// Jobs that get no build, and why.
    pub why_not: BTreeMap<JobId, WhyNot>,
    /// Resources whose first check a queued build waits for.
    pub awaited: BTreeSet<ResourceId>,
}

/// Decides. `checks` tells of the resources that builds without versions wait for; one that is not in it was never
/// checked.
pub fn schedule(
    state: &SchedulingState,
    checks: &BTreeMap<ResourceId, FirstCheck>,
    now: DateTime<Utc>,
) -> Schedule {
    let mut due = Schedule::default();
    for build in &state.unfinished {
        complete(state, build, checks, &mut due);
    }
    for job in &state.jobs {
        supersede(state, job, &mut due);
        let before = due.writes.len();
        for news in fresh(job) {
            start_fresh(state, job, &news, now, &mut due);
        }
        let started = due.writes.len() > before;
        match downstream(state, job, started, now) {
            Ok(write) => due.writes.push(write),
            Err(why) if !started => drop(due.why_not.insert(job.id, why)),
            Err(_) => {}
        }
    }
    due
}

/// A queued build that lacks versions gets them, goes on waiting for the first check, or fails.
fn complete(
    state: &SchedulingState,
    build: &BuildBrief,
    checks: &BTreeMap<ResourceId, FirstCheck>,
    due: &mut Schedule,
) {
    let Some(job) = state.jobs.iter().find(|job| job.id == build.job) else { return };
    if build.phase != Phase::Queued || build.status != BuildStatus::Pending {
        return;
    }
    if job.gets.iter().all(|get| build.versions.contains_key(&get.name)) {
        return;
    }
    let resolved = resolve(job, &kept(&build.versions, job));
    let missing: Vec<_> = job.gets.iter().filter(|get| resolved.missing.contains(&get.name)).collect();
    if missing.is_empty() {
        let mut versions = build.versions.clone();
        versions.extend(resolved.versions);
        return due.writes.push(Write::FixVersions { build: build.id, versions });
    }
    let hopeless = missing.iter().find(|get| match (&get.source, checks.get(&get.resource)) {
        (GetSource::Passed { .. }, _) | (_, Some(FirstCheck::Impossible)) => true,
        (_, Some(FirstCheck::Ended(Some(at)))) => *at >= build.created_at,
        (_, Some(FirstCheck::Ended(None)) | None) => false,
    });
    match hopeless {
        Some(get) => due.writes.push(Write::Fail { build: build.id, failure: no_version(get) }),
        None => due.awaited.extend(missing.iter().map(|get| get.resource)),
    }
}

/// Of an interruptible job only the newest build goes on.
fn supersede(state: &SchedulingState, job: &JobState, due: &mut Schedule) {
    if !job.interruptible {
        return;
    }
    let living = || state.unfinished.iter().filter(|build| build.job == job.id && !build.status.is_final());
    let Some(newest) = living().max_by_key(|build| build.id) else { return };
    let older = living().filter(|build| build.id < newest.id);
    due.writes.extend(
        older.map(|build| Write::Cancel {
            build: build.id,
            reason: format!("superseded by #{}", newest.number),
        }),
    );
}

fn start_fresh(
    state: &SchedulingState,
    job: &JobState,
    news: &Fresh<'_>,
    now: DateTime<Utc>,
    due: &mut Schedule,
) {
    if news.replaces {
        let replaced = state.unfinished.iter().filter(|build| {
            build.job == job.id
                && build.phase == Phase::Queued
                && build.status == BuildStatus::Pending
                && matches!(&build.cause, Cause::Resource { resource, .. } if resource == news.resource)
        });
        let reason = format!("replaced: {} has a newer version", news.resource);
        due.writes.extend(replaced.map(|build| Write::Cancel { build: build.id, reason: reason.clone() }));
    }
    for version in &news.build {
        let chosen = news.gets.iter().map(|get| (get.name.clone(), *version)).collect();
        let cause = Cause::Resource { resource: news.resource.to_owned(), version: *version };
        due.writes.push(Write::InsertBuild(new_build(state, job, cause, &chosen, now)));
    }
    due.writes.extend(news.gets.iter().map(|get| Write::Consider {
        job: job.id,
        get: get.name.clone(),
        up_to: news.up_to,
    }));
}

fn downstream(
    state: &SchedulingState,
    job: &JobState,
    started: bool,
    now: DateTime<Utc>,
) -> Result<Write, WhyNot> {
    let chosen = match passed(job) {
        None if job.gets.iter().any(|get| get.trigger) => return Err(WhyNot::NothingNew),
        None => return Err(WhyNot::Manual),
        Some(Err(why)) => return Err(WhyNot::NotPassed(why)),
        Some(Ok(chosen)) => chosen,
    };
    let pending = |build: &BuildBrief| build.job == job.id && build.status == BuildStatus::Pending;
    if started || state.unfinished.iter().any(pending) {
        return Err(WhyNot::AlreadyPending);
    }
    let triggering =
        job.gets.iter().filter(|get| get.trigger && matches!(get.source, GetSource::Passed { .. }));
    let versions = triggering.filter_map(|get| Some((get.name.clone(), *chosen.get(&get.name)?))).collect();
    Ok(Write::InsertBuild(new_build(state, job, Cause::Passed { versions }, &chosen, now)))
}

/// A build of `job` with `chosen` versions and the rules' choice for the other gets. Without a version for each get
/// it waits for a first check, or fails in the next round.
pub fn new_build(
    state: &SchedulingState,
    job: &JobState,
    cause: Cause,
    chosen: &BTreeMap<String, VersionId>,
    now: DateTime<Utc>,
) -> NewBuild {
    NewBuild {
        job: job.id,
        revision: state.definition,
        cause,
        versions: resolve(job, chosen).versions,
        inputs: BTreeMap::new(),
        created_at: now,
    }
}

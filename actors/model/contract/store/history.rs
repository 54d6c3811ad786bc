//! Random histories: the same on two stores, compared answer by answer and state by state.

use std::collections::BTreeMap;

use super::{
    walk::{assert_consistent, snapshot},
    world::{at, concluded, every, finished, get, job, node, pipeline, started, step, value},
};
use crate::{
    build::{BuildEvent, BuildStatus, BuildVersion, Cause, Phase},
    check::CheckOutcome,
    id::{BuildId, Fence, Incarnation, JobId, PipelineId, ResourceId, RevisionId, StepPath, VersionId},
    outcome::Failure,
    pipeline::{Job, Pipeline},
    port::{
        Store,
        store::{BuildUpdate, ClaimRequest, SaveRevision},
    },
    scheduling::{NewBuild, Write},
};

/// How many of the last ones are recent.
const RECENT: usize = 5;

/// Numbers that look random and are the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % limit.max(1)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Mostly one of the last few: old ones have ended, and say little.
    fn recent<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let from = if self.chance(80) { items.len().saturating_sub(RECENT) } else { 0 };
        self.pick(&items[from..])
    }
}

/// One act of a history, with everything it needs.
#[derive(Clone, Debug)]
enum Act {
    Save(Box<SaveRevision>),
    Version(ResourceId, String),
    Check(ResourceId, Vec<String>, bool),
    Insert(PipelineId, NewBuild),
    Write(PipelineId, Write),
    Claim(BuildId, u32),
    Events(BuildId, Fence, u64, Vec<BuildEvent>),
    Cancel(BuildId),
    Requeue(BuildId, Fence, bool),
    FailClaimed(BuildId, Fence),
    Request(ResourceId),
    Delete(PipelineId),
}

/// What the history knows, from the answers so far.
#[derive(Default)]
struct Known {
    pipelines: Vec<(PipelineId, RevisionId)>,
    jobs: Vec<(PipelineId, JobId, String)>,
    resources: Vec<(PipelineId, ResourceId)>,
    versions: Vec<(ResourceId, VersionId)>,
    builds: Vec<(PipelineId, JobId, BuildId)>,
    fences: Vec<(BuildId, Fence)>,
    through: BTreeMap<BuildId, u64>,
    causes: u128,
}

/// Runs `length` random acts on both stores; every answer and the state must be the same.
///
/// # Panics
/// They differ. The message names the seed and the act.
pub async fn compare_stores(seed: u64, length: usize, one: &dyn Store, other: &dyn Store) {
    let mut dice = Dice(seed);
    let mut known = Known::default();
    let team = one.ensure_team("main", "Main").await.unwrap().id;
    assert_eq!(other.ensure_team("main", "Main").await.unwrap().id, team);
    for number in 0..length {
        let act = next(&mut dice, &mut known, team);
        let first = perform(one, &act, number as i64).await;
        let second = perform(other, &act, number as i64).await;
        assert_eq!(first, second, "seed {seed}, act {number}: {act:?}");
        known.learn(one, &act).await;
        if number % 60 == 59 || number + 1 == length {
            let (mine, theirs) = (snapshot(one).await, snapshot(other).await);
            for (mine, theirs) in mine.pipelines.iter().zip(&theirs.pipelines) {
                assert_eq!(mine.state, theirs.state, "seed {seed}, after act {number}: {act:?}");
            }
            assert_eq!(mine, theirs, "seed {seed}, after act {number}: {act:?}");
            assert_consistent(&mine);
        }
    }
}

fn definition(dice: &mut Dice) -> Pipeline {
    let root = |name: &str, resource: &str| get(name, resource, &[]);
    let mut jobs = vec![
        job("unit", vec![root("app", "git.app"), root("lib", "git.lib")]),
        job("lint", vec![root("app", "git.app")]),
    ];
    let upstream: &[&str] = if dice.chance(50) { &["unit", "lint"] } else { &["unit"] };
    let below = get("app", "git.app", upstream);
    let below = if dice.chance(50) { every(below) } else { below };
    let mut steps = vec![below, get("lib", "git.lib", &["unit"])];
    if dice.chance(40) {
        let second = if dice.chance(50) { "git.app" } else { "git.lib" };
        steps.insert(dice.below(3), get("app", second, &["unit"]));
    }
    jobs.push(job("ship", steps));
    if dice.chance(70) {
        jobs.push(job("image", vec![get("image", "image.out", &[])]));
    }
    jobs.iter_mut().for_each(|job| limit(dice, job));
    if dice.chance(30) {
        jobs.remove(1);
        jobs.retain(|job| job.name != "ship" || upstream.len() == 1);
    }
    pipeline(jobs)
}

fn limit(dice: &mut Dice, job: &mut Job) {
    job.concurrency = u32::try_from(dice.below(3)).unwrap();
    if dice.chance(30) {
        job.serial_groups.push("deploy".into());
    }
}

fn next(dice: &mut Dice, known: &mut Known, team: crate::id::TeamId) -> Act {
    if known.pipelines.is_empty() || dice.chance(2) {
        return save(dice, team);
    }
    let act = match dice.below(20) {
        0..=1 => dice
            .pick(&known.resources)
            .map(|(_, id)| *id)
            .map(|id| Act::Version(id, format!("v{}", dice.below(40)))),
        2..=3 => dice.pick(&known.resources).map(|(_, id)| *id).map(|id| {
            let found = (0..dice.below(4)).map(|_| format!("v{}", dice.below(40))).collect();
            Act::Check(id, found, dice.chance(20))
        }),
        4..=7 => insert(dice, known),
        8..=9 => write(dice, known),
        10..=12 => dice.recent(&known.builds).map(|(_, _, id)| Act::Claim(*id, 7)),
        13..=16 => events(dice, known),
        17 => dice.pick(&known.builds).map(|(_, _, id)| Act::Cancel(*id)),
        18 => dice.pick(&known.fences).copied().map(|(id, fence)| {
            if dice.chance(20) {
                Act::FailClaimed(id, fence)
            } else {
                Act::Requeue(id, fence, dice.chance(50))
            }
        }),
        _ if dice.chance(10) => dice.pick(&known.pipelines).map(|(id, _)| Act::Delete(*id)),
        _ => dice.pick(&known.resources).map(|(_, id)| Act::Request(*id)),
    };
    act.unwrap_or_else(|| save(dice, team))
}

fn save(dice: &mut Dice, team: crate::id::TeamId) -> Act {
    let name = if dice.chance(70) { "app" } else { "site" };
    let compiled = definition(dice);
    let source = format!("{compiled:?}");
    Act::Save(Box::new(SaveRevision {
        team,
        name: name.to_owned(),
        canonical: name.to_owned(),
        content_hash: source.clone(),
        source: source.into_bytes(),
        compiled,
        vars: BTreeMap::new(),
        given_secrets: BTreeMap::new(),
        public: dice.chance(50).then_some(true),
        must_exist: None,
        at: at(0),
        by: "ada".into(),
    }))
}

fn versions(dice: &mut Dice, known: &Known, pipeline: PipelineId) -> BTreeMap<String, BuildVersion> {
    let of_pipeline: Vec<ResourceId> =
        known.resources.iter().filter(|(owner, _)| *owner == pipeline).map(|(_, id)| *id).collect();
    let mut chosen = BTreeMap::new();
    for (get, resource) in ["app", "lib", "image", "app#2"].into_iter().zip(of_pipeline.iter().cycle()) {
        let found: Vec<VersionId> =
            known.versions.iter().filter(|(of, _)| of == resource).map(|(_, id)| *id).collect();
        if let Some(version) = dice.pick(&found) {
            chosen.insert(get.to_owned(), BuildVersion { resource: *resource, version: *version });
        }
    }
    chosen
}

fn insert(dice: &mut Dice, known: &mut Known) -> Option<Act> {
    let (pipeline, job, _) = dice.pick(&known.jobs)?.clone();
    let revision = known.pipelines.iter().find(|(id, _)| *id == pipeline)?.1;
    known.causes += 1;
    let manual = Cause::Manual { nonce: uuid::Uuid::from_u128(known.causes), by: "ada".into() };
    let of_job: Vec<BuildId> =
        known.builds.iter().filter(|(_, of, _)| *of == job).map(|(_, _, id)| *id).collect();
    let cause = match dice.pick(&of_job) {
        Some(source) if dice.chance(20) => {
            Cause::Retry { source: *source, number: dice.below(4) as i64 + 1, by: "ada".into() }
        }
        _ => manual,
    };
    let versions = versions(dice, known, pipeline);
    let new = NewBuild { job, revision, cause, versions, inputs: BTreeMap::new(), created_at: at(2) };
    Some(Act::Insert(pipeline, new))
}

fn write(dice: &mut Dice, known: &Known) -> Option<Act> {
    if dice.chance(40) {
        let (pipeline, job, _) = dice.pick(&known.jobs)?.clone();
        let (_, up_to) = *dice.pick(&known.versions)?;
        let get = if dice.chance(70) { "app" } else { "app#2" };
        return Some(Act::Write(pipeline, Write::Consider { job, get: get.into(), up_to }));
    }
    let (pipeline, _, build) = *dice.pick(&known.builds)?;
    let write = match dice.below(3) {
        0 => Write::Cancel { build, reason: "superseded by #2".into() },
        1 => Write::Fail { build, failure: Failure::plain("no version") },
        _ => return None,
    };
    Some(Act::Write(pipeline, write))
}

fn events(dice: &mut Dice, known: &mut Known) -> Option<Act> {
    let (build, fence) = *dice.recent(&known.fences)?;
    let pipeline = known.builds.iter().find(|(_, _, id)| *id == build)?.0;
    let image = known.resources.iter().filter(|(owner, _)| *owner == pipeline).nth(2).map(|(_, id)| *id);
    let statuses =
        [BuildStatus::Succeeded, BuildStatus::Failed, BuildStatus::Warning, BuildStatus::Cancelled];
    let mut events = Vec::new();
    if dice.chance(50) {
        events.extend([concluded(statuses[dice.below(3)], 9), finished(10)]);
    }
    for _ in 0..=dice.below(4) {
        events.push(match dice.below(7) {
            0 => started(4),
            1 => BuildEvent::Phase([Phase::Running, Phase::Stopping, Phase::Hooks][dice.below(3)]),
            2 => step(["0", "1", "2"][dice.below(3)], statuses[dice.below(4)]),
            3 => concluded(statuses[dice.below(4)], 9),
            4 => finished(10),
            5 => BuildEvent::Exported {
                variables: BTreeMap::from([(format!("TASK_{}", dice.below(3)), "1".to_owned())]),
            },
            _ => BuildEvent::Created {
                step: StepPath("3".into()),
                resource: image?,
                value: value(&format!("sha{}", dice.below(20))),
            },
        });
    }
    let through = known.through.entry(build).or_default();
    if dice.chance(90) {
        *through += events.len() as u64;
    }
    Some(Act::Events(build, fence, *through, events))
}

/// The answer, as text; of errors only that there was one.
async fn perform(store: &dyn Store, act: &Act, number: i64) -> String {
    fn say<T: std::fmt::Debug, E>(answer: Result<T, E>) -> String {
        answer.map_or_else(|_| "error".to_owned(), |answer| format!("{answer:?}"))
    }
    let now = at(number);
    let failure = Failure::plain("the worker was lost");
    match act.clone() {
        Act::Save(save) => say(store.save_revision(*save).await),
        Act::Version(resource, text) => say(store.add_version(resource, &value(&text), now).await),
        Act::Check(resource, found, keep) => {
            let lease = store.lease_check(resource, &node("w"), now, at(number + 20)).await;
            let text = say(lease.as_ref());
            let Ok(Some(lease)) = lease else { return text };
            if keep {
                return text;
            }
            let outcome =
                CheckOutcome { result: Ok(found.iter().map(|one| value(one)).collect()), log: String::new() };
            text + &say(store.record_check(resource, lease.number, &outcome, now, Some(at(number + 9))).await)
        }
        Act::Insert(pipeline, new) => {
            say(store.apply(pipeline, None, vec![Write::InsertBuild(new)], now).await)
        }
        Act::Write(pipeline, write) => say(store.apply(pipeline, None, vec![write], now).await),
        Act::Claim(build, random) => {
            let (node, incarnation) = (node("w"), Incarnation(1));
            let request = ClaimRequest { build, node, incarnation, worker: "worker".into(), random };
            say(store.claim(&request).await)
        }
        Act::Events(build, fence, through, events) => {
            say(store.record_events(BuildUpdate { build, fence, through, events, at: now }).await)
        }
        Act::Cancel(build) => say(store.request_cancel(build, "cancelled by ada", now).await),
        Act::Requeue(build, fence, counts) => say(store.requeue(build, fence, counts, &failure, now).await),
        Act::FailClaimed(build, fence) => say(store.fail_claimed(build, fence, &failure, now).await),
        Act::Request(resource) => say(store.request_check(resource, now).await),
        Act::Delete(pipeline) => say(store.delete_pipeline(pipeline).await),
    }
}

impl Known {
    /// Looks at what an act may have made.
    async fn learn(&mut self, store: &dyn Store, act: &Act) {
        match act {
            Act::Save(_) | Act::Delete(_) => self.learn_pipelines(store).await,
            Act::Version(..) | Act::Check(..) | Act::Events(..) => self.learn_versions(store).await,
            Act::Insert(pipeline, new) => {
                let newest = store.recent_builds(*pipeline, 1).await.unwrap();
                let known = |id| self.builds.iter().any(|(_, _, known)| *known == id);
                let fresh = newest.first().filter(|build| build.job == new.job && !known(build.id));
                self.builds.extend(fresh.map(|build| (*pipeline, build.job, build.id)));
            }
            Act::Claim(build, _) => {
                let claim = store.build(*build).await.unwrap().and_then(|build| build.claim);
                if let Some(claim) = claim
                    && !self.fences.contains(&(*build, claim.fence))
                {
                    self.fences.push((*build, claim.fence));
                    self.through.insert(*build, 0);
                }
            }
            _ => {}
        }
    }

    async fn learn_pipelines(&mut self, store: &dyn Store) {
        self.pipelines.clear();
        self.jobs.clear();
        self.resources.clear();
        for row in store.pipelines(None).await.unwrap() {
            self.pipelines.push((row.id, row.revision));
            let jobs = store.jobs(row.id).await.unwrap();
            self.jobs.extend(jobs.into_iter().map(|job| (row.id, job.id, job.name)));
            let resources = store.resources(row.id).await.unwrap();
            self.resources.extend(resources.into_iter().map(|resource| (row.id, resource.id)));
        }
        let alive: Vec<PipelineId> = self.pipelines.iter().map(|(id, _)| *id).collect();
        self.builds.retain(|(pipeline, _, _)| alive.contains(pipeline));
        let builds: Vec<BuildId> = self.builds.iter().map(|(_, _, id)| *id).collect();
        self.fences.retain(|(build, _)| builds.contains(build));
        self.learn_versions(store).await;
    }

    async fn learn_versions(&mut self, store: &dyn Store) {
        self.versions.clear();
        let page = crate::port::store::Page { limit: 100, before: None, after: None };
        for (_, resource) in &self.resources {
            let rows = store.versions(*resource, page).await.unwrap();
            self.versions.extend(rows.into_iter().map(|row| (*resource, row.version.id)));
        }
    }
}

//! Downstream jobs: which versions that passed upstream are due for a build.

use std::collections::{BTreeMap, BTreeSet};

use pikoci_model::id::VersionId;
use pikoci_model::scheduling::{GetSource, GetState, JobState, UpstreamBuild};
use pikoci_model::step::VersionMode;

use super::versions::{alike, upstream_of};

/// Why a downstream job gets no build now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPassed {
    /// No version has passed all upstream jobs of this get.
    NoCandidate {
        /// The get's key.
        get: String,
    },
    /// The best version of every get has been built.
    AllBuilt,
}

/// What one triggering get with `passed` would take.
struct Candidate<'a> {
    get: &'a GetState,
    version: VersionId,
    /// No build of the job has used it in this get.
    fresh: bool,
}

/// The versions that a new build of `job` is due for, by get key, or why none is due. `None` where no get of the job
/// both triggers and names upstream jobs.
///
/// Every such get needs a candidate and at least one candidate must be unused. Gets that share an upstream job take
/// versions that went through one of its builds together, if there is such a build with an unused candidate in it;
/// else each takes its own best. A result always holds an unused candidate, so a job never gets the same build twice.
pub fn passed(job: &JobState) -> Option<Result<BTreeMap<String, VersionId>, NotPassed>> {
    let triggering: Vec<&GetState> =
        job.gets.iter().filter(|get| get.trigger && !upstream_of(get).is_empty()).collect();
    if triggering.is_empty() {
        return None;
    }
    let mut candidates = Vec::new();
    for get in triggering {
        match candidate(get) {
            Some(candidate) => candidates.push(candidate),
            None => return Some(Err(NotPassed::NoCandidate { get: get.name.clone() })),
        }
    }
    agree(&mut candidates);
    if !candidates.iter().any(|candidate| candidate.fresh) {
        return Some(Err(NotPassed::AllBuilt));
    }
    let mut chosen: BTreeMap<String, VersionId> =
        candidates.iter().map(|c| (c.get.name.clone(), c.version)).collect();
    chosen.extend(together(job, &candidates));
    Some(Ok(chosen))
}

fn candidate(get: &GetState) -> Option<Candidate<'_>> {
    let GetSource::Passed { highest, lowest_unused, .. } = &get.source else { return None };
    let (highest, used) = (*highest)?;
    Some(match (get.mode, lowest_unused) {
        (VersionMode::Every, Some(lowest)) => Candidate { get, version: *lowest, fresh: true },
        _ => Candidate { get, version: highest, fresh: !used },
    })
}

/// Gets that draw from the same versions take the same one, and where one of them takes each in turn, that one.
fn agree(candidates: &mut [Candidate<'_>]) {
    for index in 0..candidates.len() {
        let get = candidates[index].get;
        let same = candidates.iter().filter(|other| alike(get, other.get));
        if let Some((used, version)) = same.map(|other| (!other.fresh, other.version)).min() {
            (candidates[index].version, candidates[index].fresh) = (version, !used);
        }
    }
}

/// What gets with a common upstream job take instead of their own best, by get key; also for gets that do not
/// trigger.
fn together(job: &JobState, candidates: &[Candidate<'_>]) -> BTreeMap<String, VersionId> {
    let mut settled: BTreeMap<String, VersionId> = BTreeMap::new();
    let upstream: BTreeSet<&str> = job.upstream.iter().map(|build| build.job.as_str()).collect();
    for name in upstream {
        let gets: Vec<&GetState> = job
            .gets
            .iter()
            .filter(|get| upstream_of(get).contains(&name) && !settled.contains_key(&get.name))
            .collect();
        let resources: BTreeSet<_> = gets.iter().map(|get| get.resource).collect();
        if resources.len() < 2 {
            continue;
        }
        if let Some(build) = best_build(job, name, &gets, candidates) {
            let versions =
                gets.iter().filter_map(|get| Some((get.name.clone(), *build.versions.get(&get.resource)?)));
            settled.extend(versions);
        }
    }
    settled
}

/// The build of upstream job `name` that carried an unused candidate together with usable versions of all `gets`: the
/// one with the most best versions, of several the newest.
fn best_build<'a>(
    job: &'a JobState,
    name: &str,
    gets: &[&GetState],
    candidates: &[Candidate<'_>],
) -> Option<&'a UpstreamBuild> {
    let usable = |build: &&UpstreamBuild| {
        build.job == name
            && gets.iter().all(|get| {
                build.versions.get(&get.resource).is_some_and(|version| has_passed(job, get, *version))
            })
            && candidates.iter().any(|c| {
                c.fresh
                    && gets.iter().any(|get| get.name == c.get.name)
                    && build.versions.get(&c.get.resource) == Some(&c.version)
            })
    };
    let best_of =
        |get: &GetState| candidates.iter().find(|c| c.get.name == get.name).map(|c| c.version).or(get.newest);
    let score = |build: &UpstreamBuild| {
        gets.iter().filter(|get| build.versions.get(&get.resource).copied() == best_of(get)).count()
    };
    job.upstream.iter().filter(usable).max_by_key(|build| (score(build), build.build))
}

/// Whether `version` is known to have passed every upstream job of `get`.
fn has_passed(job: &JobState, get: &GetState, version: VersionId) -> bool {
    let highest = match &get.source {
        GetSource::Passed { highest, .. } => highest.map(|(version, _)| version),
        GetSource::Root { .. } => None,
    };
    highest == Some(version)
        || get.newest == Some(version)
        || upstream_of(get).iter().all(|name| {
            job.upstream
                .iter()
                .any(|build| build.job == *name && build.versions.get(&get.resource) == Some(&version))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pikoci_model::id::{BuildId, JobId, ResourceId};

    /// A get of resource `id`: its upstream jobs, its best version and whether that is used.
    fn get(id: i64, jobs: &[&str], highest: Option<(i64, bool)>) -> GetState {
        let highest = highest.map(|(version, used)| (VersionId(version), used));
        GetState {
            name: format!("r{id}"),
            resource: ResourceId(id),
            canonical: format!("mem.r{id}"),
            trigger: true,
            mode: VersionMode::Latest,
            newest: highest.map(|(version, _)| version),
            source: GetSource::Passed {
                jobs: jobs.iter().map(|job| (*job).to_owned()).collect(),
                highest,
                lowest_unused: None,
            },
        }
    }

    /// Build `id` of `job` with versions of resources 1 and 2.
    fn upstream(id: i64, job: &str, versions: [i64; 2]) -> UpstreamBuild {
        let versions = [(ResourceId(1), VersionId(versions[0])), (ResourceId(2), VersionId(versions[1]))];
        UpstreamBuild { job: job.into(), build: BuildId(id), versions: versions.into() }
    }

    fn job(gets: Vec<GetState>, upstream: Vec<UpstreamBuild>) -> JobState {
        JobState { id: JobId(1), name: "j".into(), interruptible: false, gets, upstream }
    }

    fn chosen(job: &JobState) -> Vec<i64> {
        passed(job).unwrap().unwrap().into_values().map(|version| version.0).collect()
    }

    #[test]
    fn it_is_due_when_every_get_has_a_candidate_and_one_is_unused() {
        let cases = [
            (vec![get(1, &["u"], None)], Err(NotPassed::NoCandidate { get: "r1".into() })),
            (vec![get(1, &["u"], Some((7, true)))], Err(NotPassed::AllBuilt)),
            (vec![get(1, &["u"], Some((7, false)))], Ok(vec![7])),
            (vec![get(1, &["u"], Some((7, false))), get(2, &["w"], Some((9, true)))], Ok(vec![7, 9])),
            (
                vec![get(1, &["u"], Some((7, false))), get(2, &["w"], None)],
                Err(NotPassed::NoCandidate { get: "r2".into() }),
            ),
        ];
        for (gets, expected) in cases {
            let found = passed(&job(gets.clone(), vec![])).unwrap();
            let found = found.map(|versions| versions.into_values().map(|v| v.0).collect());
            assert_eq!(found, expected, "{gets:?}");
        }
        let mut idle = get(1, &["u"], Some((7, false)));
        idle.trigger = false;
        assert_eq!(passed(&job(vec![idle], vec![])), None);
    }

    #[test]
    fn gets_with_a_common_upstream_take_what_went_through_it_together() {
        let gets = |one, two| vec![get(1, &["u"], Some(one)), get(2, &["u"], Some(two))];
        let builds = vec![upstream(4, "u", [12, 21]), upstream(3, "u", [11, 22])];
        // The best of each never met: the newest meeting of an unused one is taken …
        assert_eq!(chosen(&job(gets((12, false), (22, false)), builds.clone())), [12, 21]);
        // … then the other one, and then nothing is left.
        assert_eq!(chosen(&job(gets((12, true), (22, false)), builds.clone())), [11, 22]);
        assert_eq!(
            passed(&job(gets((12, true), (22, true)), builds.clone())).unwrap(),
            Err(NotPassed::AllBuilt)
        );
        // Where the best of each met, an older build does not matter, nor does a newer one with less.
        let met = [vec![upstream(5, "u", [12, 22]), upstream(6, "u", [12, 20])], builds].concat();
        assert_eq!(chosen(&job(gets((12, false), (22, false)), met)), [12, 22]);
        // No meeting is known: each its own best.
        assert_eq!(chosen(&job(gets((12, false), (22, false)), vec![])), [12, 22]);
    }

    #[test]
    fn different_upstream_jobs_are_resolved_apart() {
        let gets = vec![get(1, &["u"], Some((12, false))), get(2, &["w"], Some((22, false)))];
        assert_eq!(chosen(&job(gets, vec![upstream(1, "u", [12, 21])])), [12, 22]);
        let both = vec![get(1, &["u", "w"], Some((12, false))), get(2, &["u", "w"], Some((22, false)))];
        // 11 went through `u` with 22, but nobody knows of it in `w`.
        assert_eq!(chosen(&job(both, vec![upstream(1, "u", [11, 22])])), [12, 22]);
    }

    /// The second get of resource 1.
    fn second(jobs: &[&str], highest: Option<(i64, bool)>) -> GetState {
        GetState { name: "r1#2".into(), ..get(1, jobs, highest) }
    }

    #[test]
    fn two_gets_of_one_resource_are_two_gates() {
        let due = |unit, lint| passed(&job(vec![get(1, &["unit"], unit), second(&["lint"], lint)], vec![]));
        for (unit, lint, closed) in [(Some((7, false)), None, "r1#2"), (None, Some((7, false)), "r1")] {
            assert_eq!(due(unit, lint), Some(Err(NotPassed::NoCandidate { get: closed.into() })));
        }
        let both = due(Some((8, false)), Some((7, true))).unwrap().unwrap();
        assert_eq!(both, [("r1".to_owned(), VersionId(8)), ("r1#2".to_owned(), VersionId(7))].into());
    }

    #[test]
    fn two_gets_with_the_same_gate_take_the_same_version() {
        let lowest = |mut get: GetState, lowest: i64| {
            let GetSource::Passed { lowest_unused, .. } = &mut get.source else { panic!() };
            (*lowest_unused, get.mode) = (Some(VersionId(lowest)), VersionMode::Every);
            get
        };
        let (latest, each) = (get(1, &["u"], Some((7, false))), second(&["u"], Some((7, false))));
        assert_eq!(chosen(&job(vec![latest, lowest(each, 5)], vec![])), [5, 5]);
        // The first has used its best, the second has not seen all of them.
        let (latest, each) = (get(1, &["u"], Some((7, true))), second(&["u"], Some((7, false))));
        assert_eq!(chosen(&job(vec![latest, lowest(each, 6)], vec![])), [6, 6]);
    }
}

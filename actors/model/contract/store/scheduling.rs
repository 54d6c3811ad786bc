//! What decisions are made from, and batches of writes.

use std::collections::BTreeMap;

use super::{
    World,
    world::{at, concluded, every, finished, get, job, started, value},
};
use crate::{
    build::{BuildEvent, BuildStatus, BuildVersion, Cause, Phase},
    id::{BuildId, PipelineId, StateRevision, StepPath, VersionId},
    outcome::Failure,
    pipeline::Job,
    port::store::Recorded,
    scheduling::{GetSource, Write},
};

fn fresh(source: &GetSource) -> &[VersionId] {
    match source {
        GetSource::Root { fresh } => fresh,
        GetSource::Passed { .. } => panic!("not a root get"),
    }
}

/// The highest candidate with whether it was used, and the lowest unused one.
fn passed(source: &GetSource) -> (Option<(VersionId, bool)>, Option<VersionId>) {
    match source {
        GetSource::Passed { highest, lowest_unused, .. } => (*highest, *lowest_unused),
        GetSource::Root { .. } => panic!("not a get with passed"),
    }
}

pub async fn a_new_get_starts_at_the_newest_version(world: &World) {
    let id = world.save(vec![job("test", vec![get("app", "git.app", &[])])]).await;
    let app = world.resource(id, "git.app").await;
    let first = world.version(app, "a").await;
    let state = world.get_state(id, "test", "app").await;
    assert_eq!(
        (fresh(&state.source), state.newest),
        (&[first][..], Some(first)),
        "it was there before the version"
    );
    let jobs = vec![
        job("test", vec![get("app", "git.app", &[])]),
        job("late", vec![get("app", "git.app", &[])]),
        job("ship", vec![every(get("app", "git.app", &["test"]))]),
    ];
    world.save(jobs).await;
    assert_eq!(fresh(&world.get_state(id, "test", "app").await.source), [first], "it stays as it was");
    assert_eq!(fresh(&world.get_state(id, "late", "app").await.source), [], "it does not replay the past");
    world.run_with(id, "test", &[("app", first)], BuildStatus::Succeeded).await;
    let ship = world.get_state(id, "ship", "app").await;
    assert_eq!(passed(&ship.source), (None, None), "the version is not above the baseline");
    assert_eq!(ship.newest, Some(first), "but a person may take it");
}

pub async fn fresh_versions_are_considered_once(world: &World) {
    let id = world.save(vec![job("test", vec![get("app", "git.app", &[])])]).await;
    let app = world.resource(id, "git.app").await;
    let ids = world.check(app, &["a", "b", "c"]).await;
    assert_eq!(fresh(&world.get_state(id, "test", "app").await.source), ids);
    let test = world.job(id, "test").await;
    let consider = |up_to| Write::Consider { job: test, get: "app".into(), up_to };
    world.write(id, consider(ids[1])).await;
    world.write(id, consider(ids[0])).await;
    assert_eq!(fresh(&world.get_state(id, "test", "app").await.source), [ids[2]]);
}

pub async fn a_batch_is_conditional_on_the_revision(world: &World) {
    let id = world.save(vec![job("test", vec![])]).await;
    let state = world.state(id).await;
    let write = Write::InsertBuild(world.new_build(id, "test", &[]).await);
    let applied = world.store.apply(id, Some(state.revision), vec![write], at(3)).await.unwrap().unwrap();
    assert!(applied.revision > state.revision && applied.builds.len() == 1 && applied.builds[0].new);
    assert_eq!(world.state(id).await.revision, applied.revision);
    let late = Write::InsertBuild(world.new_build(id, "test", &[]).await);
    assert_eq!(world.store.apply(id, Some(state.revision), vec![late], at(3)).await.unwrap(), None);
    assert_eq!(world.state(id).await.unfinished.len(), 1);
    let nothing = world.store.apply(id, None, vec![], at(3)).await.unwrap().unwrap();
    assert_eq!((nothing.revision, nothing.builds.len()), (applied.revision, 0));
    let unknown = PipelineId(999);
    assert_eq!(world.store.apply(unknown, Some(StateRevision(0)), vec![], at(3)).await.unwrap(), None);
    // A batch with a write that cannot be is refused whole.
    let good = world.new_build(id, "test", &[]).await;
    let retry = Cause::Retry { source: BuildId(999), number: 1, by: "ada".into() };
    let bad = crate::scheduling::NewBuild { cause: retry, ..good.clone() };
    let batch = vec![Write::InsertBuild(good), Write::InsertBuild(bad)];
    assert!(world.store.apply(id, None, batch, at(3)).await.is_err());
    assert_eq!(world.state(id).await.unfinished.len(), 1);
}

pub async fn a_cause_gives_one_build(world: &World) {
    let id = world.save(vec![job("test", vec![get("app", "git.app", &[])])]).await;
    let version = world.version(world.resource(id, "git.app").await, "a").await;
    let mut new = world.new_build(id, "test", &[("app", version)]).await;
    new.cause = Cause::Resource { resource: "git.app".into(), version };
    let first = world.write(id, Write::InsertBuild(new.clone())).await;
    let second = world.write(id, Write::InsertBuild(new.clone())).await;
    assert!(first[0].new && !second[0].new);
    assert_eq!((first[0].id, first[0].number), (second[0].id, second[0].number));
    let build = world.build(first[0].id).await;
    assert_eq!((build.cause, build.versions, build.inputs), (new.cause, new.versions, new.inputs));
    assert_eq!((build.status, build.phase, build.run), (BuildStatus::Pending, Phase::Queued, 1));
    let versions = world.store.build_versions(first[0].id).await.unwrap();
    assert_eq!(versions["app"].id, version);
}

pub async fn numbers_are_never_reused(world: &World) {
    let id = world.save(vec![job("test", vec![])]).await;
    let first = world.run_with(id, "test", &[], BuildStatus::Failed).await;
    world.run_with(id, "test", &[], BuildStatus::Failed).await;
    let retry = async |source, number| {
        let mut new = world.new_build(id, "test", &[]).await;
        new.cause = Cause::Retry { source, number, by: "ada".into() };
        world.write(id, Write::InsertBuild(new)).await[0].number.to_string()
    };
    assert_eq!(retry(first, 1).await, "1.1");
    let test = world.job(id, "test").await;
    let again = world.store.build_by_number(test, "1.1".parse().unwrap()).await.unwrap().unwrap();
    world.run(again.id, BuildStatus::Failed).await;
    assert_eq!(retry(again.id, 2).await, "1.2", "a retry of a retry is a child of the original");
    assert_eq!(world.store.retries(test, 1).await.unwrap(), 2);
    assert_eq!(world.store.retries(test, 2).await.unwrap(), 0);
    let next = world.insert(id, "test", &[]).await;
    assert_eq!(world.build(next).await.number.to_string(), "3");
}

fn chain() -> Vec<Job> {
    vec![job("test", vec![get("app", "git.app", &[])]), job("ship", vec![get("app", "git.app", &["test"])])]
}

pub async fn versions_pass_through_jobs(world: &World) {
    let id = world.save(chain()).await;
    let ids = world.check(world.resource(id, "git.app").await, &["a", "b", "c"]).await;
    let candidates = async || passed(&world.get_state(id, "ship", "app").await.source).0;
    world.run_with(id, "test", &[("app", ids[0])], BuildStatus::Failed).await;
    assert_eq!(candidates().await, None);
    let before = world.state(id).await.revision;
    world.run_with(id, "test", &[("app", ids[1])], BuildStatus::Warning).await;
    assert_eq!(candidates().await, Some((ids[1], false)));
    assert!(world.state(id).await.revision > before);
    world.run_with(id, "test", &[("app", ids[0])], BuildStatus::Succeeded).await;
    assert_eq!(candidates().await, Some((ids[1], false)), "version order is id order");
    world.insert(id, "ship", &[("app", ids[1])]).await;
    assert_eq!(candidates().await, Some((ids[1], true)), "a build has used it, whatever its status");
    let state = world.get_state(id, "ship", "app").await;
    assert_eq!((state.newest, state.trigger), (Some(ids[1]), true));
}

pub async fn every_takes_the_lowest_unused(world: &World) {
    let mut jobs = chain();
    let id = world.save(jobs.clone()).await;
    let app = world.resource(id, "git.app").await;
    let ids = world.check(app, &["a", "b", "c", "d"]).await;
    let unused = async || passed(&world.get_state(id, "ship", "app").await.source).1;
    for version in &ids[..2] {
        world.run_with(id, "test", &[("app", *version)], BuildStatus::Succeeded).await;
    }
    assert_eq!(unused().await, None, "only `every` asks for it");
    jobs[1] = job("ship", vec![every(get("app", "git.app", &["test"]))]);
    world.save(jobs).await;
    assert_eq!(unused().await, Some(ids[1]), "what was skipped before stays skipped");
    for version in &ids[2..] {
        world.run_with(id, "test", &[("app", *version)], BuildStatus::Succeeded).await;
    }
    world.insert(id, "ship", &[("app", ids[1])]).await;
    assert_eq!(unused().await, Some(ids[2]));
    world.insert(id, "ship", &[("app", ids[3])]).await;
    assert_eq!(unused().await, Some(ids[2]));
}

pub async fn a_join_needs_every_job(world: &World) {
    let id = world
        .save(vec![
            job("unit", vec![get("src", "git.app", &[])]),
            job("lint", vec![get("src", "git.app", &[])]),
            job("ship", vec![get("app", "git.app", &["lint", "unit"])]),
        ])
        .await;
    let ids = world.check(world.resource(id, "git.app").await, &["a", "b"]).await;
    let ship = async || world.get_state(id, "ship", "app").await;
    world.run_with(id, "unit", &[("src", ids[0])], BuildStatus::Succeeded).await;
    world.run_with(id, "lint", &[("src", ids[1])], BuildStatus::Succeeded).await;
    assert_eq!((passed(&ship().await.source).0, ship().await.newest), (None, None));
    world.run_with(id, "unit", &[("src", ids[1])], BuildStatus::Succeeded).await;
    assert_eq!(passed(&ship().await.source).0, Some((ids[1], false)));
    world.run_with(id, "lint", &[("src", ids[0])], BuildStatus::Succeeded).await;
    assert_eq!(passed(&ship().await.source).0, Some((ids[1], false)));
}

pub async fn shared_upstream_builds_are_given(world: &World) {
    let both = || vec![get("app", "git.app", &[]), get("lib", "git.lib", &[])];
    let below = vec![get("app", "git.app", &["test"]), get("lib", "git.lib", &["test"])];
    let id = world.save(vec![job("test", both()), job("ship", below)]).await;
    let (app, lib) = (world.resource(id, "git.app").await, world.resource(id, "git.lib").await);
    let (apps, libs) = (world.check(app, &["a", "b"]).await, world.check(lib, &["x", "y"]).await);
    let mut builds = Vec::new();
    for (app, lib) in [(apps[0], libs[1]), (apps[1], libs[0])] {
        let uses = [("app", app), ("lib", lib)];
        builds.push(world.run_with(id, "test", &uses, BuildStatus::Succeeded).await);
    }
    world.run_with(id, "test", &[("app", apps[1]), ("lib", libs[1])], BuildStatus::Failed).await;
    let upstream = world.job_state(id, "ship").await.upstream;
    assert_eq!(upstream.iter().map(|one| one.build).collect::<Vec<_>>(), [builds[1], builds[0]]);
    assert_eq!(upstream[0].job, "test");
    assert_eq!(upstream[0].versions, BTreeMap::from([(app, apps[1]), (lib, libs[0])]));
    assert_eq!(world.job_state(id, "test").await.upstream, []);
}

pub async fn a_put_counts_as_passed(world: &World) {
    let id = world
        .save(vec![
            job("build", vec![]),
            job("ship", vec![get("image", "image.out", &["build"])]),
            job("scan", vec![get("image", "image.out", &[])]),
        ])
        .await;
    let image = world.resource(id, "image.out").await;
    let build = world.insert(id, "build", &[]).await;
    let fence = world.start(build).await;
    let before = world.state(id).await.revision;
    let created =
        |text| BuildEvent::Created { step: StepPath("1".into()), resource: image, value: value(text) };
    let Recorded::Stored { created: made, .. } =
        world.record(build, fence, 2, vec![started(4), created("sha:1")]).await
    else {
        panic!("the fence is the row's");
    };
    let [(_, version, true)] = made[..] else { panic!("one new version: {made:?}") };
    assert!(world.state(id).await.revision > before, "a put triggers as a check would");
    assert_eq!(fresh(&world.get_state(id, "scan", "image").await.source), [version]);
    assert_eq!(passed(&world.get_state(id, "ship", "image").await.source).0, None);
    world.record(build, fence, 3, vec![concluded(BuildStatus::Succeeded, 6)]).await;
    assert_eq!(passed(&world.get_state(id, "ship", "image").await.source).0, Some((version, false)));
    // A put in a hook, after the status is fixed, counts at once.
    let Recorded::Stored { created: late, .. } =
        world.record(build, fence, 5, vec![created("sha:2"), finished(7)]).await
    else {
        panic!("the fence is the row's");
    };
    assert_eq!(passed(&world.get_state(id, "ship", "image").await.source).0, Some((late[0].1, false)));
    let rows = world.store.versions(image, crate::port::store::Page { limit: 9, before: None, after: None });
    assert!(rows.await.unwrap().iter().all(|row| row.uses[0].build == build));
}

pub async fn queued_builds_are_changed_only_while_queued(world: &World) {
    let id = world.save(vec![job("test", vec![get("app", "git.app", &[])])]).await;
    let app = world.resource(id, "git.app").await;
    let waiting = world.insert(id, "test", &[]).await;
    let awaits = async || world.store.pending_builds(BuildId(0), 9).await.unwrap()[0].awaits.clone();
    assert_eq!(awaits().await.as_deref(), Some("git.app"));
    let version = world.version(app, "a").await;
    let versions = BTreeMap::from([("app".to_owned(), BuildVersion { resource: app, version })]);
    world.write(id, Write::FixVersions { build: waiting, versions: versions.clone() }).await;
    assert_eq!(awaits().await, None);
    assert_eq!(world.build(waiting).await.versions, versions);
    let failed = world.insert(id, "test", &[]).await;
    let failure = Failure::plain("no version");
    world.write(id, Write::Fail { build: failed, failure: failure.clone() }).await;
    let build = world.build(failed).await;
    assert_eq!((build.status, build.phase, build.ended_at), (BuildStatus::Failed, Phase::Done, Some(at(3))));
    assert_eq!(build.failure, Some(failure.clone()));
    world.start(waiting).await;
    world.write(id, Write::Fail { build: waiting, failure }).await;
    assert_eq!(world.build(waiting).await.status, BuildStatus::Started);
    world.write(id, Write::Cancel { build: waiting, reason: "superseded by #2".into() }).await;
    let build = world.build(waiting).await;
    assert_eq!((build.status, build.phase), (BuildStatus::Cancelled, Phase::Claimed));
    assert_eq!(build.cancel_requested.as_deref(), Some("superseded by #2"));
}

pub async fn pending_builds_come_oldest_first(world: &World) {
    let mut tagged = job("gpu", vec![]);
    tagged.tags = vec!["gpu".into()];
    tagged.concurrency = 2;
    tagged.serial_groups = vec!["deploy".into()];
    let id = world.save(vec![job("test", vec![]), tagged]).await;
    let mut builds = Vec::new();
    for name in ["test", "gpu", "test"] {
        builds.push(world.insert(id, name, &[]).await);
    }
    let pending = async |after: BuildId, limit| {
        let found = world.store.pending_builds(after, limit).await.unwrap();
        found.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(pending(BuildId(0), 2).await, builds[..2]);
    assert_eq!(pending(builds[1], 9).await, builds[2..]);
    let all = world.store.pending_builds(BuildId(0), 9).await.unwrap();
    assert_eq!((all[1].team.as_str(), all[1].pipeline, all[1].concurrency), ("main", id, 2));
    assert_eq!(
        (&all[1].tags[..], &all[1].serial_groups[..]),
        (&["gpu".to_owned()][..], &["deploy".to_owned()][..])
    );
    world.start(builds[1]).await;
    let held = world.store.held_places().await.unwrap();
    assert_eq!(held.iter().map(|place| place.build).collect::<Vec<_>>(), [builds[1]]);
    assert_eq!(held[0].serial_groups, ["deploy"]);
    assert_eq!(pending(BuildId(0), 9).await, [builds[0], builds[2]]);
}

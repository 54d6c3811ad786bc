//! Gets of one job that share a name.

use super::{
    World,
    world::{get, job},
};
use crate::{
    build::{BuildStatus, Waiting},
    id::{PipelineId, VersionId},
    pipeline::Job,
    port::store::ClaimAnswer,
    scheduling::{GetSource, Write},
    step::Step,
};

/// Two gates, and a job with these gets behind them.
fn behind(gets: Vec<Step>) -> Vec<Job> {
    let gate = |name| job(name, vec![get("src", "git.app", &[])]);
    vec![gate("unit"), gate("lint"), job("ship", gets)]
}

fn two_gates() -> Vec<Job> {
    behind(vec![get("app", "git.app", &["unit"]), get("app", "git.app", &["lint"])])
}

/// The highest candidate of each get of `ship`, by key, and whether it was used.
async fn highest(world: &World, pipeline: PipelineId) -> Vec<(String, Option<(VersionId, bool)>)> {
    let gets = world.job_state(pipeline, "ship").await.gets.into_iter();
    gets.map(|get| match get.source {
        GetSource::Passed { highest, .. } => (get.name, highest),
        GetSource::Root { .. } => panic!("not a get with passed"),
    })
    .collect()
}

fn by_key<T>(first: T, second: T) -> Vec<(String, T)> {
    vec![("app".to_owned(), first), ("app#2".to_owned(), second)]
}

pub async fn gets_of_one_name_are_kept_apart(world: &World) {
    let id = world.save(two_gates()).await;
    let ids = world.check(world.resource(id, "git.app").await, &["a", "b"]).await;
    assert_eq!(highest(world, id).await, by_key(None, None));
    world.run_with(id, "unit", &[("src", ids[1])], BuildStatus::Succeeded).await;
    world.run_with(id, "lint", &[("src", ids[1])], BuildStatus::Failed).await;
    assert_eq!(highest(world, id).await, by_key(Some((ids[1], false)), None), "the other gate is closed");
    world.run_with(id, "lint", &[("src", ids[0])], BuildStatus::Succeeded).await;
    assert_eq!(highest(world, id).await, by_key(Some((ids[1], false)), Some((ids[0], false))));
    world.insert(id, "ship", &[("app", ids[1])]).await;
    assert_eq!(highest(world, id).await, by_key(Some((ids[1], true)), Some((ids[0], false))));
    world.save([two_gates(), vec![job("more", vec![])]].concat()).await;
    assert_eq!(highest(world, id).await, by_key(Some((ids[1], true)), Some((ids[0], false))));
}

pub async fn gets_of_two_resources_share_a_name(world: &World) {
    let id = world.save(behind(vec![get("app", "git.app", &[]), get("app", "git.lib", &[])])).await;
    let (app, lib) = (world.resource(id, "git.app").await, world.resource(id, "git.lib").await);
    let (of_app, of_lib) = (world.version(app, "a").await, world.version(lib, "x").await);
    let gets = world.job_state(id, "ship").await.gets;
    let found = gets.iter().map(|get| (get.name.as_str(), get.resource, get.newest)).collect::<Vec<_>>();
    assert_eq!(found, [("app", app, Some(of_app)), ("app#2", lib, Some(of_lib))]);
    let consider = Write::Consider { job: world.job(id, "ship").await, get: "app#2".into(), up_to: of_lib };
    world.write(id, consider).await;
    let fresh = |source: GetSource| matches!(source, GetSource::Root { fresh } if !fresh.is_empty());
    assert!(fresh(world.get_state(id, "ship", "app").await.source));
    assert!(!fresh(world.get_state(id, "ship", "app#2").await.source));

    let half = world.insert(id, "ship", &[("app", of_app)]).await;
    let waits = Waiting::NoVersion { resource: "git.lib".into() };
    assert_eq!(world.try_claim(half).await, ClaimAnswer::MustWait(waits));
    let whole = world.insert(id, "ship", &[("app", of_app), ("app#2", of_lib)]).await;
    let versions = world.claim(whole).await.parts.versions;
    assert_eq!((versions["app"].id, versions["app#2"].id), (of_app, of_lib));
}

pub async fn a_key_may_change_hands(world: &World) {
    let id = world.save(two_gates()).await;
    let old = world.version(world.resource(id, "git.app").await, "a").await;
    world.run_with(id, "unit", &[("src", old)], BuildStatus::Succeeded).await;
    world.save(behind(vec![get("app", "git.app", &["lint"])])).await;
    let one = |highest| vec![("app".to_owned(), highest)];
    assert_eq!(highest(world, id).await, one(None), "what passed the other gate says nothing");
    world.run_with(id, "lint", &[("src", old)], BuildStatus::Succeeded).await;
    assert_eq!(highest(world, id).await, one(None), "it does not replay the past");
    let new = world.version(world.resource(id, "git.app").await, "b").await;
    world.run_with(id, "lint", &[("src", new)], BuildStatus::Succeeded).await;
    assert_eq!(highest(world, id).await, one(Some((new, false))));
}

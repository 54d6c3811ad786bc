//! Saving definitions.

use std::collections::BTreeMap;

use super::{
    World,
    world::{at, get, job, pipeline},
};
use crate::{
    build::BuildStatus,
    id::PipelineId,
    port::store::{SaveRevision, SavedRevision},
    scheduling::Write,
    text::SecretValue,
};

pub async fn a_definition_is_saved_once(world: &World) {
    let save = world.revision("app", pipeline(vec![job("test", vec![])]));
    let SavedRevision::Saved { pipeline: id, revision, number: 1, changed: true, .. } =
        world.store.save_revision(save.clone()).await.unwrap()
    else {
        panic!("the first save is revision 1");
    };
    let state = world.state(id).await.revision;
    let again = SaveRevision { public: Some(true), name: "App".into(), ..save.clone() };
    let unchanged =
        SavedRevision::Saved { pipeline: id, revision, number: 1, changed: false, to_check: vec![] };
    assert_eq!(world.store.save_revision(again).await.unwrap(), unchanged);
    assert_eq!(world.state(id).await.revision, state);
    let row = world.store.pipeline("main", "app").await.unwrap().unwrap();
    assert!(row.public && row.name == "App" && row.revision_number == 1 && row.updated_by == "ada");
    assert_eq!(world.store.pipeline_by_id(id).await.unwrap(), Some(row.clone()));
    assert_eq!(world.store.pipelines(Some(world.team)).await.unwrap(), [row]);
    let kept = world.store.revision(revision).await.unwrap().unwrap();
    assert_eq!(
        (kept.pipeline, kept.number, &kept.source, &*kept.compiled),
        (id, 1, &save.source, &save.compiled)
    );
}

pub async fn must_exist_is_kept(world: &World) {
    let save = |must_exist| SaveRevision {
        must_exist,
        ..world.revision("app", pipeline(vec![job("test", vec![])]))
    };
    assert_eq!(world.store.save_revision(save(Some(true))).await.unwrap(), SavedRevision::Exists(false));
    assert_eq!(world.store.pipelines(None).await.unwrap(), []);
    world.store.save_revision(save(Some(false))).await.unwrap();
    assert_eq!(world.store.save_revision(save(Some(false))).await.unwrap(), SavedRevision::Exists(true));
}

/// A job and a resource keep their rows by name, with number, tokens and versions; also after they were gone.
pub async fn what_stays_keeps_its_identity(world: &World) {
    let both = vec![job("test", vec![get("app", "git.app", &[])]), job("ship", vec![])];
    let id = world.save(both.clone()).await;
    let (test, app) = (world.job(id, "test").await, world.resource(id, "git.app").await);
    let token = world.store.resource_by_id(app).await.unwrap().unwrap().webhook_token;
    world.run_with(id, "test", &[("app", world.version(app, "a").await)], BuildStatus::Succeeded).await;

    let mut without = pipeline(vec![job("ship", vec![])]);
    without.resources.remove(0);
    world.store.save_revision(world.revision("app", without)).await.unwrap();
    assert_eq!(world.store.job(id, "test").await.unwrap(), None);
    assert_eq!(world.store.resource(id, "git.app").await.unwrap(), None);
    assert_eq!(world.store.jobs(id).await.unwrap().len(), 1);

    world.save(both).await;
    assert_eq!((world.job(id, "test").await, world.resource(id, "git.app").await), (test, app));
    let row = world.store.resource_by_id(app).await.unwrap().unwrap();
    assert!(row.webhook_token == token && row.latest.is_some());
    let next = world.insert(id, "test", &[]).await;
    assert_eq!(world.build(next).await.number.to_string(), "2");
    assert_eq!(
        world.state(id).await.jobs.iter().map(|j| j.name.as_str()).collect::<Vec<_>>(),
        ["test", "ship"]
    );
}

pub async fn only_what_can_be_checked_and_changed_is_checked(world: &World) {
    let to_check = async |compiled| {
        let SavedRevision::Saved { to_check, .. } =
            world.store.save_revision(world.revision("app", compiled)).await.unwrap()
        else {
            panic!("refused although nothing was demanded");
        };
        to_check
    };
    let mut compiled = pipeline(vec![]);
    let first = to_check(compiled.clone()).await;
    assert_eq!(first.len(), 2, "image.out cannot be checked");
    let due = world.store.due_checks(at(0), 10).await.unwrap();
    assert_eq!(due.iter().map(|check| check.resource).collect::<Vec<_>>(), first);
    for resource in &first {
        world.check(*resource, &[]).await;
    }
    compiled.resources[1].tags.push("gpu".into());
    assert_eq!(to_check(compiled.clone()).await, [first[1]]);
    if let Some(kind) = compiled.resource_types.get_mut("git") {
        kind.cache = true;
    }
    assert_eq!(to_check(compiled).await, first);
}

pub async fn given_values_are_replaced(world: &World) {
    let mut save = world.revision("app", pipeline(vec![]));
    save.vars = BTreeMap::from([("branch".to_owned(), "main".into()), ("n".to_owned(), 3.into())]);
    save.given_secrets = BTreeMap::from([("token".to_owned(), SecretValue::new("hunter2"))]);
    let SavedRevision::Saved { pipeline: id, .. } = world.store.save_revision(save.clone()).await.unwrap()
    else {
        panic!("refused although nothing was demanded");
    };
    let (vars, secrets) = world.store.given_values(id).await.unwrap();
    assert_eq!((&vars, &secrets), (&save.vars, &save.given_secrets));
    let other = SaveRevision { content_hash: "other".into(), vars: BTreeMap::new(), ..save };
    world.store.save_revision(other).await.unwrap();
    let (vars, secrets) = world.store.given_values(id).await.unwrap();
    assert!(vars.is_empty() && secrets.len() == 1);
}

pub async fn a_pipeline_with_unfinished_builds_is_not_deleted(world: &World) {
    let id = world.save(vec![job("test", vec![get("app", "git.app", &[])])]).await;
    let app = world.resource(id, "git.app").await;
    let version = world.version(app, "a").await;
    let build = world.insert(id, "test", &[("app", version)]).await;
    assert!(!world.store.delete_pipeline(id).await.unwrap());
    world.run(build, BuildStatus::Succeeded).await;
    assert!(world.store.delete_pipeline(id).await.unwrap());
    assert_eq!(world.store.pipeline_by_id(id).await.unwrap(), None);
    assert_eq!(world.store.scheduling_state(id).await.unwrap(), None);
    assert_eq!(world.store.build(build).await.unwrap(), None);
    assert_eq!(world.store.version(version).await.unwrap(), None);
    assert!(world.store.build_counts().await.unwrap().is_empty());
    let next = world.save(vec![job("test", vec![])]).await;
    assert!(next > id, "an id was used twice");
}

pub async fn jobs_show_their_newest_builds(world: &World) {
    let id = world.save(vec![job("b", vec![]), job("a", vec![])]).await;
    let ended = world.run_with(id, "a", &[], BuildStatus::Failed).await;
    let latest = world.insert(id, "a", &[]).await;
    let jobs = world.store.jobs(id).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert!(jobs[0].latest.is_none() && jobs[0].latest_ended.is_none());
    assert_eq!(jobs[1].latest.as_ref().map(|build| build.id), Some(latest));
    assert_eq!(jobs[1].latest_ended.as_ref().map(|build| build.id), Some(ended));
    assert_eq!(world.store.job(id, "a").await.unwrap().as_ref(), Some(&jobs[1]));
    let other = world.insert(id, "b", &[]).await;
    let recent = world.store.recent_builds(id, 2).await.unwrap();
    assert_eq!(recent.iter().map(|build| build.id).collect::<Vec<_>>(), [other, latest]);
    let row = world.store.pipeline_by_id(id).await.unwrap().unwrap();
    assert_eq!(row.last_build_at, Some(at(2)));
}

pub async fn a_pipeline_knows_its_waiting_builds(world: &World) {
    let id = world.save(vec![job("a", vec![]), job("b", vec![])]).await;
    let begun = world.insert(id, "a", &[]).await;
    world.start(begun).await;
    let mut queued = Vec::new();
    for name in ["b", "a", "b"] {
        queued.push(world.insert(id, name, &[]).await);
    }
    let waiting = async |pipeline, limit| {
        let (builds, total) = world.store.waiting_builds(pipeline, limit).await.unwrap();
        (builds.iter().map(|build| build.id).collect::<Vec<_>>(), total)
    };
    assert_eq!(waiting(id, 2).await, (queued[..2].to_vec(), 3));
    assert_eq!(waiting(id, 9).await, (queued.clone(), 3));
    assert_eq!(waiting(PipelineId(id.0 + 1), 9).await, (Vec::new(), 0));
    world.write(id, Write::Cancel { build: queued[0], reason: "superseded".into() }).await;
    assert_eq!(waiting(id, 9).await, (queued[1..].to_vec(), 2));
}

//! Claims.

use super::{
    World,
    world::{at, finished, get, job, node, pipeline, started, step},
};
use crate::{
    build::{BuildStatus, Phase, Waiting},
    id::Fence,
    outcome::Failure,
    port::store::{ClaimAnswer, ClaimRequest, Recorded, Requeued, SaveRevision},
    text::SecretValue,
};

pub async fn a_build_is_claimed_once(world: &World) {
    let id = world.save(vec![job("test", vec![])]).await;
    let build = world.insert(id, "test", &[]).await;
    let claimed = world.claim(build).await.build;
    assert_eq!((claimed.status, claimed.phase), (BuildStatus::Started, Phase::Claimed));
    assert_eq!(claimed.worker.as_deref(), Some("worker-1"));
    let claim = claimed.claim.clone().unwrap();
    assert_eq!((claim.node, claim.fence), (node("w"), Fence::new(1, 0xdead_beef)));
    assert_eq!(world.build(build).await, claimed);
    assert_eq!(world.claim(build).await.build, claimed, "the answer may have got lost");
    let request = ClaimRequest {
        build,
        node: node("w"),
        incarnation: claim.incarnation,
        worker: "worker-1".into(),
        random: 7,
    };
    let other = ClaimRequest { node: node("v"), random: 0xdead_beef, ..request.clone() };
    assert_eq!(world.store.claim(&request).await.unwrap(), ClaimAnswer::Gone);
    assert_eq!(world.store.claim(&other).await.unwrap(), ClaimAnswer::Gone);
    assert_eq!(world.try_claim(crate::id::BuildId(999)).await, ClaimAnswer::Gone);
    assert_eq!(world.store.held_by(&node("w")).await.unwrap(), std::slice::from_ref(&claimed));
    assert_eq!(world.store.held_by(&node("v")).await.unwrap(), []);
    assert_eq!(world.store.claimed_builds().await.unwrap(), std::slice::from_ref(&claimed));
    world.record(build, claim.fence, 1, vec![started(6)]).await;
    assert_eq!(world.try_claim(build).await, ClaimAnswer::Gone, "it has begun");
}

/// A cancelled build holds its place until it is done.
pub async fn concurrency_is_rechecked(world: &World) {
    let mut one = job("test", vec![]);
    one.concurrency = 1;
    let id = world.save(vec![one, job("other", vec![])]).await;
    let (first, second) = (world.insert(id, "test", &[]).await, world.insert(id, "test", &[]).await);
    let other = world.insert(id, "other", &[]).await;
    let fence = world.start(first).await;
    world.start(other).await;
    let waits = ClaimAnswer::MustWait(Waiting::Concurrency { limit: 1, held_by: vec![first] });
    assert_eq!(world.try_claim(second).await, waits);
    world.store.request_cancel(first, "cancelled by ada", at(6)).await.unwrap();
    assert_eq!(world.try_claim(second).await, waits);
    world.record(first, fence, 1, vec![finished(7)]).await;
    world.claim(second).await;
}

/// Builds of the same job do not exclude each other by their group.
pub async fn serial_groups_are_rechecked(world: &World) {
    let grouped = |name, groups: &[&str]| {
        let mut job = job(name, vec![]);
        job.serial_groups = groups.iter().map(|&group| group.to_owned()).collect();
        job
    };
    let jobs = vec![grouped("a", &["x", "y"]), grouped("b", &["y"]), grouped("c", &["z"])];
    let id = world.save(jobs).await;
    let first = world.insert(id, "a", &[]).await;
    let fence = world.start(first).await;
    world.claim(world.insert(id, "a", &[]).await).await;
    world.claim(world.insert(id, "c", &[]).await).await;
    let waiting = world.insert(id, "b", &[]).await;
    let expected = Waiting::SerialGroup { group: "y".into(), held_by: first };
    assert_eq!(world.try_claim(waiting).await, ClaimAnswer::MustWait(expected));
    // The definition that a build keeps counts, not the newest.
    world.save(vec![job("a", vec![]), job("b", vec![]), job("c", vec![])]).await;
    assert!(matches!(world.try_claim(waiting).await, ClaimAnswer::MustWait(_)));
    world.record(first, fence, 1, vec![finished(7)]).await;
    assert!(
        matches!(world.try_claim(waiting).await, ClaimAnswer::MustWait(_)),
        "the other build of `a` holds it"
    );
}

pub async fn a_build_without_its_version_waits(world: &World) {
    let id = world.save(vec![job("test", vec![get("app", "git.app", &[])])]).await;
    let build = world.insert(id, "test", &[]).await;
    let waiting = Waiting::NoVersion { resource: "git.app".into() };
    assert_eq!(world.try_claim(build).await, ClaimAnswer::MustWait(waiting));
}

pub async fn a_claim_has_all_parts(world: &World) {
    let compiled = pipeline(vec![job("test", vec![get("app", "git.app", &[])])]);
    let secrets = std::collections::BTreeMap::from([("token".to_owned(), SecretValue::new("hunter2"))]);
    let save = SaveRevision { given_secrets: secrets.clone(), ..world.revision("app", compiled.clone()) };
    world.store.save_revision(save).await.unwrap();
    let id = world.store.pipeline("main", "app").await.unwrap().unwrap().id;
    let app = world.resource(id, "git.app").await;
    let version = world.version(app, "a").await;
    let parts = world.claim(world.insert(id, "test", &[("app", version)]).await).await.parts;
    assert_eq!((parts.team.as_str(), parts.pipeline.as_str()), ("main", "app"));
    assert_eq!((&*parts.definition, &parts.given_secrets), (&compiled, &secrets));
    assert_eq!((parts.versions["app"].id, parts.versions["app"].resource), (version, app));
    assert_eq!(parts.resources.len(), 3);
    assert_eq!(parts.resources["git.app"], app);
}

/// After a loss nothing that carries the old fence has an effect.
pub async fn old_fences_are_void(world: &World) {
    let id = world.save(vec![job("test", vec![])]).await;
    let build = world.insert(id, "test", &[]).await;
    let old = world.start(build).await;
    let failure = Failure::plain("the worker was lost");
    let requeue = async |fence| world.store.requeue(build, fence, true, &failure, at(8)).await.unwrap();
    assert_eq!(requeue(old).await, Requeued::Queued);
    let before = world.build(build).await;
    let events = || vec![started(9), step("0", BuildStatus::Started), finished(9)];
    assert_eq!(world.record(build, old, 3, events()).await, Recorded::Void);
    assert_eq!(requeue(old).await, Requeued::Void);
    assert!(!world.store.fail_claimed(build, old, &failure, at(9)).await.unwrap());
    assert_eq!(world.build(build).await, before);
    let new = world.start(build).await;
    assert_eq!((new.claim(), old.claim()), (2, 1));
    assert_eq!(world.record(build, old, 3, events()).await, Recorded::Void);
    assert_eq!(world.store.steps(build, 2).await.unwrap(), []);
    assert!(matches!(world.record(build, new, 3, events()).await, Recorded::Stored { .. }));
}

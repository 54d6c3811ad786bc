//! Checks and versions.

use super::{
    World,
    world::{at, get, job, node, value},
};
use crate::{
    build::BuildStatus,
    check::CheckOutcome,
    id::{PipelineId, ResourceId},
    outcome::Failure,
    port::store::Page,
};

async fn app(world: &World) -> (PipelineId, ResourceId) {
    let pipeline = world.save(vec![job("test", vec![get("app", "git.app", &[])])]).await;
    (pipeline, world.resource(pipeline, "git.app").await)
}

fn found(texts: &[&str]) -> CheckOutcome {
    CheckOutcome { result: Ok(texts.iter().map(|text| value(text)).collect()), log: "ok".into() }
}

pub async fn one_check_at_a_time(world: &World) {
    let (pipeline, app) = app(world).await;
    let store = &world.store;
    let due = async |now| {
        store.due_checks(at(now), 10).await.unwrap().iter().map(|check| check.resource).collect::<Vec<_>>()
    };
    assert_eq!(due(-1).await, [], "its time has not come");
    assert!(due(0).await.contains(&app));
    let lease = store.lease_check(app, &node("w"), at(0), at(300)).await.unwrap().unwrap();
    assert_eq!(store.lease_check(app, &node("v"), at(1), at(301)).await.unwrap(), None);
    assert!(!due(5).await.contains(&app), "it is being checked");
    let row = store.resource_by_id(app).await.unwrap().unwrap();
    assert_eq!(row.checking, Some(lease.clone()));
    assert_eq!(store.checks_held_by(&node("w")).await.unwrap(), [(app, lease.number)]);
    let recorded = store.record_check(app, lease.number, &found(&["a"]), at(6), Some(at(60))).await.unwrap();
    let recorded = recorded.unwrap();
    assert!(recorded.pipeline == pipeline && recorded.new.len() == 1 && !recorded.again);
    let repeated = store.record_check(app, lease.number, &found(&["b"]), at(7), None).await.unwrap();
    assert_eq!(repeated, None, "a result counts once");
    let row = store.resource_by_id(app).await.unwrap().unwrap();
    assert_eq!((row.last_check, row.next_check, row.checking), (Some(at(6)), Some(at(60)), None));
    assert_eq!(store.checks_held_by(&node("w")).await.unwrap(), []);
    let late = store.lease_check(app, &node("v"), at(59), at(301)).await.unwrap();
    assert_eq!(late, None, "who saw it due before the result came gets it no more");
    assert!(!due(59).await.contains(&app) && due(60).await.contains(&app));
    store.set_next_check(app, None).await.unwrap();
    assert!(!due(1000).await.contains(&app));
}

pub async fn a_lease_that_is_over_is_void(world: &World) {
    let (_, app) = app(world).await;
    let store = &world.store;
    let lost = store.lease_check(app, &node("w"), at(0), at(300)).await.unwrap().unwrap();
    assert!(store.due_checks(at(300), 10).await.unwrap().iter().any(|check| check.resource == app));
    let next = store.lease_check(app, &node("v"), at(300), at(600)).await.unwrap().unwrap();
    assert!(next.number > lost.number);
    assert_eq!(store.record_check(app, lost.number, &found(&["a"]), at(301), None).await.unwrap(), None);
    assert!(store.record_check(app, next.number, &found(&["a"]), at(302), None).await.unwrap().is_some());
}

pub async fn a_request_during_a_check_queues_one_more(world: &World) {
    let (_, app) = app(world).await;
    let store = &world.store;
    let lease = store.lease_check(app, &node("w"), at(0), at(300)).await.unwrap().unwrap();
    for _ in 0..2 {
        assert!(store.request_check(app, at(1)).await.unwrap());
    }
    let recorded = store.record_check(app, lease.number, &found(&[]), at(2), Some(at(60))).await.unwrap();
    assert!(recorded.unwrap().again);
    assert_eq!(store.resource_by_id(app).await.unwrap().unwrap().next_check, Some(at(2)));
    world.check(app, &[]).await;
    assert!(!store.request_check(app, at(9)).await.unwrap());
    assert_eq!(store.resource_by_id(app).await.unwrap().unwrap().next_check, Some(at(9)));
    assert!(!store.request_check(ResourceId(999), at(9)).await.unwrap());
}

pub async fn versions_are_recorded_once_in_order(world: &World) {
    let (pipeline, app) = app(world).await;
    let before = world.state(pipeline).await.revision;
    let first = world.check(app, &["a", "b", "a"]).await;
    assert!(first.len() == 2 && first[0] < first[1]);
    let between = world.state(pipeline).await.revision;
    assert!(between > before);
    assert_eq!(world.check(app, &["b"]).await, []);
    assert_eq!(world.state(pipeline).await.revision, between, "nothing was new");
    let (known, new) = world.store.add_version(app, &value("a"), at(2)).await.unwrap();
    assert_eq!((known, new), (first[0], false));
    let other = world.resource(pipeline, "git.lib").await;
    let (same, new) = world.store.add_version(other, &value("a"), at(2)).await.unwrap();
    assert!(new && same > first[1], "versions belong to their resource");
    let row = world.store.resource_by_id(app).await.unwrap().unwrap();
    assert_eq!(row.latest.map(|version| version.id), Some(first[1]));
    assert!(world.store.add_version(ResourceId(999), &value("a"), at(2)).await.is_err());
}

pub async fn a_failing_check_keeps_the_versions(world: &World) {
    let (_, app) = app(world).await;
    let store = &world.store;
    world.check(app, &["a"]).await;
    store.request_check(app, at(10)).await.unwrap();
    let lease = store.lease_check(app, &node("w"), at(10), at(300)).await.unwrap().unwrap();
    let outcome = CheckOutcome { result: Err(Failure::plain("exited with 2")), log: "no route\n".into() };
    let recorded = store.record_check(app, lease.number, &outcome, at(11), None).await.unwrap();
    assert_eq!(recorded.unwrap().new, []);
    let row = store.resource_by_id(app).await.unwrap().unwrap();
    assert!(row.failing && row.latest.is_some());
    assert_eq!(row.logs, "no route\nexited with 2");
    world.check(app, &[]).await;
    let row = store.resource_by_id(app).await.unwrap().unwrap();
    assert!(!row.failing && row.logs.is_empty());
}

pub async fn versions_show_their_builds(world: &World) {
    let (pipeline, app) = app(world).await;
    let ids = world.check(app, &["a", "b", "c"]).await;
    let old = world.run_with(pipeline, "test", &[("app", ids[1])], BuildStatus::Failed).await;
    let new = world.insert(pipeline, "test", &[("app", ids[1])]).await;
    let page = Page { limit: 2, before: None, after: None };
    let rows = world.store.versions(app, page).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.version.id).collect::<Vec<_>>(), [ids[2], ids[1]]);
    assert_eq!((rows[0].status, rows[0].uses.len()), (None, 0));
    assert_eq!(rows[1].uses.iter().map(|used| used.build).collect::<Vec<_>>(), [new, old]);
    assert_eq!(rows[1].status, Some(BuildStatus::Pending));
    let rest = Page { limit: 9, before: Some(ids[1].0), after: None };
    let rest = world.store.versions(app, rest).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.version.id).collect::<Vec<_>>(), [ids[0]]);
    let newer = Page { limit: 9, before: None, after: Some(ids[1].0) };
    assert_eq!(world.store.versions(app, newer).await.unwrap().len(), 1);
    let version = world.store.version(ids[0]).await.unwrap().unwrap();
    assert_eq!((version.resource, version.value), (app, value("a")));
}

pub async fn webhooks_find_their_resource(world: &World) {
    let (_, app) = app(world).await;
    let store = &world.store;
    let row = store.resource_by_id(app).await.unwrap().unwrap();
    assert!(row.webhook_token.starts_with("git.app_"), "{}", row.webhook_token);
    assert_eq!(store.resource_by_webhook(&row.webhook_token).await.unwrap(), Some(row.clone()));
    store.set_webhook_token(app, "git.app_new").await.unwrap();
    assert_eq!(store.resource_by_webhook(&row.webhook_token).await.unwrap(), None);
    assert_eq!(store.resource_by_webhook("git.app_new").await.unwrap().map(|row| row.id), Some(app));
}

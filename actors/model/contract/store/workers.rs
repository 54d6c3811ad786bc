//! Workers that were seen.

use super::{
    World,
    world::{at, node},
};
use crate::{
    id::Incarnation,
    worker::{WorkerProfile, WorkerState},
};

pub fn profile(name: &str, incarnation: u64) -> WorkerProfile {
    WorkerProfile {
        name: name.to_owned(),
        node: node(name),
        incarnation: Incarnation(incarnation),
        hostname: "host".into(),
        os: "linux".into(),
        arch: "x86_64".into(),
        version: "0.1.0".into(),
        slots: 2,
        check_slots: 4,
        tags: vec!["gpu".into()],
        exclusive_tags: false,
        takes_builds: true,
        takes_checks: true,
        team: None,
        started_at: at(0),
        warnings: Vec::new(),
    }
}

pub async fn a_worker_comes_renews_and_goes(world: &World) {
    let store = &world.store;
    for name in ["w2", "w1"] {
        store.worker_announced(&profile(name, u64::MAX), &node("s"), at(1)).await.unwrap();
    }
    store.worker_renewed(&node("w1"), Incarnation(u64::MAX), 7, at(5)).await.unwrap();
    // A late renewal, and one of another life, change nothing.
    store.worker_renewed(&node("w1"), Incarnation(u64::MAX), 6, at(6)).await.unwrap();
    store.worker_renewed(&node("w1"), Incarnation(1), 9, at(7)).await.unwrap();
    store.worker_state(&node("w2"), WorkerState::Draining).await.unwrap();
    let workers = store.workers().await.unwrap();
    assert_eq!(workers.iter().map(|w| w.profile.name.as_str()).collect::<Vec<_>>(), ["w1", "w2"]);
    assert_eq!((workers[0].renewal, workers[0].last_seen_at), (7, at(5)));
    assert_eq!((workers[0].state, workers[1].state), (WorkerState::Online, WorkerState::Draining));
    assert_eq!(workers[1].profile, profile("w2", u64::MAX));
    store.worker_announced(&profile("w1", 3), &node("s2"), at(9)).await.unwrap();
    store.worker_gone(&node("w2")).await.unwrap();
    let workers = store.workers().await.unwrap();
    assert_eq!(workers.len(), 1);
    assert_eq!((workers[0].renewal, workers[0].profile.incarnation), (0, Incarnation(3)));
}

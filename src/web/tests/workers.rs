//! Workers: what they run, what is wrong with them, what is still to be stopped on them.

use pikoci_model::{port::store::WorkerStore, worker::WorkerState};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::World;

#[actix_web::test]
async fn workers_say_what_they_hold_and_what_they_warn_of() {
    let world = World::start().await;
    let (status, answer) = world.json(Method::GET, "/workers", None).await;
    assert_eq!(status, 200);
    let worker = &answer["data"][0];
    assert_eq!((&worker["running"], &worker["pending_stops"]), (&json!(1), &json!(0)));
    assert_eq!(worker["warnings"], json!(["journal is not durable (tmpfs)"]));
    let (status, page) = world.page("/workers").await;
    assert_eq!(status, 200);
    for said in ["lab-1", "online", "shop / unit #2", "1 of 2 slots", "journal is not durable (tmpfs)"] {
        assert!(page.contains(said), "{said} is missing:\n{page}");
    }
    assert!(!page.contains("to be stopped"));
}

#[actix_web::test]
async fn worker_tokens_stay_until_they_are_renewed() {
    let world = World::start().await;
    for (path, of) in [("/teams/main/worker-token", "main"), ("/workers/token", "all")] {
        let mut seen = Vec::new();
        for method in [Method::GET, Method::GET, Method::POST, Method::GET] {
            let (status, answer) = world.json(method, path, None).await;
            assert_eq!(status, 200, "{answer}");
            seen.push(answer["data"]["worker_token"].as_str().unwrap().to_owned());
        }
        assert!(seen[0].starts_with(&format!("token of {of} ")), "{seen:?}");
        assert!(seen[0] == seen[1] && seen[1] != seen[2] && seen[2] == seen[3], "{seen:?}");
    }
    let guest = world.bare(Method::GET, "/workers/token").header("accept", "application/json");
    assert_eq!(guest.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn what_a_lost_run_left_is_listed_with_its_worker_until_it_is_stopped() {
    let world = World::start().await;
    world.lose().await;
    let (_, answer) = world.json(Method::GET, "/workers/pending-stops", None).await;
    let stop = &answer["data"][0];
    assert_eq!(answer["data"].as_array().unwrap().len(), 1, "{answer:#}");
    assert_eq!(
        (&stop["worker"], &stop["pipeline"], &stop["build_number"]),
        (&json!("lab-1"), &json!("shop"), &json!("2"))
    );
    assert_eq!((&stop["service"]["name"], &stop["service"]["run"]), (&json!("db"), &json!(1)));
    let (_, answer) = world.json(Method::GET, "/workers", None).await;
    assert_eq!(answer["data"][0]["pending_stops"], 1);
    let (_, page) = world.page("/workers").await;
    assert!(page.contains("to be stopped on lab-1") && page.contains("1 stop pending"), "{page}");
}

#[actix_web::test]
async fn a_lost_worker_can_be_forgotten_and_no_other() {
    let world = World::start().await;
    let (status, answer) = world.json(Method::DELETE, "/workers/lab-1", None).await;
    assert_eq!(status, 409, "{answer}");
    world.finish().await;
    let node = world.store.workers().await.unwrap()[0].profile.node.clone();
    world.store.worker_state(&node, WorkerState::Lost).await.unwrap();
    let (status, answer) = world.json(Method::DELETE, "/workers/lab-1", None).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = world.json(Method::DELETE, "/workers/lab-1", None).await;
    assert_eq!((status, &answer["error"]), (404, &json!("there is no worker lab-1")));
}

#[actix_web::test]
async fn workers_are_for_global_admins() {
    let world = World::start().await;
    let ann = world.log_in("ann").await;
    for path in ["/workers", "/workers/pending-stops", "/workers/events"] {
        let answer = world.bare(Method::GET, path).bearer_auth(&ann).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        let answer = world.bare(Method::GET, path).header("accept", "application/json").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let cookie = format!("pikoci_session={ann}");
    let page =
        world.bare(Method::GET, "/teams/main/pipelines").header("cookie", cookie).send().await.unwrap();
    assert!(!page.text().await.unwrap().contains("href=\"/workers\""), "no link to what may not be seen");
}

#[actix_web::test]
async fn the_stream_of_the_workers_tells_when_one_holds_another_build() {
    let world = World::start().await;
    let mut events = world.events("/workers/events", None).await;
    let first = events.next().await.unwrap();
    assert_eq!((first.name.as_str(), &first.data["worker"]), ("worker", &json!("lab-1")));
    assert_eq!(first.data["builds"].as_array().unwrap().len(), 1);
    world.finish().await;
    let next = events.next().await.unwrap();
    assert_eq!(next.data["builds"], json!([]));
}

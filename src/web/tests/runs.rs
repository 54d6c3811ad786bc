//! A build that runs again after a loss: each run can be read, and what a lost one left is told.

use reqwest::Method;
use serde_json::json;

use crate::world::{World, chunk};

const BUILD: &str = "/teams/main/pipelines/shop/jobs/unit/builds/2";

async fn lost() -> World {
    let world = World::start().await;
    world.log(100, chunk(0, 1, b"the first run\n")).await;
    world.lose().await;
    world.log(101, chunk(0, 1, b"the second\n")).await;
    world
}

#[actix_web::test]
async fn the_newest_run_is_given_unless_another_is_asked_for() {
    let world = lost().await;
    for (query, run, said) in
        [("", 2, "the second\n"), ("?run=1", 1, "the first run\n"), ("?run=2", 2, "the second\n")]
    {
        let (status, answer) = world.json(Method::GET, &format!("{BUILD}{query}"), None).await;
        assert_eq!(status, 200, "{answer:#}");
        let build = &answer["data"];
        assert_eq!((&build["run"], &build["runs"]), (&json!(run), &json!(2)));
        assert_eq!(build["steps"][2]["logs"], said);
        assert_eq!(build["services"][0]["run"], run);
    }
    for wrong in ["?run=0", "?run=3"] {
        let (status, answer) = world.json(Method::GET, &format!("{BUILD}{wrong}"), None).await;
        assert_eq!(status, 404);
        assert!(answer["error"].as_str().unwrap().contains("build 2 has 2 runs"), "{answer}");
    }
    let (status, _) = world.json(Method::GET, &format!("{BUILD}?run=first"), None).await;
    assert_eq!(status, 400);
}

#[actix_web::test]
async fn a_log_is_that_of_the_run_that_is_asked_for() {
    let world = lost().await;
    for (query, said) in [("", "the second\n"), ("&run=1", "the first run\n")] {
        let log = world.request(Method::GET, &format!("{BUILD}/logs?step=2{query}")).send().await.unwrap();
        assert_eq!(log.text().await.unwrap(), said);
        let (_, index) = world.json(Method::GET, &format!("{BUILD}/logs/index?step=2{query}"), None).await;
        assert_eq!(index["bytes"], said.len());
    }
    let log = world.request(Method::GET, &format!("{BUILD}/logs?step=2&run=9")).send().await.unwrap();
    assert_eq!(log.status(), 404);
}

#[actix_web::test]
async fn what_a_lost_run_left_standing_is_told_with_its_worker() {
    let world = lost().await;
    let (_, answer) = world.json(Method::GET, BUILD, None).await;
    let left = &answer["data"]["unstopped"];
    assert_eq!(left.as_array().unwrap().len(), 1, "{left:#}");
    assert_eq!(
        (&left[0]["name"], &left[0]["run"], &left[0]["pending_on"]),
        (&json!("db"), &json!(1), &json!("lab-1"))
    );
    assert_eq!(left[0]["status"], "stop_pending");
    let (_, first) = world.json(Method::GET, &format!("{BUILD}?run=1"), None).await;
    assert_eq!(first["data"]["services"][0]["status"], "stop_pending");
    let (_, page) = world.page(BUILD).await;
    assert!(page.contains("db of run 1: stop pending on lab-1."), "{page}");
    assert!(page.contains("?run=1\">1</a>"), "the first run can be reached");
    let (_, first) = world.page(&format!("{BUILD}?run=1")).await;
    assert!(first.contains("This is run 1: what ran it was lost."), "{first}");
    assert!(first.contains("the first run") && !first.contains("the second"));
    assert!(first.contains("cut off"), "the step that ran when the worker was lost");
}

#[actix_web::test]
async fn the_page_hears_of_a_stop_that_is_reported_after_the_build_is_done() {
    let world = lost().await;
    world.finish().await;
    let (_, page) = world.page(BUILD).await;
    assert!(page.contains("/builds/2/events?until=stopped\""), "{page}");
    let mut events = world.events(&format!("{BUILD}/events?until=stopped"), None).await;
    loop {
        let event = events.next().await.unwrap();
        assert_ne!(event.name, "end", "a service still stands");
        if event.name == "service" && event.data["run"] == 1 {
            assert_eq!(event.data["status"], "stop_pending");
        }
        if event.name == "log" && event.data["text"] == "the second\n" {
            break;
        }
    }
    world.report_stop().await;
    let rest = events.rest().await;
    let names: Vec<&str> = rest.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["service", "end"]);
    assert_eq!(
        (&rest[0].data["status"], &rest[0].data["stopped_by"]),
        (&json!("stopped"), &json!("journal"))
    );
    let (_, answer) = world.json(Method::GET, BUILD, None).await;
    assert_eq!(answer["data"]["unstopped"], json!([]));
    let (_, page) = world.page(&format!("{BUILD}?run=1")).await;
    assert!(!page.contains("stop pending") && page.contains(">journal</span>"), "{page}");
}

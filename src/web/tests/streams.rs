//! Live streams: complete, exact after a break, and over when they should be.

use pikoci_model::{
    build::Waiting,
    id::BuildId,
    port::{Signals, Topic},
};
use reqwest::Method;
use serde_json::json;

use crate::world::{Event, PL, World, chunk};

const RUNNING: &str = "/teams/main/pipelines/shop/jobs/unit/builds/2/events";

#[actix_web::test]
async fn a_build_is_told_from_its_state_to_its_end() {
    let world = World::start().await;
    let mut events = world.events(RUNNING, None).await;
    let build = events.next().await.unwrap();
    assert_eq!(
        (build.name.as_str(), &build.data["status"], &build.data["worker"]),
        ("build", &json!("started"), &json!("lab-1"))
    );
    let first: Vec<Event> =
        [events.next().await, events.next().await, events.next().await, events.next().await]
            .into_iter()
            .flatten()
            .collect();
    assert_eq!(
        first.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(),
        ["step", "step", "step", "service"]
    );
    assert_eq!((&first[2].data["step"], &first[2].data["status"]), (&json!("2"), &json!("started")));
    assert_eq!(
        (&first[3].data["status"], &first[3].data["address"]),
        (&json!("ready"), &json!("localhost:5432"))
    );

    world.log(100, chunk(0, 1, b"one\n")).await;
    let log = events.next().await.unwrap();
    assert_eq!((log.name.as_str(), log.id), ("log", Some(1)));
    let expected = json!({"run": 1, "step": "2", "attempt": 1, "stream": "stdout", "offset": 0, "bytes": 4, "line": 1, "t": 7, "text": "one\n"});
    assert_eq!(log.data, expected);

    world.finish().await;
    let rest = events.rest().await;
    let names: Vec<&str> = rest.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["build", "step", "service", "end"]);
    assert_eq!(rest[0].data["duration"], 9_000_000_000_i64);
    assert_eq!(rest[3].data, json!({"status": "succeeded"}));
}

/// The text of the `log` events, put in place by their offsets.
fn text(events: &[Event]) -> String {
    let mut at = 0;
    let mut text = String::new();
    for event in events.iter().filter(|event| event.name == "log") {
        assert_eq!(event.data["offset"], at, "{event:?}");
        at += event.data["bytes"].as_u64().unwrap();
        text.push_str(event.data["text"].as_str().unwrap());
    }
    text
}

#[actix_web::test]
async fn a_stream_goes_on_after_any_event_without_loss_or_repetition() {
    let world = World::start().await;
    let whole = ["a ä\n€ b\n😀😀 c\u{0}\n\u{fffd} end".as_bytes(), b"\xff x\n\xe2\x82"].concat();
    for (index, piece) in whole.chunks(3).enumerate() {
        let line = 1 + whole[..index * 3].iter().filter(|byte| **byte == b'\n').count() as u64;
        world.log(100 + index as u64, chunk(index as u64 * 3, line, piece)).await;
    }
    world.finish().await;
    let all = world.events(RUNNING, None).await.rest().await;
    assert_eq!(text(&all), String::from_utf8_lossy(&whole));
    assert_eq!(all.last().unwrap().name, "end");
    let logs: Vec<&Event> = all.iter().filter(|event| event.name == "log").collect();
    for (index, log) in logs.iter().enumerate() {
        let Some(id) = log.id else { continue };
        let rest = world.events(RUNNING, Some(&id.to_string())).await.rest().await;
        let rest: Vec<&Event> = rest.iter().filter(|event| event.name == "log").collect();
        let said =
            |events: &[&Event]| events.iter().map(|event| event.data["text"].clone()).collect::<Vec<_>>();
        assert_eq!(said(&rest), said(&logs[index + 1..]), "after {id}");
    }
}

#[actix_web::test]
async fn a_query_says_where_to_go_on_and_the_header_wins() {
    let world = World::start().await;
    for number in 0..3_u64 {
        world.log(100 + number, chunk(number * 2, number + 1, b"x\n")).await;
    }
    world.finish().await;
    let after = format!("{RUNNING}?after=1");
    let ids = |events: Vec<Event>| events.iter().filter_map(|event| event.id).collect::<Vec<_>>();
    assert_eq!(ids(world.events(&after, None).await.rest().await), [2, 3]);
    assert_eq!(ids(world.events(&after, Some("2")).await.rest().await), [3]);
    let wrong = world.request(Method::GET, RUNNING).header("last-event-id", "x").send().await.unwrap();
    assert_eq!(wrong.status(), 400);
}

#[actix_web::test]
async fn a_pipeline_tells_what_changed_in_it() {
    let world = World::start().await;
    let mut events = world.events(&format!("{PL}/events"), None).await;
    assert_eq!(events.next_named("pipeline").await.data, json!({"pipeline": "shop", "revision": 1}));
    world.finish().await;
    let build = events.next_named("build").await.data;
    assert_eq!(
        (&build["job"], &build["build_number"], &build["status"]),
        (&json!("unit"), &json!("2"), &json!("succeeded"))
    );
    let version = json!({"version": {"ref": "b2"}});
    world.json(Method::POST, &format!("{PL}/resources/git.app/versions"), Some(version)).await;
    world.bells.ring(Topic::Pipeline(world.pipeline));
    let resource = events.next_named("resource").await.data;
    assert_eq!(resource["resource"], "git.app");
}

#[actix_web::test]
async fn a_team_tells_of_builds_and_of_pipelines_that_come_and_go() {
    let world = World::start().await;
    let mut events = world.events("/teams/main/events", None).await;
    events.next_named("pipeline").await;
    let (_, build) = world.json(Method::POST, &format!("{PL}/jobs/deploy/trigger"), None).await;
    let said = events.next_named("build").await.data;
    assert_eq!((&said["job"], &said["status"]), (&json!("deploy"), &json!("pending")));
    let id = BuildId(build["data"]["id"].as_i64().unwrap());
    world.waits.0.lock().unwrap().insert(id, Waiting::WorkersBusy);
    world.bells.ring(Topic::Everything);
    assert_eq!(events.next_named("build").await.data["waiting_reason"], "all workers are busy");
}

#[actix_web::test]
async fn a_stopping_server_ends_its_streams_but_no_build() {
    let mut world = World::start().await;
    let mut events = world.events(RUNNING, None).await;
    events.next_named("service").await;
    world.stop().await;
    assert!(events.rest().await.iter().all(|event| event.name != "end"));
}

//! What readers without a role see of a public pipeline, and of the builds of its public jobs.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::json;

use crate::world::{EventStream, PL, World};

const UNIT: &str = "/teams/main/pipelines/shop/jobs/unit";
/// What a person gave to a build, and what a step of it exported.
const VALUES: [&str; 2] = ["beta", "exported-by-a-step"];

/// The pipeline is public, and so are the builds of `unit`.
async fn public() -> World {
    let world = World::start().await;
    let (_, saved) = world.json(Method::GET, PL, None).await;
    let source = STANDARD.decode(saved["data"]["raw"].as_str().unwrap()).unwrap();
    let mut definition: serde_json::Value = serde_json::from_slice(&source).unwrap();
    definition["jobs"][0]["public"] = json!(true);
    let config = STANDARD.encode(definition.to_string());
    let (status, answer) = world.json(Method::PUT, PL, Some(json!({"config": config, "public": true}))).await;
    assert_eq!(status, 200, "{answer}");
    world
}

#[actix_web::test]
async fn values_of_builds_are_for_members() {
    let world = public().await;
    for path in [format!("{UNIT}/builds"), format!("{UNIT}/builds?include=steps"), format!("{UNIT}/builds/1")]
    {
        let answer = world.bare(Method::GET, &format!("/api/v1{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let text = answer.text().await.unwrap();
        assert!(text.contains("\"input_values\":{},\"exports\":{}"), "{path}: {text}");
        let (_, whole) = world.json(Method::GET, &path, None).await;
        for value in VALUES {
            assert!(!text.contains(value), "{value} in {path}: {text}");
            assert!(whole.to_string().contains(value), "a member sees {value} in {path}");
        }
    }
}

#[actix_web::test]
async fn pages_and_streams_keep_them_too() {
    let world = public().await;
    let page = world.bare(Method::GET, &format!("{UNIT}/builds/1")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    let stream = world.bare(Method::GET, &format!("/api/v1{UNIT}/builds/1/events")).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let told = format!("{:?}", EventStream::new(stream).rest().await);
    assert!(told.contains("error"), "the log is public: {told}");
    for value in VALUES {
        assert!(!page.contains(value), "{value} in the page");
        assert!(!told.contains(value), "{value} in {told}");
    }
    let (_, page) = world.page(&format!("{UNIT}/builds/1")).await;
    assert!(VALUES.iter().all(|value| page.contains(value)), "a member sees them");
}

//! What the interface changes, and what it refuses to.

use base64::{Engine, engine::general_purpose::STANDARD};
use pikoci_model::pipeline::Pipeline;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{PL, World};

const PIPELINES: &str = "/teams/main/pipelines";

fn file(text: &str) -> String {
    STANDARD.encode(text)
}

fn empty() -> String {
    file(&serde_json::to_string(&Pipeline::default()).unwrap())
}

#[actix_web::test]
async fn a_pipeline_lives_from_create_to_delete() {
    let world = World::start().await;
    let body = json!({"name": "My Site", "config": empty(), "vars": {"a": 1}, "public": true});
    let (status, made) = world.json(Method::POST, PIPELINES, Some(body.clone())).await;
    assert_eq!(
        (status, &made["data"]["canonical"], &made["data"]["public"]),
        (201, &json!("my-site"), &json!(true))
    );
    let (status, again) = world.json(Method::POST, PIPELINES, Some(body)).await;
    assert_eq!((status, &again["code"]), (409, &json!("A409")));
    let (_, list) = world.json(Method::GET, PIPELINES, None).await;
    let names: Vec<&Value> = list["data"].as_array().unwrap().iter().map(|p| &p["canonical"]).collect();
    assert!(names.contains(&&json!("my-site")) && names.contains(&&json!("shop")), "{names:?}");

    let site = format!("{PIPELINES}/my-site");
    let (_, shop) = world.json(Method::GET, PL, None).await;
    let update = json!({"config": shop["data"]["raw"]});
    let (status, dry) = world.json(Method::PUT, &format!("{site}?dry_run=1"), Some(update.clone())).await;
    assert_eq!(status, 200);
    assert_eq!(
        dry["data"]["added"],
        json!(["job deploy", "job unit", "resource git.app", "resource_type git"])
    );
    let (status, updated) = world.json(Method::PUT, &site, Some(update)).await;
    assert_eq!(
        (status, &updated["data"]["revision"], &updated["data"]["public"]),
        (200, &json!(2), &json!(true))
    );
    assert_eq!(world.json(Method::DELETE, &site, None).await.0, 200);
    assert_eq!(world.json(Method::GET, &site, None).await.0, 404);
}

#[actix_web::test]
async fn a_pipeline_keeps_its_name() {
    let world = World::start().await;
    for query in ["", "?dry_run=1"] {
        let path = format!("{PL}{query}");
        let (status, answer) = world.json(Method::PUT, &path, Some(json!({"name": "store"}))).await;
        assert_eq!(status, 422, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains("cannot be renamed"), "{answer}");
        let (status, _) = world.json(Method::PUT, &path, Some(json!({"name": "shop"}))).await;
        assert_eq!(status, 200, "its own name changes nothing");
    }
    assert_eq!(world.json(Method::GET, "/teams/main/pipelines/store", None).await.0, 404);
}

#[actix_web::test]
async fn a_wrong_file_changes_nothing_and_every_finding_is_told() {
    let world = World::start().await;
    let wrong = json!({"name": "bad", "config": file("{\"jobs\": [\n}")});
    let update = json!({"config": wrong["config"]});
    for (method, path, body) in [(Method::POST, PIPELINES, &wrong), (Method::PUT, PL, &update)] {
        let (status, answer) = world.json(method, path, Some(body.clone())).await;
        assert_eq!(
            (status, &answer["code"], &answer["error"]),
            (422, &json!("A422"), &json!("1 error in pipeline"))
        );
        assert_eq!((&answer["errors"][0]["code"], &answer["errors"][0]["line"]), (&json!("L002"), &json!(2)));
        assert!(answer.get("data").is_none());
    }
    assert_eq!(world.json(Method::GET, &format!("{PIPELINES}/bad"), None).await.0, 404);
    assert_eq!(world.json(Method::GET, PL, None).await.1["data"]["revision"], 1);
    let (status, found) = world.json(Method::POST, &format!("{PIPELINES}/validate"), Some(wrong)).await;
    assert_eq!((status, &found["data"][0]["severity"]), (200, &json!("error")));
    let fine = json!({"config": empty()});
    assert_eq!(
        world.json(Method::POST, &format!("{PIPELINES}/validate"), Some(fine)).await.1["data"],
        json!([])
    );
}

#[actix_web::test]
async fn a_build_is_started_cancelled_and_started_again() {
    let world = World::start().await;
    let unit = format!("{PL}/jobs/unit");
    let inputs = json!({"input_values": {"channel": "nightly"}});
    let (status, build) = world.json(Method::POST, &format!("{unit}/trigger"), Some(inputs)).await;
    assert_eq!(
        (status, &build["data"]["build_number"], &build["data"]["status"]),
        (200, &json!("3"), &json!("pending"))
    );
    assert_eq!(
        (&build["data"]["input_values"]["channel"], &build["data"]["triggered_by"]),
        (&json!("nightly"), &json!("admin"))
    );
    let (status, _) = world
        .json(Method::POST, &format!("{unit}/trigger"), Some(json!({"input_values": {"wrong": "x"}})))
        .await;
    assert_eq!(status, 422);
    let (status, answer) = world.json(Method::POST, &format!("{unit}/builds/3/retry"), None).await;
    assert_eq!((status, &answer["error"]), (409, &json!("the build has not ended")));
    let (status, build) = world.json(Method::POST, &format!("{unit}/builds/3/cancel"), None).await;
    assert_eq!((status, &build["data"]["status"]), (200, &json!("cancelled")));
    assert_eq!(world.json(Method::POST, &format!("{unit}/builds/3/cancel"), None).await.0, 409);
    let (status, build) = world.json(Method::POST, &format!("{unit}/builds/3/retry"), None).await;
    assert_eq!(
        (status, &build["data"]["build_number"], &build["data"]["cause"]),
        (200, &json!("3.1"), &json!("retry"))
    );
    assert_eq!(world.json(Method::GET, &format!("{unit}/builds/3.1"), None).await.0, 200);
    for absent in ["9", "3.9", "0", "x", "3."] {
        assert_eq!(
            world.json(Method::GET, &format!("{unit}/builds/{absent}"), None).await.0,
            404,
            "{absent}"
        );
    }
}

//! Input that nobody should send.

use reqwest::Method;
use serde_json::json;

use crate::world::{PL, World};

#[actix_web::test]
async fn a_malformed_body_is_refused_in_words() {
    let world = World::start().await;
    let trigger = format!("{PL}/jobs/unit/trigger");
    for (body, said) in [
        ("{", "not JSON"),
        ("[1]", "must be a JSON object"),
        ("{\"input_values\": {\"a\": 1}}", "not what is expected"),
        ("\u{1}", "not JSON"),
    ] {
        let answer = world.request(Method::POST, &trigger).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{body}");
        let answer: serde_json::Value = answer.json().await.unwrap();
        assert!(answer["error"].as_str().unwrap().contains(said), "{answer}");
    }
    let (status, _) =
        world.json(Method::POST, "/teams/main/pipelines", Some(json!({"name": "x", "config": "%%"}))).await;
    assert_eq!(status, 400);
}

#[actix_web::test]
async fn a_body_that_is_too_large_is_refused() {
    let world = World::start().await;
    let large = vec![b' '; 8 * 1024 * 1024 + 1];
    let request = world.request(Method::POST, "/teams/main/pipelines/validate").body(large);
    // The server may close the connection before everything is sent.
    if let Ok(answer) = request.send().await {
        assert_eq!(answer.status(), 413);
    }
    assert_eq!(world.json(Method::GET, "/version", None).await.0, 200);
}

#[actix_web::test]
async fn an_address_cannot_be_strange_enough() {
    let world = World::start().await;
    for path in [
        "/teams/main/pipelines/%2e%2e%2f%2e%2e",
        "/teams/main/pipelines/%00",
        "/teams/main/pipelines/shop/jobs/%3Cscript%3E",
        "/teams/main/pipelines/shop/resources/%FF",
        "/teams/main/pipelines/shop/jobs/unit/builds/99999999999999999999",
        "/teams/main/pipelines/shop/resources/git.app/versions/-9223372036854775808/path",
        "/teams/main/pipelines/shop/resources/git.app/versions/9223372036854775807/path",
        "/nowhere",
        "/api/v1/nowhere",
    ] {
        let answer = world.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        let answer: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(answer["code"], "A404");
        let (status, page) = world.page(path.trim_start_matches("/api/v1")).await;
        assert_eq!(status, 404, "{path}");
        assert!(page.contains("<!doctype html>") && !page.contains("<script>"), "{page}");
    }
}

#[actix_web::test]
async fn every_answer_has_a_name_and_protects_its_reader() {
    let world = World::start().await;
    let answer = world.bare(Method::GET, "/login").header("x-request-id", "abc-1").send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-request-id"), "abc-1");
    assert!(header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
    assert_eq!(
        (header("x-content-type-options"), header("x-frame-options")),
        ("nosniff".into(), "DENY".into())
    );
    let answer = world.bare(Method::GET, "/health").header("x-request-id", "<script>").send().await.unwrap();
    assert!(answer.headers()["x-request-id"].to_str().unwrap().len() == 36);
    assert_eq!(answer.headers()["cache-control"], "no-store");
}

#[actix_web::test]
async fn a_wrong_method_says_which_are_right() {
    let world = World::start().await;
    let answer = world.request(Method::PATCH, PL).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()["allow"], "GET, PUT, DELETE");
}

#[actix_web::test]
async fn a_token_that_is_none_is_refused() {
    let world = World::start().await;
    for value in ["Bearer x", "Bearer ", "Basic YTpi", "pko_00"] {
        let answer = world.bare(Method::GET, "/teams").header("authorization", value).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{value}");
    }
    let answer = world.bare(Method::GET, "/login").header("cookie", "pikoci_session=x").send().await.unwrap();
    assert_eq!(answer.status(), 200, "an outdated cookie is no session");
}

#[actix_web::test]
async fn a_head_is_a_get_without_its_body() {
    let world = World::start().await;
    let answer = world.request(Method::HEAD, PL).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "application/json")
    );
    assert_eq!(answer.bytes().await.unwrap(), "");
    assert_eq!(world.request(Method::HEAD, "/nowhere").send().await.unwrap().status(), 404);
}

//! Every operation, called.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::{
    caller::{Call, Caller},
    document::Document,
};
use crate::world::{
    api::Api,
    deadline::LOOK_AGAIN,
    program::{Server, Start},
};

const P: &str = "/teams/{team}/pipelines/{pipeline}";
const FILE: &str = r#"
resource_type "thing" {
  check "exec" {
    path = "echo"
    args = ["[{\"n\":1}]"]
  }
}
resource "thing" "one" { check_interval = "never" }
resource_type "put-only" {
  push "exec" {}
}
resource "put-only" "two" {}
job "use" {
  get "thing" "one" { trigger = true }
  task "say" {
    run "shell" { cmd = "echo said" }
    ensure "shell" { cmd = "echo ensured" }
  }
}
job "hold" {
  disable_retry = true
  task "on" {
    run "shell" { cmd = "sleep 600" }
  }
}
"#;

fn path(rest: &str) -> String {
    format!("{P}{rest}")
}

#[test]
fn every_documented_operation_is_called_and_answers_as_documented() {
    let home = tempfile::tempdir().unwrap();
    let server: Server = Start::new(home.path()).args(&["--concurrency", "4"]).server();
    let api = server.api();
    let document = Document::new(api.get("/api/v1/openapi.json").body);
    let called = RefCell::default();
    let caller = Caller::new(&document, api, &called);
    let nobody = caller.as_other(Api::anonymous(&server.url));
    about_the_server(&caller, &nobody);
    session(&caller, &nobody, &server);
    pipelines(&caller, &nobody);
    images(&caller, &nobody);
    jobs(&caller, &nobody);
    builds(&caller, &nobody);
    resources(&caller, &nobody);
    end(&caller, &nobody);
    all_called(&document, &called.into_inner());
}

fn all_called(document: &Document, called: &BTreeSet<(String, String)>) {
    let documented = document.operations();
    let missing: Vec<_> = documented.difference(called).collect();
    assert!(missing.is_empty(), "documented, but not called by this test: {missing:?}");
    assert!(documented.len() > 40, "the document has lost operations: {}", documented.len());
}

fn about_the_server(caller: &Caller<'_>, nobody: &Caller<'_>) {
    for path in ["/health", "/version", "/openapi.json", "/metrics", "/auth/methods"] {
        nobody.get(path, &[], 200);
    }
    for path in ["/workers", "/workers/health", "/workers/pending-stops", "/teams"] {
        caller.get(path, &[], 200);
        nobody.get(path, &[], 401);
    }
    caller.get("/workers/token", &[], 200);
    caller.get("/admin/export", &[], 200);
    nobody.get("/admin/export", &[], 401);
    caller.get("/teams/{team}/worker-token", &["main"], 200);
    caller.post("/workers/token", &[], &json!({}), 200);
    caller.post("/teams/{team}/worker-token", &["main"], &json!({}), 200);
    caller.listen("/workers/events", &[], "worker");
    nobody.get("/workers/events", &[], 401);
    caller.delete("/workers/{name}", &["nobody"], 404);
    caller.delete("/workers/{name}", &["embedded"], 409);
    nobody.delete("/workers/{name}", &["nobody"], 401);
    caller.get("/teams/{team}", &["main"], 200);
    caller.get("/teams/{team}", &["nowhere"], 404);
    nobody.get("/teams/{team}", &["main"], 401);
}

fn session(caller: &Caller<'_>, nobody: &Caller<'_>, server: &Server) {
    let right = json!({ "username": "admin", "password": server.password });
    nobody.post("/login", &[], &right, 200);
    let wrong = json!({ "username": "admin", "password": "not it" });
    nobody.post("/login", &[], &wrong, 401);
    let other = json!({ "username": "nobody", "password": "not it" });
    for _ in 0..5 {
        nobody.post("/login", &[], &other, 401);
    }
    nobody.post("/login", &[], &other, 429);
    caller.post("/refresh-token", &[], &json!({}), 200);
    nobody.post("/refresh-token", &[], &json!({}), 401);
    nobody.post("/logout", &[], &json!({}), 303);
}

fn pipelines(caller: &Caller<'_>, nobody: &Caller<'_>) {
    let (list, one) = ("/teams/{team}/pipelines", P);
    let good = json!({ "name": "site", "config": BASE64_STANDARD.encode(FILE) });
    let bad = json!({ "name": "bad", "config": BASE64_STANDARD.encode("job \"x\" {\n  get \"a\" \"b\" {}\n}\njobb {}\n") });
    caller.post(list, &["main"], &good, 201);
    caller.post(list, &["main"], &good, 409);
    let refused = caller.post(list, &["main"], &bad, 422);
    assert!(refused["errors"].as_array().is_some_and(|errors| errors.len() >= 2), "{refused:#}");
    caller.post(list, &["nowhere"], &good, 404);
    nobody.post(list, &["main"], &good, 401);
    caller.get(list, &["main"], 200);
    nobody.get(list, &["main"], 401);
    caller.get(list, &["nowhere"], 404);
    caller.get(one, &["main", "site"], 200);
    caller.get(one, &["main", "absent"], 404);
    nobody.get(one, &["main", "site"], 401);
    let validate = "/teams/{team}/pipelines/validate";
    caller.post(validate, &["main"], &bad, 200);
    caller.post(validate, &["main"], &good, 200);
    nobody.post(validate, &["main"], &good, 401);
    let put = |place: &str, query, body: &Value, status| {
        let places = ["main", place];
        caller.call(Call { method: "PUT", path: one, places: &places, query, body: Some(body) }, status)
    };
    put("site", "", &good, 200);
    put("site", "?dry_run=1", &good, 200);
    put("site", "", &json!({ "config": bad["config"] }), 422);
    put("site", "", &json!({ "name": "other" }), 422);
    put("absent", "", &good, 404);
    let places = ["main", "site"];
    nobody.call(Call { method: "PUT", path: one, places: &places, query: "", body: Some(&good) }, 401);
}

fn images(caller: &Caller<'_>, nobody: &Caller<'_>) {
    let file = json!({ "config": BASE64_STANDARD.encode(FILE) });
    let bad = json!({ "config": BASE64_STANDARD.encode("jobb {}") });
    for kind in ["", ".dot", ".svg"] {
        caller.get(&path(&format!("/image{kind}")), &["main", "site"], 200);
        caller.get(&path(&format!("/image{kind}")), &["main", "absent"], 404);
        nobody.get(&path(&format!("/image{kind}")), &["main", "site"], 401);
        let draw = format!("/teams/{{team}}/pipelines/image{kind}");
        caller.post(&draw, &["main"], &file, 200);
        caller.post(&draw, &["main"], &bad, 422);
        nobody.post(&draw, &["main"], &file, 401);
    }
    caller.get(&path("/image.png"), &["main", "site"], 406);
    caller.post("/teams/{team}/pipelines/image.png", &["main"], &file, 406);
}

fn jobs(caller: &Caller<'_>, nobody: &Caller<'_>) {
    caller.get(&path("/jobs"), &["main", "site"], 200);
    caller.get(&path("/jobs"), &["main", "absent"], 404);
    nobody.get(&path("/jobs"), &["main", "site"], 401);
    caller.get(&path("/jobs/{job}"), &["main", "site", "use"], 200);
    caller.get(&path("/jobs/{job}"), &["main", "site", "absent"], 404);
    nobody.get(&path("/jobs/{job}"), &["main", "site", "use"], 401);
    let trigger = path("/jobs/{job}/trigger");
    caller.post(&trigger, &["main", "site", "hold"], &json!({}), 200);
    caller.post(&trigger, &["main", "site", "hold"], &json!({ "input_values": { "x": "y" } }), 422);
    caller.post(&trigger, &["main", "site", "absent"], &json!({}), 404);
    nobody.post(&trigger, &["main", "site", "use"], &json!({}), 401);
}

fn builds(caller: &Caller<'_>, nobody: &Caller<'_>) {
    let (list, one) = (path("/jobs/{job}/builds"), path("/jobs/{job}/builds/{number}"));
    let (used, held) = (["main", "site", "use", "1"], ["main", "site", "hold", "1"]);
    caller.api.done("site", "use/1");
    for query in
        ["", "?limit=1", "?status=succeeded&status=failed", "?include=steps", "?before=1000", "?after=1"]
    {
        let places = ["main", "site", "use"];
        caller.call(Call { method: "GET", path: &list, places: &places, query, body: None }, 200);
    }
    let query = "?status=unknown";
    caller
        .call(Call { method: "GET", path: &list, places: &["main", "site", "use"], query, body: None }, 400);
    nobody.get(&list, &["main", "site", "use"], 401);
    caller.get(&list, &["main", "site", "absent"], 404);
    caller.get(&one, &used, 200);
    caller.get(&one, &held, 200);
    caller.get(&one, &["main", "site", "use", "99"], 404);
    nobody.get(&one, &used, 401);
    for (query, status) in [("?run=1", 200), ("?run=2", 404), ("?run=first", 400)] {
        caller.call(Call { method: "GET", path: &one, places: &used, query, body: None }, status);
    }
    let retry = path("/jobs/{job}/builds/{number}/retry");
    caller.post(&retry, &used, &json!({}), 200);
    caller.post(&retry, &held, &json!({}), 409);
    caller.post(&retry, &["main", "site", "use", "99"], &json!({}), 404);
    nobody.post(&retry, &used, &json!({}), 401);
    let cancel = path("/jobs/{job}/builds/{number}/cancel");
    caller.post(&cancel, &held, &json!({}), 200);
    caller.post(&cancel, &used, &json!({}), 409);
    caller.post(&cancel, &["main", "site", "use", "99"], &json!({}), 404);
    nobody.post(&cancel, &used, &json!({}), 401);
    for part in ["/logs", "/logs/index"] {
        let part = path(&format!("/jobs/{{job}}/builds/{{number}}{part}"));
        let query = "?step=1";
        let log = |caller: &Caller<'_>, places: &[&str], status| {
            caller.call(Call { method: "GET", path: &part, places, query, body: None }, status);
        };
        log(caller, &used, 200);
        log(caller, &["main", "site", "use", "99"], 404);
        log(nobody, &used, 401);
    }
    caller.listen(&path("/jobs/{job}/builds/{number}/events"), &used, "end");
}

/// While `act` goes on, builds begin and end.
fn while_busy(caller: &Caller<'_>, act: impl FnOnce()) {
    let (api, is_over) = (caller.api.clone(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..500 {
                if !is_over.load(Ordering::Relaxed) {
                    api.post("/api/v1/teams/main/pipelines/site/jobs/use/trigger", &json!({}));
                    thread::sleep(LOOK_AGAIN);
                }
            }
        });
        act();
        is_over.store(true, Ordering::Relaxed);
    });
}

fn resources(caller: &Caller<'_>, nobody: &Caller<'_>) {
    let (list, one) = (path("/resources"), path("/resources/{resource}"));
    let (known, unknown) = (["main", "site", "thing.one"], ["main", "site", "thing.none"]);
    while_busy(caller, || caller.listen("/teams/{team}/events", &["main"], "build"));
    while_busy(caller, || caller.listen(&path("/events"), &["main", "site"], "build"));
    caller.get(&list, &known[..2], 200);
    caller.get(&list, &["main", "absent"], 404);
    nobody.get(&list, &known[..2], 401);
    let token = caller.get(&one, &known, 200)["data"]["webhook_token"].as_str().unwrap().to_owned();
    for (part, body, good) in [
        ("/trigger", json!({}), 202),
        ("/webhook_token", json!({}), 200),
        ("/versions", json!({ "version": { "n": 7, "deep": { "list": [true, null] } } }), 201),
    ] {
        let part = format!("{one}{part}");
        caller.post(&part, &known, &body, good);
        caller.post(&part, &unknown, &body, 404);
        nobody.post(&part, &known, &body, 401);
    }
    caller.post(&format!("{one}/trigger"), &["main", "site", "put-only.two"], &json!({}), 409);
    let large = json!({ "version": { "n": "x".repeat(70_000) } });
    caller.post(&format!("{one}/versions"), &known, &large, 422);
    caller.get(&one, &unknown, 404);
    nobody.get(&one, &known, 401);
    let versions = caller.get(&format!("{one}/versions"), &known, 200)["data"].clone();
    caller.get(&format!("{one}/versions"), &unknown, 404);
    nobody.get(&format!("{one}/versions"), &known, 401);
    let id = versions[0]["id"].to_string();
    let version = ["main", "site", "thing.one", id.as_str()];
    let (trigger, follow) = (format!("{one}/versions/{{id}}/trigger"), format!("{one}/versions/{{id}}/path"));
    caller.post(&trigger, &version, &json!({}), 200);
    caller.post(&trigger, &["main", "site", "thing.one", "99999"], &json!({}), 404);
    nobody.post(&trigger, &version, &json!({}), 401);
    caller.get(&follow, &version, 200);
    caller.get(&follow, &["main", "site", "thing.one", "99999"], 404);
    nobody.get(&follow, &version, 401);
    let fresh = caller.get(&one, &known, 200)["data"]["webhook_token"].as_str().unwrap().to_owned();
    assert_ne!(token, fresh);
    nobody.post("/webhooks/{token}", &[&fresh], &json!({}), 202);
    nobody.post("/webhooks/{token}", &[&token], &json!({}), 404);
}

fn end(caller: &Caller<'_>, nobody: &Caller<'_>) {
    let delete = |caller: &Caller<'_>, place: &str, status| {
        let places = ["main", place];
        caller.call(Call { method: "DELETE", path: P, places: &places, query: "", body: None }, status);
    };
    delete(nobody, "site", 401);
    delete(caller, "absent", 404);
    delete(caller, "site", 200);
    caller.get(P, &["main", "site"], 404);
}

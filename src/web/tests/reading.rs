//! What the interface says of pipelines, jobs, builds, logs, resources and versions.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{PL, World, chunk};

const UNIT: &str = "/teams/main/pipelines/shop/jobs/unit";

#[actix_web::test]
async fn a_build_says_everything_and_its_steps_are_those_of_the_plan() {
    let world = World::start().await;
    let (status, answer) = world.json(Method::GET, &format!("{UNIT}/builds/1"), None).await;
    assert_eq!(status, 200);
    let build = &answer["data"];
    assert_eq!(build["build_number"], "1");
    assert_eq!((&build["status"], &build["phase"]), (&json!("failed"), &json!("done")));
    assert_eq!(build["error"], "task test exited with 2");
    assert_eq!(build["duration"], 5_000_000_000_i64);
    assert_eq!(build["pinned_versions"], json!({"git.app": world.version.0}));
    assert_eq!(build["version_metadata"]["author"], "ann");
    assert_eq!(build["input_values"], json!({"channel": "beta"}));
    assert_eq!(build["exports"], json!({"RELEASE": "exported-by-a-step"}));
    let steps = build["steps"].as_array().unwrap();
    let shown: Vec<_> =
        steps.iter().map(|s| (s["type"].as_str().unwrap(), s["status"].as_str().unwrap())).collect();
    assert_eq!(shown, [("get", "succeeded"), ("service", "succeeded"), ("task", "failed")]);
    assert_eq!(steps[2]["logs"], "running\n\u{1b}[31merror\u{1b}[0m: <two> & \u{fffd}\n");
    assert_eq!((&steps[2]["exit_code"], &steps[2]["truncated"]), (&json!(2), &json!(false)));
    assert_eq!(build["services"][0]["status"], "stopped");
}

#[actix_web::test]
async fn a_long_log_is_cut_in_the_build_and_whole_by_range() {
    let world = World::start().await;
    let mut whole = Vec::new();
    for (number, letter) in (b'a'..=b'j').enumerate() {
        let piece = [vec![letter; 99_999], vec![b'\n']].concat();
        world.log(100 + number as u64, chunk(whole.len() as u64, number as u64 + 1, &piece)).await;
        whole.extend(piece);
    }
    let (_, answer) = world.json(Method::GET, &format!("{UNIT}/builds/2"), None).await;
    let step = &answer["data"]["steps"][2];
    assert_eq!((&step["log_bytes"], &step["truncated"]), (&json!(1_000_000), &json!(true)));
    assert_eq!(step["logs"].as_str().unwrap().as_bytes(), &whole[1_000_000 - 65536..]);

    let logs = format!("{UNIT}/builds/2/logs?step=2");
    let get = |query: &str| world.request(Method::GET, &format!("{logs}{query}")).send();
    assert_eq!(get("").await.unwrap().bytes().await.unwrap(), whole);
    assert_eq!(get("&offset=99998&limit=4").await.unwrap().bytes().await.unwrap(), &whole[99_998..100_002]);
    assert_eq!(get("&offset=5000000").await.unwrap().bytes().await.unwrap(), "");
    assert_eq!(get("&limit=0").await.unwrap().bytes().await.unwrap(), "");
    let file = get("&download=1").await.unwrap();
    assert_eq!(file.headers()["content-disposition"], "attachment; filename=\"shop-unit-2-2.log\"");
    let (_, index) = world.json(Method::GET, &format!("{UNIT}/builds/2/logs/index?step=2"), None).await;
    assert_eq!(
        (&index["bytes"], &index["lines"], &index["marks"][1]),
        (&json!(1_000_000), &json!(10), &json!([2, 100_000, 7]))
    );
    let (_, index) = world.json(Method::GET, &format!("{UNIT}/builds/2/logs/index?step=none"), None).await;
    assert_eq!(index, json!({"bytes": 0, "lines": 0, "marks": []}));
}

#[actix_web::test]
async fn lists_come_in_parts() {
    let world = World::start().await;
    let builds = format!("{UNIT}/builds");
    let (_, first) = world.json(Method::GET, &format!("{builds}?limit=1"), None).await;
    assert_eq!(first["data"][0]["build_number"], "2");
    assert_eq!(first["data"][0]["steps"], json!([]));
    assert_eq!(first["meta"]["has_more"], true);
    let before = &first["meta"]["oldest_id"];
    let (_, second) = world.json(Method::GET, &format!("{builds}?limit=1&before={before}"), None).await;
    assert_eq!(
        (&second["data"][0]["build_number"], &second["meta"]["has_more"]),
        (&json!("1"), &json!(false))
    );
    let (_, failed) = world.json(Method::GET, &format!("{builds}?status=failed&status=warning"), None).await;
    assert_eq!(failed["data"].as_array().unwrap().len(), 1);
    assert_eq!(failed["data"][0]["steps"].as_array().unwrap().len(), 3);
    for wrong in ["?status=errored", "?limit=0", "?limit=501", "?before=x"] {
        let (status, answer) = world.json(Method::GET, &format!("{builds}{wrong}"), None).await;
        assert_eq!((status, &answer["code"]), (400, &json!("A400")), "{wrong}");
    }
}

#[actix_web::test]
async fn a_secret_stands_as_its_reference_and_a_guest_sees_no_command() {
    let world = World::start().await;
    let (_, answer) = world.json(Method::GET, PL, None).await;
    let task = &answer["data"]["jobs"][0]["plan"][2];
    assert_eq!(task["run"]["env"]["TOKEN"], "(secret vault:kv/ci#token)");
    let token = answer["data"]["resources"][0]["webhook_token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("git.app_"));
    let (status, _) = world.json(Method::PUT, PL, Some(json!({"public": true}))).await;
    assert_eq!(status, 200);

    let guest = world.bare(Method::GET, PL).header("accept", "application/json").send().await.unwrap();
    assert_eq!(guest.status(), 200);
    let text = guest.text().await.unwrap();
    for hidden in ["(secret", "make", &token, "https://git.lab", "\"raw\"", "updated_by"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    let build = world.bare(Method::GET, &format!("/api/v1{UNIT}/builds/1")).send().await.unwrap();
    assert_eq!(build.status(), 401, "logs are for members");
    let page = world.bare(Method::GET, PL).send().await.unwrap();
    assert_eq!(page.status(), 200);
}

#[actix_web::test]
async fn versions_are_added_followed_and_started() {
    let world = World::start().await;
    let versions = format!("{PL}/resources/git.app/versions");
    let (status, answer) = world.json(Method::POST, &versions, Some(json!({"version": {"ref": "b2"}}))).await;
    assert_eq!((status, &answer["data"]["version"]), (201, &json!({"ref": "b2"})));
    let (_, list) = world.json(Method::GET, &versions, None).await;
    assert_eq!(
        (&list["data"][0]["version"]["ref"], list["data"].as_array().unwrap().len()),
        (&json!("b2"), 2)
    );
    let one = format!("{versions}/{}", world.version);
    let (_, path) = world.json(Method::GET, &format!("{one}/path"), None).await;
    assert_eq!((&path["data"]["total"], &path["data"]["completed"]), (&json!(2), &json!(0)));
    assert_eq!(path["data"]["path"][0]["build"]["build_number"], "2");
    assert_eq!(path["data"]["path"][0]["retries"][0]["build_number"], "1");
    let (status, started) = world.json(Method::POST, &format!("{one}/trigger"), None).await;
    assert_eq!((status, &started["data"][0]["build_number"]), (200, &json!("3")));
    let (status, _) = world.json(Method::GET, &format!("{versions}/4711/path"), None).await;
    assert_eq!(status, 404);
    let large = "x".repeat(70_000);
    let (status, _) = world.json(Method::POST, &versions, Some(json!({"version": {"ref": large}}))).await;
    assert_eq!(status, 422);
}

#[actix_web::test]
async fn a_webhook_asks_for_a_check_until_its_token_changes() {
    let world = World::start().await;
    let (_, resource) = world.json(Method::GET, &format!("{PL}/resources/git.app"), None).await;
    let token = resource["data"]["webhook_token"].as_str().unwrap().to_owned();
    let hook = format!("/webhooks/{token}");
    assert_eq!(world.bare(Method::POST, &hook).body("anything").send().await.unwrap().status(), 202);
    let ping = world.bare(Method::POST, &hook).header("x-github-event", "ping").send().await.unwrap();
    assert_eq!(ping.status(), 200);
    let get = world.bare(Method::GET, &hook).send().await.unwrap();
    assert_eq!((get.status().as_u16(), get.headers()["allow"].to_str().unwrap()), (405, "POST"));
    let (_, new) = world.json(Method::POST, &format!("{PL}/resources/git.app/webhook_token"), None).await;
    assert_eq!(world.bare(Method::POST, &hook).send().await.unwrap().status(), 404);
    let hook = format!("/webhooks/{}", new["data"]["webhook_token"].as_str().unwrap());
    assert_eq!(world.bare(Method::POST, &hook).send().await.unwrap().status(), 202);
}

#[actix_web::test]
async fn pictures_are_drawn_of_what_is_saved_and_of_what_is_not() {
    let world = World::start().await;
    let (_, dot) = world.json(Method::GET, &format!("{PL}/image.dot"), None).await;
    assert!(dot["data"]["image"].as_str().unwrap().starts_with("strict digraph"), "{dot}");
    let svg =
        world.request(Method::GET, &format!("{PL}/image.svg?hide_intermediates=1")).send().await.unwrap();
    assert_eq!(svg.headers()["content-type"], "image/svg+xml; charset=utf-8");
    assert_eq!(svg.headers()["access-control-allow-origin"], "*");
    assert!(svg.text().await.unwrap().starts_with("<svg"));
    let (status, _) = world.json(Method::GET, &format!("{PL}/image.png"), None).await;
    assert_eq!(status, 406);
    let (_, saved) = world.json(Method::GET, PL, None).await;
    let body = json!({"config": saved["data"]["raw"], "vars": {}});
    let drawn =
        world.request(Method::POST, "/teams/main/pipelines/image.svg").json(&body).send().await.unwrap();
    assert!(drawn.text().await.unwrap().contains(">deploy<"));
}

#[actix_web::test]
async fn the_server_says_how_it_is() {
    let world = World::start().await;
    let health: Value = world.bare(Method::GET, "/health").send().await.unwrap().json().await.unwrap();
    assert_eq!(health["data"], json!({"status": "ok", "db": "ok", "version": "9.9.9"}));
    let text = world.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    for line in [
        "pikoci_workers{status=\"online\"} 1\n",
        "pikoci_builds{status=\"failed\"} 1\n",
        "http_requests_total{code=\"200\",method=\"get\"} 1\n",
        "pikoci_extra 1\n",
        "process_resident_memory_bytes ",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

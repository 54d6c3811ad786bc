//! Pages, made of what the store holds.

use pikoci_model::{build::Waiting, id::BuildId};
use reqwest::Method;
use serde_json::json;

use crate::world::{PL, World, chunk};

#[actix_web::test]
async fn every_page_is_there_and_says_what_is_so() {
    let world = World::start().await;
    world.log(100, chunk(0, 1, b"compiling <shop>\n")).await;
    for (path, said) in [
        ("/teams/main/pipelines", vec!["shop", "1 worker", "unit #2"]),
        (PL, vec!["unit", "deploy", "git.app", "9f0c1d7", "revision 1"]),
        ("/teams/main/pipelines/shop/jobs/unit/builds", vec!["#1", "#2", "exited with 2", "ann"]),
        (
            "/teams/main/pipelines/shop/jobs/unit/builds/1",
            vec![
                "exited with 2",
                "1 service started, 1 stopped",
                "nothing of this build is alive",
                "&lt;two&gt;",
                "Run again",
            ],
        ),
        (
            "/teams/main/pipelines/shop/jobs/unit/builds/2",
            vec!["compiling &lt;shop&gt;", "localhost:5432", "Cancel", "lab-1", "/jobs/unit/builds/2/events"],
        ),
        (
            "/teams/main/pipelines/shop/resources/git.app",
            vec!["9f0c1d7", "unit #1", "http://ci.lab/webhooks/git.app_"],
        ),
    ] {
        let (status, page) = world.page(path).await;
        assert_eq!(status, 200, "{path}");
        for text in said {
            assert!(page.contains(text), "{text} is missing in {path}:\n{page}");
        }
    }
}

#[actix_web::test]
async fn the_live_view_is_the_page_without_logs() {
    let world = World::start().await;
    world.log(100, chunk(0, 1, b"a line that is long enough to be found\n")).await;
    let build = "/teams/main/pipelines/shop/jobs/unit/builds/2";
    let (_, whole) = world.page(build).await;
    let (_, live) = world.page(&format!("{build}?view=live")).await;
    assert!(whole.contains("long enough") && !live.contains("long enough"));
    assert!(live.contains("data-live=\"flow\""));
}

#[actix_web::test]
async fn a_waiting_build_says_why_with_a_link_to_what_holds_it() {
    let world = World::start().await;
    let (_, build) = world.json(Method::POST, &format!("{PL}/jobs/unit/trigger"), None).await;
    let id = BuildId(build["data"]["id"].as_i64().unwrap());
    let waiting = Waiting::Concurrency { limit: 1, held_by: vec![world.running] };
    world.waits.0.lock().unwrap().insert(id, waiting);
    let (_, page) = world.page(PL).await;
    assert!(page.contains("only one build runs at a time"), "{page}");
    assert!(page.contains("<a href=\"/teams/main/pipelines/shop/jobs/unit/builds/2\">unit #2</a>"), "{page}");
}

#[actix_web::test]
async fn waiting_builds_are_those_of_the_pipeline_however_many_others_wait() {
    let world = World::start().await;
    let (_, saved) = world.json(Method::GET, PL, None).await;
    let other = json!({"name": "other", "config": saved["data"]["raw"], "vars": {}});
    assert_eq!(world.json(Method::POST, "/teams/main/pipelines", Some(other)).await.0, 201);
    let trigger = async |pipeline: &str, times: usize| {
        let path = format!("/teams/main/pipelines/{pipeline}/jobs/unit/trigger");
        for _ in 0..times {
            assert_eq!(world.json(Method::POST, &path, None).await.0, 200);
        }
    };
    trigger("other", 201).await;
    trigger("shop", 1).await;
    let (_, page) = world.page(PL).await;
    assert!(page.contains("unit #3 waits") && !page.contains(" more</li>"), "{page}");
    let (_, page) = world.page("/teams/main/pipelines/other").await;
    assert_eq!(page.matches(" waits</a>").count(), 20);
    assert!(page.contains("<li class=\"dim\">and 181 more</li>"), "{page}");
}

#[actix_web::test]
async fn the_way_in_leads_to_the_pipelines() {
    let world = World::start().await;
    let home = world.bare(Method::GET, "/").send().await.unwrap();
    assert_eq!(home.headers()["location"], "/teams/main/pipelines");
    let cookie = format!("pikoci_session={}", world.token);
    for (path, expected) in [
        ("/teams/main", "/teams/main/pipelines"),
        ("/teams/main/pipelines/shop/jobs", PL),
        ("/teams/main/pipelines/shop/jobs/unit", "/teams/main/pipelines/shop/jobs/unit/builds"),
        (
            "/teams/main/pipelines/shop/resources/git.app/versions",
            "/teams/main/pipelines/shop/resources/git.app",
        ),
    ] {
        let answer = world.bare(Method::GET, path).header("cookie", &cookie).send().await.unwrap();
        assert_eq!(answer.headers()["location"], expected);
    }
}

#[actix_web::test]
async fn assets_are_kept_for_ever_and_compressed_once() {
    let world = World::start().await;
    let (_, page) = world.page("/login").await;
    let at = page.find("/assets/pikoci-").unwrap();
    let address = page[at..].split('"').next().unwrap();
    let plain = world.bare(Method::GET, address).header("accept-encoding", "identity").send().await.unwrap();
    assert_eq!(plain.headers()["cache-control"], "public, max-age=31536000, immutable");
    let plain = plain.bytes().await.unwrap();
    let zipped = world.bare(Method::GET, address).header("accept-encoding", "gzip").send().await.unwrap();
    assert!(zipped.bytes().await.unwrap() == plain, "reqwest unpacks it to the same bytes");
    assert_eq!(world.bare(Method::GET, "/assets/pikoci.css").send().await.unwrap().status(), 404);
    assert_eq!(world.bare(Method::GET, "/favicon.ico").send().await.unwrap().status(), 200);
}

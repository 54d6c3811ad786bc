//! Logging in, being logged in, and what nobody may do in another's name.

use reqwest::Method;
use serde_json::json;

use crate::world::{PASSWORD, PL, World, form};

#[actix_web::test]
async fn a_session_comes_as_token_for_programs_and_as_cookie_for_browsers() {
    let world = World::start().await;
    let (status, answer) =
        world.json(Method::POST, "/login", Some(json!({"username": "ann", "password": PASSWORD}))).await;
    assert_eq!(status, 200);
    assert_eq!(answer["data"]["jwt"], answer["data"]["token"]);
    assert_eq!(answer["data"]["user"]["memberships"], json!([{"team_canonical": "main", "role": "admin"}]));

    let form_fields =
        [("username", "ann"), ("password", PASSWORD), ("next", "/teams/main/pipelines/shop?version_id=1")];
    let answer = form(world.bare(Method::POST, "/login"), &form_fields).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/teams/main/pipelines/shop?version_id=1");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
        "{cookie}"
    );
    let session = cookie.split(';').next().unwrap();
    let page = world.bare(Method::GET, PL).header("cookie", session).send().await.unwrap();
    assert_eq!(page.status(), 200);
}

#[actix_web::test]
async fn five_failures_in_a_minute_close_the_door_for_that_name() {
    let world = World::start().await;
    let attempt = |password: &'static str| {
        let body = json!({"username": "ann", "password": password});
        world.bare(Method::POST, "/api/v1/login").json(&body).send()
    };
    for _ in 0..5 {
        assert_eq!(attempt("wrong").await.unwrap().status(), 401);
    }
    let refused = attempt(PASSWORD).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "61");
    world.log_in("admin").await;
    world.clock.advance(61);
    assert_eq!(attempt(PASSWORD).await.unwrap().status(), 200);
}

#[actix_web::test]
async fn a_wrong_login_in_a_form_shows_the_form_again() {
    let world = World::start().await;
    let form_fields = [("username", "<ann>"), ("password", "wrong"), ("next", "https://evil.test/")];
    let answer = form(world.bare(Method::POST, "/login"), &form_fields).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let page = answer.text().await.unwrap();
    assert!(page.contains("name or password is wrong") && !page.contains("<ann>"), "{page}");
    let form_fields = [("username", "ann"), ("password", PASSWORD), ("next", "//evil.test/")];
    let answer = form(world.bare(Method::POST, "/login"), &form_fields).send().await.unwrap();
    assert_eq!(answer.headers()["location"], "/");
}

#[actix_web::test]
async fn a_changing_request_of_a_browser_needs_its_token() {
    let world = World::start().await;
    let cookie = format!("pikoci_session={}", world.token);
    let trigger = format!("{PL}/jobs/unit/trigger");
    let post = |csrf: &'static str| {
        let request =
            world.bare(Method::POST, &trigger).header("cookie", &cookie).header("accept", "text/html");
        if csrf.is_empty() { form(request, &[("a", "b")]) } else { form(request, &[("csrf", csrf)]) }
    };
    assert_eq!(post("").send().await.unwrap().status(), 403);
    assert_eq!(post("guessed").send().await.unwrap().status(), 403);

    let (_, page) = world.page(PL).await;
    let at = page.find("name=\"csrf\" content=\"").unwrap() + "name=\"csrf\" content=\"".len();
    let csrf = page[at..].split('"').next().unwrap().to_owned();
    let request = world.bare(Method::POST, &trigger).header("cookie", &cookie);
    let answer = form(request, &[("csrf", csrf.as_str())]).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()),
        (303, "/teams/main/pipelines/shop/jobs/unit/builds/3")
    );

    let quiet = world.bare(Method::POST, &format!("{PL}/resources/git.app/trigger"));
    let quiet =
        quiet.header("cookie", &cookie).header("accept", "application/json").header("x-csrf-token", &csrf);
    assert_eq!(form(quiet, &[("x", "y")]).send().await.unwrap().status(), 202);
}

#[actix_web::test]
async fn a_changed_password_ends_sessions() {
    use pikoci_model::port::store::AccountStore;
    let world = World::start().await;
    let token = world.log_in("ann").await;
    world.store.save_user("ann", "Ann", false, "$2y$04$another").await.unwrap();
    let answer = world.bare(Method::GET, "/api/v1/teams").bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer.status(), 401);
}

#[actix_web::test]
async fn nobody_is_led_to_the_login_and_a_program_is_refused() {
    let world = World::start().await;
    for path in [PL, "/teams/main/pipelines/absent", "/teams/absent/pipelines"] {
        let answer = world.bare(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{path}");
        assert_eq!(answer.headers()["location"].to_str().unwrap(), format!("/login?next={path}"));
        let answer = world.bare(Method::GET, path).header("accept", "application/json").send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
}

#[actix_web::test]
async fn a_user_knows_only_their_team() {
    let world = World::start().await;
    let token = world.log_in("ann").await;
    let get = |path: &'static str| world.bare(Method::GET, path).bearer_auth(&token).send();
    let teams: serde_json::Value = get("/teams").await.unwrap().json().await.unwrap();
    assert_eq!(teams["data"].as_array().unwrap().len(), 1);
    assert_eq!(get("/teams/other").await.unwrap().status(), 404);
    assert_eq!(get("/teams/absent").await.unwrap().status(), 404);
    assert_eq!(get("/workers").await.unwrap().status(), 403);
}

#[actix_web::test]
async fn a_log_out_takes_the_cookie_away() {
    let world = World::start().await;
    let answer = world.request(Method::POST, "/logout").send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert!(answer.headers()["set-cookie"].to_str().unwrap().starts_with("pikoci_session=;"));
}

#[actix_web::test]
async fn a_page_of_another_site_cannot_log_anybody_in() {
    let world = World::start().await;
    let request = world.bare(Method::POST, "/login").header("sec-fetch-site", "cross-site");
    let answer = form(request, &[("username", "ann"), ("password", PASSWORD)]).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(!answer.headers().contains_key("set-cookie"));
}

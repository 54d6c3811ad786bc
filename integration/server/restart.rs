//! What a server that is started again with the same settings leaves as it was.

use tempfile::tempdir;

use crate::world::{
    api::Api,
    program::{Server, Start},
};

fn start(home: &std::path::Path) -> Server {
    Start::new(home)
        .args(&["--db-system=sqlite", "--db-name=ci.db", "--admin-password=correct horse"])
        .server()
}

fn token(api: &Api) -> String {
    let login = serde_json::json!({ "username": "admin", "password": "correct horse" });
    api.post("/login", &login).body["data"]["jwt"].as_str().unwrap().to_owned()
}

fn who(url: &str, token: &str) -> u16 {
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let request =
        ureq::Agent::from(config).get(format!("{url}/workers")).header("Accept", "application/json");
    request.header("Authorization", format!("Bearer {token}")).call().unwrap().status().as_u16()
}

#[test]
fn the_same_password_again_ends_no_session() {
    let home = tempdir().unwrap();
    let first = start(home.path());
    let token = token(&Api::anonymous(&first.url));
    assert_eq!(who(&first.url, &token), 200);
    first.signal("TERM");
    first.wait();
    let second = start(home.path());
    assert_eq!(who(&second.url, &token), 200);
    second.signal("TERM");
    second.wait();
}

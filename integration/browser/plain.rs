//! Without scripts the state is as complete; it only does not move.

use super::{driver::Scripts, frontage::Frontage};

const SHOP: &str = r#"
resource_type "thing" {
  check "exec" {
    path = "echo"
    args = ["[{\"ref\":\"abcdef123\"}]"]
  }
}
resource "thing" "app" { check_interval = "never" }
service_type "db" {
  process "exec" {
    path = "sleep"
    args = ["600"]
  }
}
job "test" {
  get "thing" "app" { trigger = true }
  service "db" {}
  task "unit" {
    run "shell" { cmd = "echo all is well; printf '\\033[31mred\\033[0m\\n'" }
  }
}
job "bad" {
  get "thing" "app" {
    trigger = true
    passed  = ["test"]
  }
  task "fail" {
    run "shell" { cmd = "echo it broke; exit 3" }
  }
}
"#;

fn expect(shop: &Frontage, path: &str, texts: &[&str]) {
    shop.browser.open(&shop.address(path));
    let shown = shop.browser.text("return document.body.innerText");
    for text in texts {
        assert!(shown.contains(text), "{path} does not show {text:?} without scripts:\n{shown}");
    }
}

#[test]
fn every_page_is_complete_without_scripts() {
    let shop = Frontage::open(SHOP, Scripts::Off);
    shop.api.done("shop", "bad/1");
    shop.log_in("/teams/main/pipelines");
    let base = "/teams/main/pipelines/shop";
    expect(&shop, "/teams/main/pipelines", &["shop"]);
    expect(&shop, base, &["test", "bad", "app"]);
    expect(&shop, &format!("{base}/jobs/test/builds"), &["#1"]);
    expect(
        &shop,
        &format!("{base}/jobs/test/builds/1"),
        &["test #1", "succeeded", "unit", "db", "all is well", "red"],
    );
    expect(&shop, &format!("{base}/jobs/bad/builds/1"), &["bad #1", "failed", "it broke", "exited with 3"]);
    shop.browser.shoot("build-without-scripts");
    expect(&shop, "/workers", &["lab-1", "online", "linux"]);
    expect(&shop, &format!("{base}/resources/thing.app"), &["abcdef123"]);
    shop.browser.click("form[action$='/trigger'] button");
    assert!(shop.browser.text("return location.pathname").ends_with("/resources/thing.app"));
}

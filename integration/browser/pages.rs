//! Every page, in light and dark: nothing is complained about, and there is a picture to look at.

use serde_json::json;

use super::{driver::Scripts, frontage::Frontage};

const SHOP: &str = r#"
variable "dir" {}
resource_type "source" {
  check "exec" {
    path = "echo"
    args = ["[{\"ref\":\"4f2a9c1d\"},{\"ref\":\"9e0b77aa\"}]"]
  }
}
resource_type "nightly" {
  check "exec" {
    path = "/bin/sh"
    args = ["-ec", "echo could not reach it >&2; exit 1"]
  }
}
resource "source" "shop" { check_interval = "@hourly" }
resource "nightly" "mirror" { check_interval = "@daily" }
service_type "postgres" {
  params = ["version"]
  defaults { version = "16" }
  process "shell" { cmd = "echo listening; exec sleep 600" }
  ready_check "shell" { cmd = "sleep 0.3" }
}
service_type "redis" {
  process "shell" { cmd = "exec sleep 600" }
}
job "lint" {
  get "source" "shop" { trigger = true }
  task "lint" {
    run "shell" { cmd = "echo checking; echo 'warning: a small thing'" }
  }
}
job "test" {
  get "source" "shop" {
    trigger = true
    passed  = ["lint"]
  }
  service "postgres" {}
  service "redis" {}
  task "unit" {
    run "shell" { cmd = "for i in $(seq 1 60); do printf '\\033[32mtest %s ok\\033[0m\\n' $i; done; echo KIND=release >> $PIKOCI_OUTPUT" }
  }
  task "slow" {
    run "shell" { cmd = "echo working; until [ -e ${var.dir}/go ]; do sleep 0.05; done" }
    ensure "shell" { cmd = "echo cleaning up" }
  }
  task "after" {
    run "shell" { cmd = "echo never reached" }
  }
}
job "broken" {
  get "source" "shop" {
    trigger = true
    passed  = ["lint"]
  }
  task "compile" {
    run "shell" { cmd = "echo 'error: cannot find value `x` in this scope' >&2; exit 101" }
  }
}
job "deploy" {
  get "source" "shop" {
    trigger = true
    passed  = ["test", "broken"]
  }
}
"#;
const BASE: &str = "/teams/main/pipelines/shop";

#[test]
fn every_page_shows_itself_in_light_and_dark() {
    let shop = Frontage::open(SHOP, Scripts::On);
    shop.save("quiet", "job \"rest\" {\n  task \"x\" {\n    run \"shell\" { cmd = \"true\" }\n  }\n}\n");
    let page = &shop.browser;
    page.size(1440, 960);
    for scheme in ["light", "dark"] {
        page.scheme(scheme);
        page.open(&shop.address("/login"));
        page.shoot(&format!("login-{scheme}"));
    }
    shop.log_in("/teams/main/pipelines");
    shop.api.done("shop", "broken/1");
    shop.api.post("/api/v1/teams/main/pipelines/shop/jobs/lint/trigger", &json!({}));
    page.open(&shop.address(&format!("{BASE}/jobs/test/builds/1")));
    page.until("document.querySelector('#rows').textContent.includes('working')");
    let pages = [
        ("pipelines", "/teams/main/pipelines".to_owned()),
        ("pipeline", BASE.to_owned()),
        ("job", format!("{BASE}/jobs/lint/builds")),
        ("workers", "/workers".to_owned()),
        ("build-running", format!("{BASE}/jobs/test/builds/1")),
        ("build-failed", format!("{BASE}/jobs/broken/builds/1")),
        ("resource", format!("{BASE}/resources/source.shop")),
        ("resource-failing", format!("{BASE}/resources/nightly.mirror")),
    ];
    for scheme in ["light", "dark"] {
        page.scheme(scheme);
        for (name, path) in &pages {
            page.open(&shop.address(path));
            page.until("document.readyState === 'complete'");
            if name.starts_with("build") {
                page.until("document.querySelectorAll('#rows .tx:not(.later)').length > 0");
            }
            page.shoot(&format!("{name}-{scheme}"));
            let wide = page.text("return document.documentElement.scrollWidth > innerWidth");
            assert_eq!(wide, "false", "{name} is wider than the window");
        }
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
    shop.release("go");
    shop.api.done("shop", "test/1");
    for scheme in ["light", "dark"] {
        page.scheme(scheme);
        page.open(&shop.address(&format!("{BASE}/jobs/test/builds/1")));
        page.until("document.querySelectorAll('#rows .tx:not(.later)').length > 0");
        page.shoot(&format!("build-done-{scheme}"));
    }
    page.open(&shop.address(&format!("{BASE}/jobs/absent/builds")));
    page.shoot("absent-light");
    phone(&shop);
}

/// On a small screen nothing sticks out.
fn phone(shop: &Frontage) {
    let page = &shop.browser;
    page.size(500, 900);
    for path in ["/teams/main/pipelines", BASE, "/workers", &format!("{BASE}/jobs/test/builds/1")] {
        page.open(&shop.address(path));
        let wide = page.text("return document.documentElement.scrollWidth > innerWidth");
        assert_eq!(wide, "false", "{path} is wider than a small screen");
    }
    page.shoot("build-small");
}

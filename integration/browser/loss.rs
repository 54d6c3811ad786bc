//! A build that loses what runs it goes on in the same page, and what was lost stays to be read.

use super::{driver::Scripts, frontage::Frontage};
use crate::world::{deadline::until, processes::kill_below};

const SHOP: &str = r#"
variable "dir" {}
service_type "db" {
  start "shell" { cmd = "echo begun" }
  stop "shell" { cmd = "echo over" }
}
job "test" {
  service "db" {}
  task "unit" {
    run "shell" { cmd = "echo this is run $BUILD_RUN; until [ -e ${var.dir}/go ]; do sleep 0.05; done" }
  }
}
"#;
const BUILD: &str = "/teams/main/pipelines/shop/jobs/test/builds/1";

#[test]
fn a_page_goes_on_with_the_next_run_and_the_lost_one_says_who_stopped_its_services() {
    let shop = Frontage::open(SHOP, Scripts::On);
    shop.trigger("test");
    shop.log_in(BUILD);
    let page = &shop.browser;
    page.size(1440, 900);
    let log_says =
        |text: &str| page.until(&format!("document.querySelector('#rows').textContent.includes('{text}')"));
    log_says("this is run 1");
    page.run("window.here = true");
    assert!(kill_below(shop.server.pid(), "pikoci-shim") > 0, "a shim runs the build");
    log_says("this is run 2");
    assert_eq!(page.text("return window.here"), "true", "the page was never left");
    assert!(!page.text("return document.querySelector('#rows').textContent").contains("this is run 1"));
    page.until("document.querySelector('.facts a[href$=\"?run=1\"]')");

    until("the first run's stop is told", || {
        page.open(&shop.address(&format!("{BUILD}?run=1")));
        let said = page.text("return document.querySelector('.instances').innerText");
        said.contains("journal").then_some(())
    });
    log_says("this is run 1");
    let said = page.text("return document.body.innerText");
    assert!(said.contains("This is run 1: what ran it was lost."), "{said}");
    page.shoot("build-lost-run");
    shop.release("go");
    shop.api.done("shop", "test/1");
    page.open(&shop.address(BUILD));
    page.until("document.querySelector('.promise').textContent.includes('nothing of this build is alive')");
    page.shoot("build-second-run");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

//! Pages that change while one looks at them.

use super::{driver::Scripts, frontage::Frontage, proxy::Proxy};

const SHOP: &str = r#"
variable "dir" {}
service_type "thing" {
  process "exec" {
    path = "sleep"
    args = ["600"]
  }
}
job "test" {
  service "thing" {}
  task "one" {
    run "shell" { cmd = "echo first words; until [ -e ${var.dir}/go ]; do sleep 0.02; done; echo last words" }
  }
  task "two" {
    run "shell" { cmd = "echo the end" }
  }
}
job "next" {
  task "x" {
    run "shell" { cmd = "true" }
  }
}
job "stuttering" {
  task "count" {
    run "shell" { cmd = "for part in 1 2 3 4 5; do seq -f \"$part-%g\" 1 80; until [ -e ${var.dir}/go$part ]; do sleep 0.02; done; done" }
  }
}
"#;
const BASE: &str = "/teams/main/pipelines/shop";

/// The page was loaded once, and is still the page that was marked.
const SAME_PAGE: &str = "performance.getEntriesByType('navigation').length === 1 && window.marker === 42";

#[test]
fn a_build_goes_from_running_to_green_without_another_navigation() {
    let shop = Frontage::open(SHOP, Scripts::On);
    shop.trigger("test");
    shop.log_in(&format!("{BASE}/jobs/test/builds/1"));
    let page = &shop.browser;
    page.run("window.marker = 42");
    page.until("document.querySelector('.headline').dataset.state === 'run'");
    page.until("document.querySelector('#rows').textContent.includes('first words')");
    assert_eq!(
        shop.browser.text("return document.querySelector('#rows').textContent.includes('last words')"),
        "false"
    );
    shop.release("go");
    page.until("document.querySelector('.headline').dataset.state === 'ok'");
    page.until("[...document.querySelectorAll('.lane[data-state=ok]')].length >= 2");
    page.until(SAME_PAGE);
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn lists_and_graphs_follow_what_happens() {
    let shop = Frontage::open(SHOP, Scripts::On);
    shop.log_in("/teams/main/pipelines");
    let page = &shop.browser;
    let all = |path: &str| {
        page.open(&shop.address(path));
        page.run("window.marker = 42");
    };
    all("/teams/main/pipelines");
    let before = page.text("return document.querySelector('main').innerHTML");
    shop.trigger("next");
    page.until(&format!("document.querySelector('main').innerHTML !== {before:?} && {SAME_PAGE}"));
    all(&format!("{BASE}/jobs/next/builds"));
    page.until("document.querySelector('main').textContent.includes('#1')");
    page.run("window.marker = 42");
    shop.trigger("next");
    page.until(&format!("document.querySelector('main').textContent.includes('#2') && {SAME_PAGE}"));
    all(BASE);
    shop.trigger("next");
    page.until(&format!("document.querySelector('main').textContent.includes('#3') && {SAME_PAGE}"));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

/// Every line in the viewer, read by scrolling through it: the text of line n at n - 1.
const ALL_LINES: &str = "
const pane = document.querySelector('#pane'), found = {};
const collect = () => document.querySelectorAll('#rows .ln').forEach((row) => {
  found[row.querySelector('.no').textContent] = row.querySelector('.tx').textContent;
});
for (let y = 0; y <= pane.scrollHeight; y += 200) {
  pane.scrollTop = y;
  pane.dispatchEvent(new Event('scroll'));
  collect();
}
return Object.entries(found).sort((a, b) => a[0] - b[0]).map((entry) => entry[1]);";

#[test]
fn a_stream_that_breaks_goes_on_without_loss_and_without_repetition() {
    let shop = Frontage::open(SHOP, Scripts::On);
    let proxy = Proxy::before(shop.server.url.trim_start_matches("http://").trim_end_matches('/'));
    shop.trigger("stuttering");
    shop.log_in_at(&format!("{}{BASE}/jobs/stuttering/builds/1", proxy.address));
    let page = &shop.browser;
    page.run("window.marker = 42");
    for part in 1..=5 {
        page.until(&format!("document.querySelector('#rows').textContent.includes('{part}-80')"));
        proxy.cut();
        shop.release(&format!("go{part}"));
    }
    page.until("document.querySelector('.headline').dataset.state === 'ok'");
    page.until(SAME_PAGE);
    let lines = page.run(ALL_LINES);
    let lines: Vec<&str> = lines.as_array().unwrap().iter().filter_map(|line| line.as_str()).collect();
    let expected: Vec<String> =
        (1..=5).flat_map(|part| (1..=80).map(move |n| format!("{part}-{n}"))).collect();
    assert_eq!(lines, expected);
    let streams = proxy.streams();
    assert!(streams.len() > 1, "the stream was never opened again: {streams:?}");
    let resumed = streams
        .iter()
        .skip(1)
        .all(|head| head.to_lowercase().contains("last-event-id") || head.contains("after="));
    assert!(resumed, "a stream began anew instead of going on: {streams:?}");
}

//! Logs that no page could hold.

use super::{driver::Scripts, frontage::Frontage};

const SHOP: &str = r#"
job "long" {
  task "count" {
    run "shell" { cmd = "seq -f 'line %g' 1 1000000 | sed 's/e+06/000000/'" }
  }
}
"#;

/// Whether some row shows this line with its own text.
fn shows(line: u32) -> String {
    format!(
        "[...document.querySelectorAll('#rows .ln')].some((row) => row.querySelector('.no').textContent === '{line}' \
         && row.querySelector('.tx').textContent.startsWith('line '))"
    )
}

#[test]
fn a_log_of_a_million_lines_needs_few_nodes_and_shows_any_of_them() {
    let shop = Frontage::open(SHOP, Scripts::On);
    shop.trigger("long");
    shop.api.done("shop", "long/1");
    shop.log_in("/teams/main/pipelines/shop/jobs/long/builds/1");
    let page = &shop.browser;
    page.until("document.querySelectorAll('#rows .ln').length > 10");
    let nodes = |place: &str| {
        let count: u64 = page.text("return document.querySelectorAll('*').length").parse().unwrap();
        assert!(count < 2000, "{count} nodes {place}");
    };
    nodes("at the beginning");
    page.run("const pane = document.querySelector('#pane'); pane.scrollTop = pane.scrollHeight");
    page.until(&shows(1_000_000));
    nodes("at the end");
    page.run("const pane = document.querySelector('#pane'); pane.scrollTop = pane.scrollHeight / 2");
    page.until("[...document.querySelectorAll('#rows .no')].some((no) => +no.textContent > 450000 && +no.textContent < 550000)");
    page.until(
        "![...document.querySelectorAll('#rows .tx')].some((text) => text.classList.contains('later'))",
    );
    let wrong = page.text(
        "return [...document.querySelectorAll('#rows .ln')].filter((row) => \
         Math.round(row.querySelector('.tx').textContent.slice(5)) !== +row.querySelector('.no').textContent).length",
    );
    assert_eq!(wrong, "0");
    nodes("in the middle");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

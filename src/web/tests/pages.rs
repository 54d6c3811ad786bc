//! Every page, rendered with sample data.

use pikoci_web::page::{Theme, render_build, render_login, render_pipelines, render_workers};

use crate::sample;

/// Elements that have no end tag.
const VOID: [&str; 3] = ["meta", "link", "input"];

/// Panics unless every element that begins also ends, in the right order.
fn assert_balanced(name: &str, html: &str) {
    let mut open: Vec<String> = Vec::new();
    for part in html.split('<').skip(1) {
        let tag = part.split(['>', ' ', '\n', '/']).next().unwrap_or_default();
        if let Some(end) = part.strip_prefix('/') {
            let end = end.split('>').next().unwrap_or_default();
            assert_eq!(open.pop().as_deref(), Some(end), "{name}: `</{end}>` ends something else");
        } else if !tag.starts_with('!')
            && !VOID.contains(&tag)
            && !part.split('>').next().unwrap_or_default().ends_with('/')
        {
            open.push(tag.to_owned());
        }
    }
    assert!(open.is_empty(), "{name}: never ended: {open:?}");
}

/// The values of an attribute, in order.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let key = format!(" {attribute}=\"");
    html.split(key.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_page_is_well_formed() {
    for (name, html) in sample::pages() {
        assert!(html.starts_with("<!doctype html>"), "{name}");
        assert_balanced(name, &html);
        for attribute in ["data-live", "id"] {
            let mut keys = values(&html, attribute);
            let count = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), count, "{name}: a {attribute} stands twice");
        }
    }
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for (name, html) in sample::pages() {
        assert!(!html.contains(" style=") && !html.contains("<style"), "{name}: inline style");
        assert!(!html.contains(" onclick=") && html.matches("<script").count() == 1, "{name}: inline script");
        for address in
            values(&html, "href").into_iter().chain(values(&html, "src")).chain(values(&html, "action"))
        {
            assert!(address.starts_with(['/', '#', '?']), "{name}: {address}");
        }
    }
}

#[test]
fn every_form_carries_the_token() {
    for (name, html) in sample::pages() {
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap_or_default();
            assert!(
                form.contains("method=\"post\"") && form.contains("name=\"csrf\" value=\"c5f\""),
                "{name}: {form}"
            );
        }
    }
}

#[test]
fn a_build_says_how_it_ended_and_why() {
    let html = render_build(&sample::build());
    for said in [
        "</span> failed</span>",
        "task <b>test</b> exited with 2",
        "3 services started, 3 stopped; nothing of this build is alive. kafka needed SIGKILL after 10 s.",
        "31 s · exit 2",
        "ready · localhost:5432",
        "TASK_BUILD_IMAGE=shop:9f0c1d7",
        "<dd><span>1 m 12 s</span></dd>",
    ] {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn the_failing_step_is_chosen() {
    let html = render_build(&sample::build());
    let chosen: Vec<_> = html.split("<a class=\"lane").filter(|lane| lane.contains("data-chosen")).collect();
    assert_eq!(chosen.len(), 1);
    assert!(chosen[0].contains("data-title=\"task test\""), "{}", chosen[0]);
}

#[test]
fn a_service_that_lives_on_is_named_with_its_worker() {
    let html = render_build(&sample::broken_promise());
    assert!(html.contains("not stopped</span>"));
    assert!(html.contains("<b>postgresql: not stopped on lab-2: stop exited with 1 three times.</b>"));
    assert!(html.contains("not stopped · its stop was tried 3 times · stop exited with 1"));
}

#[test]
fn each_service_says_when_it_was_started_ready_and_stopped_and_by_whom() {
    let html = render_build(&sample::build());
    let table = html.split("data-live=\"instances\"").nth(1).and_then(|rest| rest.split("</section>").next());
    let kafka = table.and_then(|table| table.split("<b>kafka</b>").nth(1)).unwrap_or_default();
    for said in
        [">3.5 s<", ">9.3 s<", ">1 m 12 s<", "in </span>2 s<", ">build</span>", "1 process needed SIGKILL"]
    {
        assert!(kafka.contains(said), "{said} is not in {kafka}");
    }
}

#[test]
fn a_lost_run_can_be_read_and_its_services_are_not_forgotten() {
    let second = render_build(&sample::second_run());
    assert!(second.contains("<a href=\"/teams/main/pipelines/shop/jobs/integration/builds/42?run=1\">1</a>"));
    assert!(second.contains("<b>postgresql of run 1: stop pending on lab-2.</b>"));
    let first = render_build(&sample::lost_run());
    assert!(first.contains("This is run 1: what ran it was lost."));
    assert!(first.contains(">stop pending on lab-2</text>"), "the lane says it");
    assert!(first.contains("logs?step=3&#38;run=1") || first.contains("logs?step=3&amp;run=1"), "{first}");
}

#[test]
fn without_a_script_the_log_is_there() {
    let html = render_build(&sample::build());
    let plain =
        html.split("<noscript>").nth(1).and_then(|rest| rest.split("</noscript>").next()).unwrap_or_default();
    assert!(
        plain.contains("<a class=\"no\" href=\"#L-3-13\">13</a><span class=\"t\">+19.32s</span>"),
        "{plain}"
    );
    assert!(plain.contains("<span class=\"f1 b\">test splits_evenly ... FAILED</span>"), "{plain}");
    assert!(plain.contains("class=\"ln err\" id=\"L-3-8\""), "{plain}");
}

#[test]
fn with_a_script_a_page_is_small() {
    let mut page = sample::build();
    page.logs[0].text = "x\n".repeat(32 * 1024);
    let html = render_build(&page);
    let (before, rest) = html.split_once("<noscript>").expect("logs for readers without a script");
    let (_, after) = rest.split_once("</noscript>").expect("their end");
    let elements = before.matches('<').count() + after.matches('<').count();
    assert!(elements < 1000, "{elements} tags outside of noscript");
}

#[test]
fn buttons_stand_only_where_they_work() {
    let ended = render_build(&sample::build());
    assert!(ended.contains(">Run again</button>") && !ended.contains(">Cancel</button>"));
    let running = render_build(&sample::running_build());
    assert!(running.contains(">Cancel</button>") && !running.contains(">Run again</button>"));
}

#[test]
fn what_runs_is_counted_by_the_script() {
    let html = render_build(&sample::running_build());
    assert!(html.contains(" data-running"));
    assert!(html.contains("<tspan data-since="));
    assert!(html.contains("the rest is stopped when the build ends, however it ends"));
}

#[test]
fn an_empty_page_says_what_to_do() {
    let mut page = sample::pipelines();
    page.pipelines.clear();
    let html = render_pipelines(&page);
    assert!(html.contains("pikoci client login --url http://localhost:8080 --username alice\n"), "{html}");
    assert!(
        html.contains("create --url http://localhost:8080 --name hello --config pipeline.hcl<"),
        "{html}"
    );
    (page.frame.team, page.frame.user) = ("lab".into(), Some("a b".into()));
    let html = render_pipelines(&page);
    assert!(html.contains(" --username &#39;a b&#39;\n"), "{html}");
    assert!(html.contains(" --team-canonical lab --name hello "), "{html}");
}

#[test]
fn what_a_user_wrote_stays_text() {
    let mut page = sample::login();
    page.username = "\"><script>alert(1)</script>".into();
    let html = render_login(&page);
    assert!(!html.contains("<script>alert"), "{html}");
    let mut page = sample::build();
    page.steps[0].name = "<img src=x>".into();
    page.logs[0].text = "</noscript><script>alert(1)</script>".into();
    let html = render_build(&page);
    assert!(!html.contains("<img src=x>") && !html.contains("<script>alert"));
}

#[test]
fn colours_set_by_hand_are_in_the_page() {
    let mut page = sample::login();
    page.frame.theme = Theme::from_cookie(Some("dark"));
    assert!(render_login(&page).contains("<html lang=\"en\" data-theme=\"dark\">"));
    page.frame.theme = Theme::from_cookie(Some("x\" onload=\"y"));
    assert!(render_login(&page).contains("<html lang=\"en\">"));
}

#[test]
fn a_worker_says_what_it_runs_what_is_wrong_and_what_is_still_to_be_stopped_on_it() {
    let html = render_workers(&sample::workers());
    for said in [
        "1 online, 2 builds run, 3 stops pending",
        "journal is not durable (tmpfs)",
        "<b>postgresql</b> of <a href=",
        "its stop failed (stop exited with 1)",
        "shop / integration #42",
        "2 of 2 slots",
        "This worker is gone.",
    ] {
        assert!(html.contains(said), "{said}");
    }
}

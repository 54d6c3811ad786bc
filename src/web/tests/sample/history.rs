//! What has been: builds of a job, versions of a resource.

use pikoci_web::page::*;

use super::{NOW, SHOP, frame, way};

/// One job.
pub fn job_page() -> JobPage {
    let row = |number: &str, state: State, reason: Sentence, ago: i64, took: i64| BuildRow {
        number: number.into(),
        href: format!("{SHOP}/jobs/integration/builds/{number}"),
        state,
        reason,
        cause: Sentence::plain("git.app ").code("9f0c1d7"),
        created_at: NOW - ago,
        started_at: (state != State::Pending).then_some(NOW - ago),
        ended_at: state.is_over().then_some(NOW - ago + took),
    };
    JobPage {
        frame: frame(way(&["shop", "integration"])),
        pipeline: "shop".into(),
        job: "integration".into(),
        state: State::Pending,
        trigger: Some(format!("{SHOP}/jobs/integration/trigger")),
        builds: vec![
            row(
                "44",
                State::Pending,
                Sentence::plain("waits: ")
                    .link("#43", format!("{SHOP}/jobs/integration/builds/43"))
                    .text(" runs, concurrency 1"),
                2_000,
                0,
            ),
            row("43", State::Running, Sentence::default(), 30_000, 0),
            row(
                "42",
                State::Failed,
                Sentence::plain("task ").name("test").text(" exited with 2"),
                180_000,
                72_000,
            ),
            row("41", State::Cancelled, Sentence::plain("cancelled by bob"), 3_900_000, 12_000),
            row("40", State::Succeeded, Sentence::default(), 7_900_000, 70_000),
        ],
        newer: None,
        older: Some("?before=40".into()),
    }
}

/// One resource, whose check fails.
pub fn resource() -> ResourcePage {
    let version = |id: i64, commit: &str, builds: Vec<UsedBy>| VersionRow {
        id,
        fields: vec![("ref".into(), commit.into()), ("branch".into(), "main".into())],
        created_at: NOW - 200_000 * (20 - id),
        builds,
        path_href: format!("{SHOP}?version_id={id}"),
    };
    let used = |label: &str, state: State| UsedBy { label: label.into(), href: SHOP.into(), state };
    ResourcePage {
        frame: frame(way(&["shop", "git.app"])),
        name: "git.app".into(),
        base: format!("{SHOP}/resources/git.app"),
        checking: false,
        last_check: Some(LastCheck {
            at: NOW - 30_000,
            failing: true,
            log: "fetching\n\x1b[31mfatal: could not read from remote repository\x1b[0m <main>\n".into(),
        }),
        next_check: Some(NOW + 30_000),
        may_check: true,
        webhook: Some(Webhook {
            url: "http://localhost:8080/webhooks/5f1c9e".into(),
            regenerate: format!("{SHOP}/resources/git.app/webhook_token"),
        }),
        versions: vec![
            version(
                19,
                "9f0c1d7",
                vec![
                    used("unit #128", State::Succeeded),
                    used("lint #126", State::Succeeded),
                    used("integration #42", State::Failed),
                ],
            ),
            version(
                18,
                "77ab01c",
                vec![used("unit #127", State::Succeeded), used("deploy #18", State::Warning)],
            ),
            version(17, "0c0ffee", Vec::new()),
        ],
        newer: None,
        older: Some("?before=17".into()),
    }
}

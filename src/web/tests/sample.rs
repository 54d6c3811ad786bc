//! One context for each page, with the invented data that the pages were drawn with.

use pikoci_web::graph::{Get, GraphInput, GraphJob, GraphModel, GraphResource, Newest};
use pikoci_web::page::*;

/// When all samples are looked at, ms since the epoch.
pub const NOW: i64 = 1_927_274_472_000;

const SHOP: &str = "/teams/main/pipelines/shop";

/// The frame of a page of pipeline `shop`.
pub fn frame(crumbs: Vec<Crumb>) -> Frame {
    Frame {
        team: "main".into(),
        user: Some("alice".into()),
        csrf: "c5f".into(),
        theme: Theme::System,
        now: NOW,
        events: String::new(),
        workers: Some(3),
        crumbs,
    }
}

fn way(last: &[&str]) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb::link("main", "/teams/main/pipelines")];
    for (i, name) in last.iter().enumerate() {
        crumbs.push(if i + 1 == last.len() { Crumb::here(*name) } else { Crumb::link(*name, SHOP) });
    }
    crumbs
}

fn at(seconds: f64) -> Option<i64> {
    Some(NOW - 252_000 + (seconds * 1000.0) as i64)
}

fn step(path: &str, kind: &str, name: &str, state: State, span: Option<(f64, f64)>) -> StepLane {
    let logs = span.map(|_| LogTab { label: "attempt 1".into(), path: path.into(), attempt: Some(1) });
    StepLane {
        path: path.into(),
        kind: kind.into(),
        name: name.into(),
        depth: 0,
        state,
        started_at: span.and_then(|(from, _)| at(from)),
        ended_at: span.and_then(|(_, to)| at(to)),
        note: String::new(),
        logs: logs.into_iter().collect(),
    }
}

fn service(name: &str, version: &str, ready: f64, address: &str, killed: bool) -> ServiceLane {
    ServiceLane {
        name: name.into(),
        version: version.into(),
        state: ServiceState::Stopped,
        started_at: at(3.5),
        ready_at: at(ready),
        stopping_at: at(70.0),
        stopped_at: at(72.0),
        address: address.into(),
        killed,
        logs: ["start", "ready", "stop"]
            .map(|part| LogTab { label: part.into(), path: format!("svc.{name}.{part}"), attempt: None })
            .into(),
    }
}

/// The log of the failing step, as in the drawing.
pub const LOG: &str = "cargo test --workspace\nCompiling shop v1.4.0\nFinished test [unoptimized] in 21.84s\n\
Running tests/cents.rs\nrunning 14 tests\n\x1b[1;32mtest rounds_half_even ... ok\x1b[0m\n\x1b[1;32mtest adds_vat ... ok\x1b[0m\n\
\x1b[1;31mtest splits_evenly ... FAILED\x1b[0m\ntest refunds_partially ... ok\n\nfailures:\n---- splits_evenly stdout ----\n\
thread 'splits_evenly' panicked at tests/cents.rs:88:5:\nassertion `left == right` failed\nleft: [34, 33, 32]\nright: [34, 33, 33]\n\n\
test result: FAILED. 13 passed; 1 failed; 0 ignored\nconnecting with password ***\n\
\x1b[1;31merror: test failed, to rerun pass `--test cents`\x1b[0m\n";

/// A build that failed.
pub fn build() -> BuildPage {
    let mut test = step("3", "task", "test", State::Failed, Some((38.0, 69.0)));
    test.note = "exit 2".into();
    BuildPage {
        frame: frame(way(&["shop", "integration", "#42"])),
        base: format!("{SHOP}/jobs/integration/builds/42"),
        job_href: format!("{SHOP}/jobs/integration/builds"),
        pipeline: "shop".into(),
        job: "integration".into(),
        number: "42".into(),
        state: State::Failed,
        done: true,
        reason: Sentence::plain("task ").name("test").text(" exited with 2"),
        cause: Sentence::default().link("git.app", format!("{SHOP}/resources/git.app")).text(" ").code("9f0c1d7").text(" “Fix rounding of cents”"),
        worker: Some("lab-2".into()),
        created_at: NOW - 252_008,
        started_at: at(0.0),
        ended_at: at(72.0),
        run: (1, 3),
        inputs: vec![("region".into(), "eu".into())],
        versions: vec![InputVersion { resource: "git.app".into(), href: format!("{SHOP}/resources/git.app"), version: "9f0c1d7".into() }],
        steps: vec![
            step("0", "get", "app", State::Succeeded, Some((0.0, 3.5))),
            step("2", "task", "build", State::Succeeded, Some((9.3, 37.4))),
            test,
            step("4", "put", "report", State::NotRun, None),
        ],
        services: vec![
            service("postgresql", "17", 7.9, "localhost:5432", false),
            service("redis", "7", 5.0, "localhost:6379", false),
            service("kafka", "4.1", 9.3, "localhost:9092", true),
        ],
        promise: Promise {
            done: true,
            started: 3,
            stopped: 3,
            killed: vec!["kafka needed SIGKILL after 10 s".into()],
            alive: Vec::new(),
        },
        exports: vec![
            Export { name: "TASK_BUILD_IMAGE".into(), value: "shop:9f0c1d7".into() },
            Export { name: "GET_APP_REF".into(), value: "9f0c1d7".into() },
        ],
        logs: vec![StepLog {
            path: "3".into(),
            title: "task test".into(),
            bytes: LOG.len() as u64,
            first_line: 1,
            text: LOG.into(),
            times: (1..=20).map(|n| (n, (n - 1) * 1610)).collect(),
        }],
        last_chunk: 17,
        may_cancel: false,
        may_retry: true,
    }
}

/// A build that runs.
pub fn running_build() -> BuildPage {
    let mut page = build();
    page.frame.now = NOW - 252_000 + 50_000;
    (page.state, page.done, page.ended_at) = (State::Running, false, None);
    page.reason = Sentence::plain("task ").name("test").text(" runs");
    (page.may_cancel, page.may_retry) = (true, false);
    page.steps[2].state = State::Running;
    (page.steps[2].ended_at, page.steps[2].note) = (None, String::new());
    for (i, lane) in page.services.iter_mut().enumerate() {
        (lane.state, lane.stopping_at, lane.stopped_at, lane.killed) = (ServiceState::Ready, None, None, false);
        if i == 2 {
            (lane.state, lane.ready_at) = (ServiceState::Starting, None);
        }
    }
    page.promise = Promise { started: 3, ..Promise::default() };
    page
}

/// A build with a service that could not be stopped.
pub fn broken_promise() -> BuildPage {
    let mut page = build();
    page.services[0].state = ServiceState::NotStopped;
    page.services[0].stopped_at = None;
    page.promise.stopped = 2;
    page.promise.alive.push(Unstopped {
        service: "postgresql".into(),
        worker: "lab-2".into(),
        reason: "stop exited with 1 three times, next try in 5 s".into(),
    });
    page
}

/// All pipelines.
pub fn pipelines() -> PipelinesPage {
    let heights: [u64; 24] = [12, 9, 20, 8, 7, 22, 30, 12, 22, 14, 31, 14, 6, 30, 11, 13, 22, 8, 26, 22, 10, 20, 9, 31];
    let card = |name: &str, state: State, said: &str, ago: i64, odd: usize| PipelineCard {
        name: name.into(),
        href: format!("/teams/main/pipelines/{name}"),
        state,
        last_event: Sentence::plain(said),
        last_event_at: Some(NOW - ago),
        builds: (0..24)
            .map(|i| RecentBuild {
                label: format!("build #{i}"),
                state: match (i + odd) % 11 {
                    5 if odd % 2 == 1 => State::Failed,
                    7 => State::Warning,
                    _ => State::Succeeded,
                },
                duration_ms: heights[(i * (odd + 1)) % 24] * 1000,
            })
            .collect(),
    };
    PipelinesPage {
        frame: frame(vec![Crumb::here("main")]),
        pipelines: vec![
            card("shop", State::Running, "integration #42 failed", 180_000, 0),
            card("docs", State::Succeeded, "publish #301", 720_000, 1),
            card("firmware", State::Failed, "flash #17 failed", 3_600_000, 2),
            card("infra", State::Paused, "paused by bob", 172_800_000, 3),
            PipelineCard {
                name: "new".into(),
                href: "/teams/main/pipelines/new".into(),
                state: State::NotRun,
                last_event: Sentence::default(),
                last_event_at: None,
                builds: Vec::new(),
            },
        ],
        server_url: "http://localhost:8080".into(),
    }
}

fn get(resource: &str, trigger: bool, passed: &[&str]) -> Get {
    Get { resource: resource.into(), trigger, passed: passed.iter().map(|p| (*p).to_owned()).collect() }
}

fn job(name: &str, state: State, number: &str, took: i64, gets: Vec<Get>) -> GraphJob {
    let running = state == State::Running;
    let started_at = (state != State::Pending).then_some(NOW - took);
    let newest = Newest { number: number.into(), started_at, ended_at: (!running).then_some(NOW) };
    GraphJob { name: name.into(), state, newest: Some(newest), running, gets, puts: Vec::new() }
}

/// The graph of pipeline `shop`.
pub fn graph_input() -> GraphInput {
    let resource = |name: &str| GraphResource { name: name.into(), failing: false, pinned: false };
    let mut deploy =
        job("deploy", State::Pending, "19", 0, vec![get("git.app", true, &["package"]), get("git.app", false, &["migrate"])]);
    deploy.puts.push("env.prod".into());
    GraphInput {
        pipeline: "shop".into(),
        base: SHOP.into(),
        resources: vec![resource("git.app"), resource("cron.night"), resource("env.prod")],
        jobs: vec![
            job("unit", State::Succeeded, "128", 41_000, vec![get("git.app", true, &[])]),
            job("lint", State::Succeeded, "126", 9_000, vec![get("git.app", true, &[]), get("cron.night", false, &[])]),
            job("integration", State::Failed, "42", 72_000, vec![get("git.app", true, &["unit", "lint"])]),
            job("package", State::Succeeded, "87", 52_000, vec![get("git.app", true, &["integration"])]),
            job("migrate", State::Running, "8", 40_000, vec![get("git.app", true, &["integration"])]),
            deploy,
        ],
        lit: Default::default(),
    }
}

/// One pipeline.
pub fn pipeline() -> PipelinePage {
    let input = graph_input();
    PipelinePage {
        frame: frame(way(&["shop"])),
        name: "shop".into(),
        state: State::Running,
        revision: 17,
        applied_at: Some(NOW - 7_200_000),
        applied_by: Some("bob".into()),
        graph: GraphModel::new(&input, true),
        lit: None,
        href: SHOP.into(),
        waiting: vec![WaitingBuild {
            label: "deploy #19".into(),
            href: format!("{SHOP}/jobs/deploy/builds/19"),
            reason: Sentence::plain("serial group ").code("prod").text(" is held by ").link("migrate #8", format!("{SHOP}/jobs/migrate/builds/8")).text(" (running 40 s)"),
            since: NOW - 38_000,
        }],
        jobs: input
            .jobs
            .iter()
            .map(|job| JobRow {
                name: job.name.clone(),
                href: format!("{SHOP}/jobs/{}/builds", job.name),
                trigger: Some(format!("{SHOP}/jobs/{}/trigger", job.name)),
                state: job.state,
                newest: job.newest.as_ref().map(|n| (format!("#{}", n.number), format!("{SHOP}/jobs/{}/builds/{}", job.name, n.number))),
                at: job.newest.as_ref().and_then(|n| n.started_at),
                ended_at: job.newest.as_ref().and_then(|n| n.ended_at),
            })
            .collect(),
        resources: input
            .resources
            .iter()
            .enumerate()
            .map(|(i, resource)| ResourceRow {
                name: resource.name.clone(),
                href: format!("{SHOP}/resources/{}", resource.name),
                version: (i == 0).then(|| "9f0c1d7".to_owned()),
                checked_at: (i < 2).then_some(NOW - 30_000),
                failing: i == 1,
            })
            .collect(),
    }
}

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
            row("44", State::Pending, Sentence::plain("waits: ").link("#43", format!("{SHOP}/jobs/integration/builds/43")).text(" runs, concurrency 1"), 2_000, 0),
            row("43", State::Running, Sentence::default(), 30_000, 0),
            row("42", State::Failed, Sentence::plain("task ").name("test").text(" exited with 2"), 180_000, 72_000),
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
            version(19, "9f0c1d7", vec![used("unit #128", State::Succeeded), used("lint #126", State::Succeeded), used("integration #42", State::Failed)]),
            version(18, "77ab01c", vec![used("unit #127", State::Succeeded), used("deploy #18", State::Warning)]),
            version(17, "0c0ffee", Vec::new()),
        ],
        newer: None,
        older: Some("?before=17".into()),
    }
}

/// The login, after a wrong password.
pub fn login() -> LoginPage {
    let frame = Frame { user: None, team: String::new(), workers: None, ..frame(Vec::new()) };
    LoginPage { frame, next: "/teams/main/pipelines".into(), username: "alice".into(), error: Some("The name or the password is wrong.".into()) }
}

/// A refusal.
pub fn error(status: u16) -> ErrorPage {
    ErrorPage {
        frame: frame(Vec::new()),
        status,
        code: format!("A{status}"),
        message: "there is no pipeline `shpo` in team `main`; did you mean `shop`?".into(),
        advice: String::new(),
        request_id: "01JD".into(),
    }
}

/// Every page by name.
pub fn pages() -> Vec<(&'static str, String)> {
    let empty = PipelinesPage { pipelines: Vec::new(), ..pipelines() };
    let mut lit = pipeline();
    let mut input = graph_input();
    input.lit = ["git.app", "unit", "lint", "integration"].map(str::to_owned).into();
    (lit.graph, lit.lit) = (GraphModel::new(&input, true), Some("git.app 9f0c1d7".into()));
    vec![
        ("login", render_login(&login())),
        ("pipelines", render_pipelines(&pipelines())),
        ("pipelines-empty", render_pipelines(&empty)),
        ("pipeline", render_pipeline(&pipeline())),
        ("pipeline-lit", render_pipeline(&lit)),
        ("job", render_job(&job_page())),
        ("build", render_build(&build())),
        ("build-running", render_build(&running_build())),
        ("build-broken", render_build(&broken_promise())),
        ("resource", render_resource(&resource())),
        ("error-404", render_error(&error(404))),
        ("error-500", render_error(&error(500))),
    ]
}

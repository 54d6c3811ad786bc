//! Builds.

use pikoci_web::page::*;

use super::{NOW, SHOP, frame, way};

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

fn service(name: &str, version: &str, ready: f64, address: &str, killed: u32) -> ServiceLane {
    ServiceLane {
        name: name.into(),
        version: version.into(),
        state: ServiceState::Stopped,
        started_at: at(3.5),
        ready_at: at(ready),
        stopping_at: at(70.0),
        stopped_at: at(72.0),
        address: address.into(),
        stopped_by: "build".into(),
        pending_on: None,
        tries: 1,
        killed,
        why: String::new(),
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

fn steps() -> Vec<StepLane> {
    let mut test = step("3", "task", "test", State::Failed, Some((38.0, 69.0)));
    test.note = "exit 2".into();
    vec![
        step("0", "get", "app", State::Succeeded, Some((0.0, 3.5))),
        step("2", "task", "build", State::Succeeded, Some((9.3, 37.4))),
        test,
        step("4", "put", "report", State::NotRun, None),
    ]
}

/// A build that failed.
pub fn build() -> BuildPage {
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
        cause: Sentence::default()
            .link("git.app", format!("{SHOP}/resources/git.app"))
            .text(" ")
            .code("9f0c1d7")
            .text(" “Fix rounding of cents”"),
        worker: Some("lab-2".into()),
        created_at: NOW - 252_008,
        started_at: at(0.0),
        ended_at: at(72.0),
        runs: Runs { shown: 1, newest: 1, most: 3 },
        inputs: vec![("region".into(), "eu".into())],
        versions: vec![InputVersion {
            resource: "git.app".into(),
            href: format!("{SHOP}/resources/git.app"),
            version: "9f0c1d7".into(),
        }],
        steps: steps(),
        services: vec![
            service("postgresql", "17", 7.9, "localhost:5432", 0),
            service("redis", "7", 5.0, "localhost:6379", 0),
            service("kafka", "4.1", 9.3, "localhost:9092", 1),
        ],
        promise: Promise {
            done: true,
            started: 3,
            stopped: 3,
            killed: vec!["kafka needed SIGKILL after 10 s".into()],
            alive: Vec::new(),
            of_lost_run: false,
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
        (lane.state, lane.stopping_at, lane.stopped_at, lane.killed) = (ServiceState::Ready, None, None, 0);
        lane.stopped_by.clear();
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
    let lane = &mut page.services[0];
    (lane.state, lane.stopped_at, lane.tries) = (ServiceState::NotStopped, None, 3);
    (lane.pending_on, lane.why) = (Some("lab-2".into()), "stop exited with 1".into());
    lane.stopped_by.clear();
    page.promise.stopped = 2;
    page.promise.alive.push(Unstopped {
        service: "postgresql".into(),
        worker: "lab-2".into(),
        pending: false,
        run: None,
        reason: "stop exited with 1 three times".into(),
    });
    page
}

/// The second run of a build whose first was lost with its worker; a service of the first still stands.
pub fn second_run() -> BuildPage {
    let mut page = running_build();
    page.runs = Runs { shown: 2, newest: 2, most: 3 };
    page.promise.alive.push(pending(Some(1)));
    page
}

/// The first run of that build.
pub fn lost_run() -> BuildPage {
    let mut page = second_run();
    page.runs.shown = 1;
    let lane = &mut page.steps[2];
    (lane.state, lane.note, lane.ended_at) = (State::Cancelled, "cut off".into(), at(45.0));
    for lane in &mut page.services {
        (lane.state, lane.stopping_at, lane.stopped_at) = (ServiceState::Stopped, at(48.0), at(49.0));
        lane.stopped_by = "shim".into();
    }
    let lane = &mut page.services[0];
    (lane.state, lane.stopping_at, lane.stopped_at) = (ServiceState::StopPending, None, None);
    (lane.pending_on, lane.stopped_by) = (Some("lab-2".into()), String::new());
    let alive = vec![pending(None)];
    page.promise =
        Promise { done: true, of_lost_run: true, started: 3, stopped: 2, alive, ..Promise::default() };
    page
}

fn pending(run: Option<u32>) -> Unstopped {
    let (service, worker) = ("postgresql".into(), "lab-2".into());
    Unstopped { service, worker, pending: true, run, reason: String::new() }
}

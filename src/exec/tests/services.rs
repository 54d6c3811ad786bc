//! Services: start, stop, and what comes between.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use pikoci_model::outcome::Ended;
use pikoci_model::port::{EndedStop, ServiceLaunch};

use crate::fixture::{Holders, Kept, directory, launcher, lines, open, run, service, shell, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_lives_until_its_stop_and_what_is_left_is_killed() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let log = place.path().join("log");
    let launcher = launcher();
    let item = open(&launcher).await;
    let start = format!(
        "{}; setsid sh -c 'trap \"\" TERM HUP; echo up >&9; sleep 1000' & echo started",
        holders.hold()
    );
    let launch = service(&start, &format!("echo stop >> {}", log.display()), 0);
    let process = within(item.start_service(launch.clone())).await.unwrap();
    let end = within(process.wait()).await;
    assert_eq!(end.ended, Ended::Exited(0));
    holders.wait_for_lines(1);
    assert_eq!(run(&item, shell("exit 1", None)).await.ended, Ended::Exited(1));
    let stopped = within(item.stop_service(launch.instance)).await;
    assert!(stopped.stopped);
    assert_eq!(stopped.tries, [EndedStop::Ended(Ended::Exited(0))]);
    assert!(stopped.killed >= 1);
    holders.wait_until_gone();
    let again = within(item.stop_service(launch.instance)).await;
    assert_eq!(again.tries, stopped.tries);
    within(item.close()).await.unwrap();
    assert_eq!(lines(&log), ["stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_start_is_stopped_as_well() {
    let place = directory();
    let log = place.path().join("log");
    let launcher = launcher();
    let item = open(&launcher).await;
    for start in ["exit 4", "exec no-such-program"] {
        let launch = service(start, &format!("echo stop >> {}", log.display()), 0);
        let process = item.start_service(launch.clone()).await.unwrap();
        assert!(!within(process.wait()).await.ended.is_success());
        assert!(within(item.stop_service(launch.instance)).await.stopped);
    }
    let mut missing = service("true", &format!("echo stop >> {}", log.display()), 0);
    missing.start.argv = vec!["no-such-program".into()];
    let process = item.start_service(missing.clone()).await.unwrap();
    assert!(matches!(within(process.wait()).await.ended, Ended::NotFound { .. }));
    assert!(within(item.stop_service(missing.instance)).await.stopped);
    assert_eq!(lines(&log).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_a_start_that_runs_and_comes_twice() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let log = place.path().join("log");
    let launcher = launcher();
    let item = open(&launcher).await;
    let path = log.display();
    let start = format!(
        "{}; trap 'sleep 0.3; echo start ends >> {path}; exit 1' TERM; echo up >&9; while :; do sleep 0.05; done",
        holders.hold()
    );
    let launch = service(&start, &format!("echo stop >> {path}"), 0);
    let process = item.start_service(launch.clone()).await.unwrap();
    holders.wait_for_lines(1);
    let stopped = within(item.stop_service(launch.instance)).await;
    assert!(stopped.stopped);
    assert_eq!(stopped.tries.len(), 2);
    assert_eq!(stopped.process, Some(Ended::Exited(1)));
    assert_eq!(within(process.wait()).await.ended, Ended::Exited(1));
    assert_eq!(lines(&log), ["start ends", "stop", "stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_tried_three_times_and_its_failure_is_told() {
    let place = directory();
    let log = place.path().join("log");
    let launcher = launcher();
    let item = open(&launcher).await;
    let kept = Arc::<Kept>::default();
    let mut launch = service("true", &format!("echo x >> {0}; wc -l < {0}; exit 5", log.display()), 0);
    launch.stop.as_mut().unwrap().spawn.sink = Some(Arc::clone(&kept) as _);
    within(item.start_service(launch.clone()).await.unwrap().wait()).await;
    let stopped = within(item.stop_service(launch.instance)).await;
    assert!(!stopped.stopped);
    assert_eq!(stopped.tries, vec![EndedStop::Ended(Ended::Exited(5)); 3]);
    assert_eq!(kept.out(), "1\n2\n3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_stop_is_killed_at_its_limit_and_delays_no_other() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let launcher = launcher();
    let item = open(&launcher).await;
    let mut hung = service("true", &format!("{}; trap '' TERM; sleep 1000", holders.hold()), 0);
    hung.stop.as_mut().unwrap().limit = Duration::from_millis(300);
    hung.stop.as_mut().unwrap().retries.clear();
    let quick = service("true", "true", 0);
    for launch in [&hung, &quick] {
        within(item.start_service(launch.clone()).await.unwrap().wait()).await;
    }
    let (first, second) = tokio::join!(item.stop_service(hung.instance), item.stop_service(quick.instance));
    assert_eq!(first.tries, [EndedStop::TimedOut(Duration::from_millis(300))]);
    assert!(!first.stopped && second.stopped);
    holders.wait_until_gone();
}

fn foreground(script: &str) -> ServiceLaunch {
    ServiceLaunch { foreground: true, stop: None, ..service(script, "true", 0) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreground_service_is_terminated() {
    let place = directory();
    let mut holders = Holders::new(place.path(), "alive");
    let data = place.path().join("data");
    fs::create_dir_all(data.join("deep")).unwrap();
    let launcher = launcher();
    let item = open(&launcher).await;
    let script = format!("{}; trap 'exit 0' TERM; echo up >&9; while :; do sleep 0.05; done", holders.hold());
    let launch = ServiceLaunch { data: Some(data.clone()), ..foreground(&script) };
    let process = item.start_service(launch.clone()).await.unwrap();
    holders.wait_for_lines(1);
    let stopped = within(item.stop_service(launch.instance)).await;
    assert!(stopped.stopped);
    assert_eq!(stopped.process, Some(Ended::Exited(0)));
    assert_eq!(within(process.wait()).await.ended, Ended::Exited(0));
    holders.wait_until_gone();
    within(item.close()).await.unwrap();
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreground_service_that_ends_by_itself_is_told_at_once() {
    let launcher = launcher();
    let item = open(&launcher).await;
    let launch = foreground("exit 9");
    let process = item.start_service(launch.clone()).await.unwrap();
    assert_eq!(within(process.wait()).await.ended, Ended::Exited(9));
    assert!(within(item.stop_service(launch.instance)).await.stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_stops_what_stands_in_reverse_order() {
    let place = directory();
    let log = place.path().join("log");
    let launcher = launcher();
    let item = open(&launcher).await;
    for group in 0..3 {
        let stop = format!("sleep 0.{}; echo {group} >> {}", group, log.display());
        within(item.start_service(service("true", &stop, group)).await.unwrap().wait()).await;
    }
    within(item.close()).await.unwrap();
    assert_eq!(lines(&log), ["2", "1", "0"]);
}

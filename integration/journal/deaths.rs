//! The worker dies, alone or with everything that could have stopped its services.

use super::house::House;
use crate::world::deadline::until;

const BUILD: &str = "/api/v1/teams/main/pipelines/p/jobs/j/builds/1";
/// Ends what was started and says so.
const STOP: &str = "echo stopped >> LOG; kill $(cat $SERVICE_NAME.pid)";

#[test]
fn a_killed_worker_s_services_are_stopped_and_its_build_goes_on_at_the_next_start() {
    let house = House::new(STOP);
    let server = house.start();
    house.build(&server);
    server.signal("KILL");
    let _ = server.wait();
    house.wait_for("stopped", 3);
    house.nothing_is_left();
    assert!(!house.pending());
    let server = house.start();
    house.wait_for("task", 2);
    let api = House::api(&server);
    let build = api.build("p", "j/1").unwrap();
    assert_eq!(build["run"], 2, "{build}");
    assert_eq!(house.count("stopped"), 3, "what was stopped is not stopped again");
    server.signal("TERM");
    let _ = server.wait();
    house.wait_for("stopped", 6);
    house.nothing_is_left();
    assert!(!house.pending());
}

#[test]
fn when_all_are_killed_the_next_start_runs_the_stops_before_it_takes_work() {
    let house = House::new(STOP);
    let server = house.start();
    house.build(&server);
    House::kill_all(server);
    assert!(house.pending());
    assert_eq!(house.count("stopped"), 0);
    let server = house.start();
    house.wait_for("task", 2);
    let words = house.words();
    let again = words.iter().rposition(|word| word == "stopped").unwrap();
    assert_eq!(words[again + 1..].iter().filter(|word| *word == "started").count(), 3, "{words:?}");
    let api = House::api(&server);
    until("who stopped the services of the first run", || {
        let run = api.get(&format!("{BUILD}?run=1"));
        let services = run.body["data"]["services"].as_array().cloned().unwrap_or_default();
        let stopped = services.iter().filter(|one| one["stopped_by"] == "journal").count();
        (stopped == 3).then_some(())
    });
    assert!(!house.pending());
    server.signal("TERM");
    let _ = server.wait();
    house.nothing_is_left();
}

#[test]
fn a_stop_whose_work_directory_is_gone_runs_in_an_empty_one_and_is_told() {
    let house = House::new("echo lost=$PIKOCI_WORKDIR_LOST >> LOG");
    let server = house.start();
    house.build(&server);
    House::kill_all(server);
    let works = std::fs::read_dir(house.path("work")).unwrap().flatten();
    for directory in works.filter(|entry| entry.file_name().len() == 36) {
        std::fs::remove_dir_all(directory.path()).unwrap();
    }
    let replay = house.journal(&["worker", "journal", "replay"]);
    assert!(replay.status.success(), "{}", super::house::text(&replay));
    assert_eq!(house.words().iter().filter(|word| word.starts_with("lost=")).count(), 3);
    assert!(house.count("lost=1") > 0);
    house.nothing_is_left();
}

/// Its build has ended long ago; the worker tries on, with pauses.
#[test]
fn a_stop_that_failed_is_tried_again_by_the_worker_that_lives() {
    let house = House::new("echo tried >> LOG; test -e LOG.allowed");
    let server = house.start();
    let api = house.build(&server);
    let cancelled = api.post(&format!("{BUILD}/cancel"), &serde_json::json!({}));
    assert!(cancelled.status < 300, "{}", cancelled.body);
    api.done("p", "j/1");
    let states = || -> Vec<String> {
        let build = api.get(BUILD);
        let services = build.body["data"]["services"].as_array().cloned().unwrap_or_default();
        assert_eq!(services.len(), 3, "{}", build.body);
        services.iter().map(|service| service["status"].as_str().unwrap().to_owned()).collect()
    };
    assert!(states().iter().all(|state| state == "stop_failed"), "{:?}", states());
    assert!(house.pending());
    std::fs::write(house.path("log.allowed"), "").unwrap();
    until("the stops of the ended build", || states().iter().all(|state| state == "stopped").then_some(()));
    until("an empty journal", || (!house.pending()).then_some(()));
    until("an empty place of work", || {
        let left = std::fs::read_dir(house.path("work")).unwrap().flatten();
        (left.filter(|entry| entry.file_name().len() == 36).count() == 0).then_some(())
    });
    server.signal("TERM");
    let _ = server.wait();
    house.nothing_is_left();
}

/// What a local run leaves is stopped by whoever comes next on this host.
#[test]
fn a_killed_local_run_is_stopped_by_the_next_one() {
    let house = House::new(STOP);
    let mut killed = house.local_run();
    house.wait_for("task", 1);
    House::kill_helpers_of(&mut killed);
    assert!(house.pending());
    let next = house.journal(&["worker", "journal", "replay", "--wait"]);
    assert!(next.status.success(), "{}", super::house::text(&next));
    assert_eq!(house.count("stopped"), 3);
    house.nothing_is_left();
}

/// The next life waits for the stops that run already, and starts none of them a second time.
#[test]
fn a_stop_that_runs_when_the_worker_dies_is_waited_for_by_its_next_life() {
    let house =
        House::new("echo stopping >> LOG; kill $(cat $SERVICE_NAME.pid); sleep 3; echo stopped >> LOG");
    let server = house.start();
    house.build(&server);
    server.signal("KILL");
    let _ = server.wait();
    house.wait_for("stopping", 1);
    let server = house.start();
    house.wait_for("task", 2);
    let words = house.words();
    let again = words.iter().rposition(|word| word == "stopped").unwrap();
    assert_eq!(words.iter().filter(|word| *word == "stopping").count(), 3, "{words:?}");
    assert_eq!(words[again + 1..].iter().filter(|word| *word == "started").count(), 3, "{words:?}");
    server.signal("TERM");
    let _ = server.wait();
    house.nothing_is_left();
    assert!(!house.pending());
}

//! `pikoci worker journal` and `pikoci doctor`.

use std::fs;

use serde_json::Value;

use super::house::{House, text};

/// Succeeds only when somebody has allowed it.
const STOP: &str = "echo tried >> LOG; test -e LOG.allowed";

fn services(house: &House) -> Vec<Value> {
    let listed = house.journal(&["worker", "journal", "list", "--json"]);
    assert!(listed.status.success(), "{}", text(&listed));
    let items: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let of = |item: &Value| item["services"].as_array().cloned().unwrap_or_default();
    items.as_array().unwrap().iter().flat_map(of).collect()
}

#[test]
fn what_cannot_be_stopped_stays_until_it_can_be_or_is_forgotten_with_a_reason() {
    let house = House::new(STOP);
    let server = house.start();
    house.build(&server);
    House::kill_all(server);
    assert_eq!(services(&house).iter().filter(|service| service["state"] == "pending").count(), 3);
    let replay = house.journal(&["worker", "journal", "replay", "--wait"]);
    assert_eq!(replay.status.code(), Some(1), "{}", text(&replay));
    let failed = services(&house);
    assert!(failed.iter().all(|service| service["state"] == "failed"), "{failed:?}");
    assert!(failed.iter().all(|service| service["tries"].as_u64().unwrap() >= 3), "{failed:?}");
    let doctor = house.journal(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(1));
    assert!(text(&doctor).contains("PENDING") && text(&doctor).contains("main/p/j #1"), "{}", text(&doctor));

    let id = failed[0]["instance"].as_str().unwrap();
    let missing = house.journal(&["worker", "journal", "forget", id]);
    assert_eq!(missing.status.code(), Some(2), "a reason is asked for");
    let forgotten = house.journal(&["worker", "journal", "forget", id, "--reason", "stopped by hand"]);
    assert!(forgotten.status.success(), "{}", text(&forgotten));
    let audit = fs::read_to_string(house.path("state").join("audit.log")).unwrap();
    assert!(audit.contains("stopped by hand") && audit.contains(id), "{audit}");

    fs::write(house.path("log.allowed"), "").unwrap();
    let replay = house.journal(&["worker", "journal", "replay"]);
    assert!(replay.status.success(), "{}", text(&replay));
    assert!(!house.pending());
    house.nothing_is_left();
}

#[test]
fn where_no_worker_ever_was_nothing_is_pending_and_nothing_is_made() {
    let house = House::new(STOP);
    assert!(!house.pending());
    assert!(house.journal(&["worker", "journal", "replay"]).status.success());
    assert!(services(&house).is_empty());
    assert!(!house.path("state").exists());
}

/// A record that cannot be read is kept and named, and hinders no other.
#[test]
fn a_damaged_record_stays_and_is_shown() {
    let house = House::new("echo stopped >> LOG; kill $(cat $SERVICE_NAME.pid); true");
    let server = house.start();
    house.build(&server);
    House::kill_all(server);
    let item = fs::read_dir(house.path("state/items")).unwrap().flatten().next().unwrap().path();
    let intents = fs::read_dir(item).unwrap().flatten().map(|entry| entry.path());
    let intent =
        intents.into_iter().find(|path| path.extension().is_some_and(|end| end == "intent")).unwrap();
    let whole = fs::read(&intent).unwrap();
    fs::write(&intent, &whole[..whole.len() - 7]).unwrap();
    let replay = house.journal(&["worker", "journal", "replay"]);
    assert_eq!(replay.status.code(), Some(1), "{}", text(&replay));
    assert!(text(&replay).contains("stop pending (cannot unseal)"), "{}", text(&replay));
    assert_eq!(house.count("stopped"), 2);
    fs::write(&intent, &whole).unwrap();
    assert!(house.journal(&["worker", "journal", "replay"]).status.success());
    house.nothing_is_left();
}

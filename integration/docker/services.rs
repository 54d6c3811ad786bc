//! Services in containers: built-in ones, and declared ones that use the docker runner.

use super::{slow::SlowDoor, yard::Yard};
use crate::world::deadline::until;

const NAME: &str = "pikoci-services-store-redis";

fn label(yard: &Yard, name: &str, label: &str) -> String {
    let format = format!("{{{{index .Config.Labels \"{label}\"}}}}");
    yard.engine.list(&["inspect", "--format", &format, name]).join("")
}

/// A container that looks like a service of this owner, for whatever its build slot is held.
fn imitate(yard: &Yard, owner: &str, place: &str) {
    let whose = [format!("pikoci.owner={owner}"), format!("pikoci.place={place}")];
    let [owner, place] = whose.each_ref().map(|label| ["--label", label]);
    let kind = ["--label", "pikoci.kind=service", "--label", "pikoci.instance=another"];
    let build = ["--label", "pikoci.build=0", "--label", "pikoci.service=redis"];
    let labels = [&kind[..], &build, &owner, &place].concat();
    let args =
        [&["run", "--detach", "--name", NAME][..], &labels, &["busybox:1.36", "sleep", "1000"]].concat();
    assert!(yard.engine.docker(&args));
}

#[test]
fn a_service_has_a_container_and_names_have_owners() {
    let yard = Yard::open("services", super::engine::Engine::host);
    yard.trigger("store");
    yard.says("store/1", "1", "PONG docker");
    assert_eq!(yard.engine.containers(), [NAME], "an engine answers, so `auto` takes it");
    let [owner, place] = ["pikoci.owner", "pikoci.place"].map(|name| label(&yard, NAME, name));
    yard.give("go");
    assert_eq!(yard.ends("store/1", "succeeded")["services"][0]["status"], "stopped");
    yard.holds_only(&[]);

    // What another worker's container is called is not touched.
    imitate(&yard, "somebody else", &place);
    yard.trigger("store");
    yard.ends("store/2", "succeeded");
    yard.holds_only(&[NAME]);
    assert!(
        yard.log("store/2", "svc.redis.start").contains("is taken by another's container"),
        "{}",
        yard.log("store/2", "svc.redis.start")
    );
    assert!(yard.engine.docker(&["rm", "--force", NAME]));

    // What this worker left behind under the name is removed.
    imitate(&yard, &owner, &place);
    yard.trigger("store");
    yard.ends("store/3", "succeeded");
    yard.holds_only(&[]);
    assert!(
        yard.log("store/3", "svc.redis.start").contains("removing the left-over container"),
        "{}",
        yard.log("store/3", "svc.redis.start")
    );
    yard.close();
}

#[test]
fn containers_of_declared_services_are_removed() {
    let mut yard = Yard::open("own", super::engine::Engine::host);
    yard.trigger("both");
    yard.says("both/1", "2", "in use");
    assert_eq!(yard.engine.containers().len(), 2, "{:?}", yard.engine.containers());
    yard.give("go");
    let ended = yard.ends("both/1", "succeeded");
    for service in ended["services"].as_array().unwrap() {
        assert_eq!(service["status"], "stopped", "{service:#}");
    }
    assert!(yard.log("both/1", "svc.left.stop").contains("stopping\n"));
    assert!(yard.has("stopped"), "the type's own stop has run");
    yard.holds_only(&[]);

    // The worker is gone: its shim knows of them.
    yard.take("go");
    yard.trigger("both");
    yard.says("both/2", "2", "in use");
    yard.kill();
    yard.holds_only(&[]);
}

#[test]
fn a_declared_service_whose_container_appears_late_leaves_none() {
    let mut doors = Vec::new();
    let yard = Yard::open("own", |engine| {
        let door = SlowDoor::open(engine);
        let host = door.host();
        doors.push(door);
        host
    });
    let door = doors.pop().unwrap();
    yard.trigger("slow");
    door.wait_for_creation();
    yard.cancel("slow/1");
    yard.ends("slow/1", "cancelled");
    assert_eq!(door.created(), 1, "the engine had it in hand");
    yard.close();
}

#[test]
fn a_container_that_appears_after_its_start_was_cut_is_removed() {
    let mut doors = Vec::new();
    let mut yard = Yard::open("services", |engine| {
        let door = SlowDoor::open(engine);
        let host = door.host();
        doors.push(door);
        host
    });
    let door = doors.pop().unwrap();
    yard.trigger("store");
    door.wait_for_creation();
    yard.cancel("store/1");
    yard.ends("store/1", "cancelled");
    assert_eq!(door.created(), 1, "the engine had it in hand");
    yard.holds_only(&[]);

    // The same when the worker is killed meanwhile: its shim knows.
    yard.trigger("task");
    door.wait_for_creation();
    yard.kill();
    until("the creation", || (door.created() == 2).then_some(()));
    yard.holds_only(&[]);
}

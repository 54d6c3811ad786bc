//! Tasks in containers.

use std::fs;

use super::yard::{TOKEN, Yard};
use crate::world::processes::arguments;

#[test]
fn a_task_s_container_is_gone_however_it_ended() {
    let mut yard = Yard::open("tasks", super::engine::Engine::host);
    yard.trigger("good");
    yard.ends("good/1", "succeeded");
    assert_eq!(yard.log("good/1", "0"), "one two\n/workdir/sub /workdir /workdir/.pikoci/\nargument\n");
    assert_eq!(yard.log("good/1", "1"), "made inside, KEY is value\n");
    assert_eq!(yard.log("good/1", "2"), "declared b /workdir\n");
    yard.holds_only(&[]);

    yard.trigger("bad");
    let failed = yard.ends("bad/1", "failed");
    assert!(failed["error"].as_str().unwrap().contains("exited with 7"), "{}", failed["error"]);
    yard.holds_only(&[]);

    for (job, error) in [
        ("absent", "R180: image no.such.registry.invalid/team/nothing:1 not found"),
        ("wrong", "the command exited with 125"),
    ] {
        yard.trigger(job);
        let failed = yard.ends(&format!("{job}/1"), "failed");
        assert!(failed["error"].as_str().unwrap().contains(error), "{}", failed["error"]);
    }
    yard.holds_only(&[]);

    yard.trigger("long");
    yard.says("long/1", "0", "began");
    assert_eq!(yard.engine.containers().len(), 1);
    yard.cancel("long/1");
    yard.ends("long/1", "cancelled");
    yard.holds_only(&[]);

    yard.trigger("slow");
    yard.ends("slow/1", "failed");
    yard.holds_only(&[]);

    yard.trigger("long");
    yard.says("long/2", "0", "began");
    yard.kill();
    yard.holds_only(&[]);
}

#[test]
fn no_argument_inside_or_outside_shows_a_secret() {
    let yard = Yard::open("secret", super::engine::Engine::host);
    yard.trigger("use");
    yard.says("use/1", "0", "looking");
    for pid in
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    {
        let line = arguments(pid).join(" ");
        assert!(!line.contains(TOKEN), "{line}");
    }
    let told = yard.engine.list(&["inspect", "--format", "{{.Path}} {{.Args}} {{.Name}} {{.Config.Labels}}"]);
    assert!(!told.join("\n").contains(TOKEN), "{told:?}");
    yard.give("go");
    yard.ends("use/1", "succeeded");
    let log = yard.log("use/1", "0");
    assert!(
        log.contains("in the script: ***\n") && log.contains("in the environment: ***, 21 bytes\n"),
        "{log}"
    );
    yard.close();
}

//! Dead shims, with the worker and without.

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use nix::sys::signal::Signal;

use super::{DEADLINE, Event, Hatch, Holders, REPLAY, Shim, end_orphans, hatch, nursery, wait};

fn replay(script: &str) -> Vec<Bytes> {
    [REPLAY, script].map(|word| Bytes::copy_from_slice(word.as_bytes())).to_vec()
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn a_lost_shim_loses_its_steps_at_once_and_its_services_only_when_told() {
    let place = tempfile::tempdir().unwrap();
    let mut steps = Holders::new(place.path(), "steps");
    let mut services = Holders::new(place.path(), "services");
    let mut starts = Holders::new(place.path(), "starts");
    let nursery = nursery();
    let shim = Shim::of(&nursery, hatch("lost"), &[]);
    shim.serve(1, &services.daemon(), "true", None);
    shim.serve(2, &format!("{} {}", services.daemon(), starts.sleeper()), "true", None);
    shim.run(3, &steps.sleeper());
    shim.run(4, &steps.daemon());
    services.wait_for_lines(2);
    steps.wait_for_lines(2);
    starts.wait_for_lines(1);
    shim.wait_for(|event| matches!(event, Event::Exited { unit: 1, .. }));
    shim.signal(Signal::SIGKILL);
    steps.wait_until_gone();
    starts.wait_until_gone();
    assert!(services.are_there());
    let done = end_orphans(&nursery, "lost", shim.pid);
    wait(done.as_fd(), Instant::now() + DEADLINE);
    services.wait_until_gone();
    let again = end_orphans(&nursery, "lost", shim.pid);
    wait(again.as_fd(), Instant::now() + DEADLINE);
}

#[test]
fn daemons_whose_reaper_was_killed_too_wait_for_the_stop_as_well() {
    let place = tempfile::tempdir().unwrap();
    let mut services = Holders::new(place.path(), "services");
    let nursery = nursery();
    let shim = Shim::of(&nursery, hatch("both"), &[]);
    let pid = place.path().join("pid");
    shim.serve(1, &format!("echo $PPID > {}; {}", pid.display(), services.daemon()), "true", None);
    shim.wait_for(|event| matches!(event, Event::Exited { unit: 1, .. }));
    services.wait_for_lines(1);
    let reaper = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    shim.signal(Signal::SIGSTOP);
    super::kill(super::Pid::from_raw(reaper), Signal::SIGKILL).unwrap();
    shim.signal(Signal::SIGKILL);
    while shim.next().is_some() {}
    // The nursery has done whatever it does when it makes the next.
    Shim::of(&nursery, hatch("next"), &[]).finish();
    assert!(services.are_there());
    let done = end_orphans(&nursery, "both", shim.pid);
    wait(done.as_fd(), Instant::now() + DEADLINE);
    services.wait_until_gone();
}

#[test]
fn without_a_worker_the_program_is_run_for_what_a_dead_shim_owed() {
    let place = tempfile::tempdir().unwrap();
    let mut services = Holders::new(place.path(), "services");
    let log = place.path().join("log");
    let nursery = nursery();
    // Fails once, so that it is run again; while it runs, the daemon lives.
    let script = format!(
        "test -d /proc/$(cat {0}/pid) && echo $(env | grep -c .) >> {0}/log; test $(wc -l < {0}/log) = 2",
        place.path().display()
    );
    let shim = Shim::of(&nursery, Hatch { replay: replay(&script), ..hatch("owed") }, &[]);
    let start = format!(
        "setsid sh -c 'echo $$ > {}/pid; {}' >/dev/null 2>&1 &",
        place.path().display(),
        services.sleeper()
    );
    shim.serve(1, &start, "true", None);
    shim.wait_for(|event| matches!(event, Event::Exited { unit: 1, .. }));
    services.wait_for_lines(1);
    let ended = Shim::of(&nursery, Hatch { replay: replay("exit 9"), ..hatch("ended") }, &[]);
    ended.finish();
    shim.signal(Signal::SIGKILL);
    while shim.next().is_some() {}
    assert!(services.are_there());
    drop(nursery);
    services.wait_until_gone();
    assert_eq!(lines(&log).len(), 2);
}

#[test]
fn a_stop_that_runs_when_the_worker_dies_is_waited_for_and_not_run_again() {
    let place = tempfile::tempdir().unwrap();
    let mut services = Holders::new(place.path(), "services");
    let mut stops = Holders::new(place.path(), "stops");
    let nursery = nursery();
    let shim = Shim::of(&nursery, hatch("midstop"), &[]);
    let (go, log, kept) = (place.path().join("go"), place.path().join("log"), place.path().join("kept"));
    let stop = format!(
        "exec 9>{}; echo up >&9; echo a word; until test -e {}; do sleep 0.02; done; echo another >&2; echo stop >> {}",
        stops.path.display(),
        go.display(),
        log.display()
    );
    let mut plan = super::daemon(Some(&services.daemon()), &stop);
    plan.stop.as_mut().unwrap().output = Some(kept.clone());
    let null = super::null();
    let order = super::Order::Serve { unit: 1, service: Box::new(plan) };
    shim.send(&order, &[null.as_fd(), null.as_fd()]);
    shim.wait_for(|event| matches!(event, Event::Exited { unit: 1, .. }));
    services.wait_for_lines(1);
    shim.send(&super::Order::Stop { unit: 1, grace: DEADLINE }, &[]);
    stops.wait_for_lines(1);
    drop((shim, nursery));
    fs::write(&go, "").unwrap();
    stops.wait_until_gone();
    services.wait_until_gone();
    assert_eq!(lines(&log), ["stop"]);
    assert_eq!(lines(&kept), ["a word", "another"]);
}

#[test]
fn who_was_stopped_goes_on_when_it_has_an_end_to_make() {
    let place = tempfile::tempdir().unwrap();
    let mut steps = Holders::new(place.path(), "steps");
    let mut services = Holders::new(place.path(), "services");
    let (pid, log) = (place.path().join("pid"), place.path().join("log"));
    let nursery = nursery();
    let shim = Shim::of(&nursery, hatch("stopped"), &[]);
    shim.serve(1, &services.daemon(), &format!("echo stop >> {}", log.display()), None);
    shim.wait_for(|event| matches!(event, Event::Exited { unit: 1, .. }));
    shim.run(2, &format!("echo $PPID > {}; {}", pid.display(), steps.sleeper()));
    services.wait_for_lines(1);
    steps.wait_for_lines(1);
    let reaper = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    super::kill(super::Pid::from_raw(reaper), Signal::SIGSTOP).unwrap();
    shim.signal(Signal::SIGSTOP);
    drop((shim, nursery));
    steps.wait_until_gone();
    services.wait_until_gone();
    assert_eq!(lines(&log), ["stop"]);
}

//! The deadline of a lease holds whoever of worker, shim and reaper does not run.

use std::fs;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Event, Hatch, Holders, Order, Shim, hatch, intent, null, nursery, shell};
use crate::journal::{self, StrikeState, Striker};
use crate::protocol::{Exit, Lease};
use crate::sys::boottime;

fn lease(term_after: u64, kill_after: u64) -> Lease {
    let after = |millis| boottime::now() + Duration::from_millis(millis);
    Lease { term_at: after(term_after), kill_at: after(kill_after) }
}

#[test]
fn steps_are_asked_then_killed_then_the_stops_run() {
    let place = tempfile::tempdir().unwrap();
    let (log, file) = (place.path().join("log"), intent(place.path()));
    let mut holders = Holders::new(place.path(), "alive");
    let nursery = nursery();
    let shim = Shim::of(&nursery, Hatch { lease: Some(lease(300_000, 400_000)), ..hatch("leased") }, &[]);
    let say = |word: &str| format!("echo {word} >> {}", log.display());
    shim.serve(1, &holders.daemon(), &say("stop"), Some(&file));
    shim.wait_for(|event| matches!(event, Event::Exited { unit: 1, .. }));
    let stubborn = format!(
        "trap '{}' TERM; exec 9>{}; echo up >&9; while :; do sleep 0.02; done",
        say("asked"),
        holders.path.display()
    );
    shim.run(2, &stubborn);
    holders.wait_for_lines(2);
    shim.send(&Order::Lease(lease(100, 600)), &[]);
    shim.wait_for(|event| *event == Event::Exited { unit: 2, exit: Exit::Signal(9), alone: false });
    shim.wait_for(|event| *event == Event::Stopped { unit: 1, success: true });
    shim.wait_for(|event| *event == Event::Empty);
    holders.wait_until_gone();
    assert_eq!(fs::read_to_string(&log).unwrap(), "asked\nstop\n");
    let strike = journal::read_strike(&file).unwrap();
    assert_eq!((strike.state, strike.by), (StrikeState::Stopped, Striker::Shim));
}

#[test]
fn nothing_starts_any_more_while_steps_are_asked_and_a_renewal_lets_it_again() {
    let nursery = nursery();
    let shim = Shim::of(&nursery, Hatch { lease: Some(lease(0, 300_000)), ..hatch("late") }, &[]);
    let null = null();
    let run = |unit| shim.send(&Order::Run { unit, command: shell("true") }, &[null.as_fd(), null.as_fd()]);
    run(1);
    assert!(matches!(shim.next(), Some(Event::Refused { unit: Some(1), .. })));
    shim.send(&Order::Lease(lease(300_000, 400_000)), &[]);
    run(2);
    shim.wait_for(|event| matches!(event, Event::Exited { unit: 2, exit: Exit::Code(0), .. }));
    shim.finish();
    let over = Shim::of(&nursery, Hatch { lease: Some(lease(0, 0)), ..hatch("over") }, &[]);
    over.wait_for(|event| *event == Event::Empty);
}

#[test]
fn a_step_ends_with_the_lease_though_its_shim_is_stopped() {
    let place = tempfile::tempdir().unwrap();
    let mut steps = Holders::new(place.path(), "steps");
    let mut services = Holders::new(place.path(), "services");
    let nursery = nursery();
    let shim = Shim::of(&nursery, hatch("frozen"), &[]);
    shim.serve(1, &services.daemon(), "true", None);
    shim.run(2, &steps.sleeper());
    shim.run(3, &steps.daemon());
    services.wait_for_lines(1);
    steps.wait_for_lines(2);
    let begun = Instant::now();
    shim.send(&Order::Lease(lease(200_000, 200)), &[]);
    shim.wait_for(|event| matches!(event, Event::Exited { unit: 3, .. }));
    // Told to the reapers by now: the shim hears one order after the other.
    shim.run(4, "true");
    shim.wait_for(|event| {
        matches!(event, Event::Exited { unit: 4, .. } | Event::Refused { unit: Some(4), .. })
    });
    shim.signal(Signal::SIGSTOP);
    steps.wait_until_gone();
    assert!(begun.elapsed() >= Duration::from_millis(200));
    shim.signal(Signal::SIGCONT);
    // The deadline is looked at before the renewal that lies there.
    shim.wait_for(|event| *event == Event::Empty);
    services.wait_until_gone();
}

#[test]
fn a_renewal_sent_to_a_shim_that_slept_through_its_lease_comes_too_late() {
    let place = tempfile::tempdir().unwrap();
    let mut steps = Holders::new(place.path(), "steps");
    let nursery = nursery();
    let end = lease(0, 400);
    let shim = Shim::of(&nursery, hatch("slept"), &[]);
    shim.run(1, &format!("trap '' TERM; {}", steps.sleeper()));
    steps.wait_for_lines(1);
    shim.send(&Order::Lease(end), &[]);
    // It has read the lease when it has refused what came after.
    shim.send(&Order::Run { unit: 2, command: shell("true") }, &[]);
    shim.wait_for(|event| matches!(event, Event::Refused { .. }));
    shim.signal(Signal::SIGSTOP);
    shim.send(&Order::Lease(lease(300_000, 400_000)), &[]);
    while boottime::now() < end.kill_at {
        std::thread::yield_now();
    }
    shim.signal(Signal::SIGCONT);
    shim.wait_for(|event| *event == Event::Empty);
    steps.wait_until_gone();
}

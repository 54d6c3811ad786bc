//! Lock and slot are held exactly as long as something of the item is there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::fd::AsFd;
use std::path::Path;

use nix::sys::signal::Signal;

use super::{Event, Hatch, Holders, Order, Shim, ask, daemon, hatch, intent, next, nursery};
use crate::journal::{self, StrikeState, Striker};

fn open(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
}

fn is_taken(slot: &Path) -> bool {
    matches!(open(slot).try_lock(), Err(TryLockError::WouldBlock))
}

#[test]
fn a_lock_has_one_shim_and_says_when_its_work_is_done() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("lock");
    let nursery = nursery();
    let locked = || Hatch { lock: true, ..hatch("locked") };
    let mark = || fs::read_to_string(&path).unwrap();
    let first = Shim::of(&nursery, locked(), &[open(&path).as_fd()]);
    let second = ask(&nursery, locked(), &[open(&path).as_fd()]);
    assert_eq!((next(&second), next(&second)), (Some(Event::Busy), None));
    first.run(1, "true");
    first.wait_for(|event| matches!(event, Event::Exited { .. }));
    assert_ne!(mark(), "complete\n");
    first.finish();
    assert_eq!(mark(), "complete\n");
    let third = Shim::of(&nursery, locked(), &[open(&path).as_fd()]);
    assert_ne!(mark(), "complete\n", "work is undone again");
    third.run(1, "sleep 1000");
    third.signal(Signal::SIGKILL);
    while third.next().is_some() {}
    let fourth = Shim::of(&nursery, locked(), &[open(&path).as_fd()]);
    assert_ne!(mark(), "complete\n");
    fourth.finish();
}

#[test]
fn a_slot_is_free_when_the_shim_says_that_nothing_is_left() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("0");
    let mut holders = Holders::new(place.path(), "alive");
    let nursery = nursery();
    let slot = open(&path);
    slot.lock().unwrap();
    let shim = Shim::of(&nursery, Hatch { slot: true, ..hatch("slotted") }, &[slot.as_fd()]);
    drop(slot);
    shim.serve(1, &holders.daemon(), "true", None);
    shim.run(2, &holders.sleeper());
    holders.wait_for_lines(2);
    assert!(is_taken(&path));
    shim.finish();
    assert!(!is_taken(&path));
    holders.wait_until_gone();
}

#[test]
fn a_killed_shim_frees_both_at_once_though_its_services_live() {
    let place = tempfile::tempdir().unwrap();
    let (lock, slot_path) = (place.path().join("lock"), place.path().join("0"));
    let mut holders = Holders::new(place.path(), "alive");
    let nursery = nursery();
    let slot = open(&slot_path);
    slot.lock().unwrap();
    let request = Hatch { lock: true, slot: true, ..hatch("killed") };
    let shim = Shim::of(&nursery, request, &[open(&lock).as_fd(), slot.as_fd()]);
    drop(slot);
    shim.serve(1, &holders.daemon(), "true", None);
    shim.wait_for(|event| matches!(event, Event::Exited { .. }));
    holders.wait_for_lines(1);
    shim.signal(Signal::SIGKILL);
    while shim.next().is_some() {}
    let other = Shim::of(&nursery, Hatch { lock: true, ..hatch("killed") }, &[open(&lock).as_fd()]);
    assert!(!is_taken(&slot_path));
    assert!(holders.are_there());
    let done = super::end_orphans(&nursery, "killed", shim.pid);
    holders.wait_until_gone();
    super::wait(done.as_fd(), std::time::Instant::now() + super::DEADLINE);
    other.finish();
}

#[test]
fn an_intent_is_struck_before_the_goodbye() {
    let place = tempfile::tempdir().unwrap();
    let nursery = nursery();
    let file = intent(place.path());
    let shim = Shim::of(&nursery, hatch("struck"), &[]);
    shim.serve(1, "true", "true", Some(&file));
    shim.wait_for(|event| matches!(event, Event::Exited { .. }));
    assert_eq!(journal::read_strike(&file).unwrap().state, StrikeState::Started);
    shim.send(&Order::Stop { unit: 1, grace: super::DEADLINE }, &[]);
    shim.finish();
    let strike = journal::read_strike(&file).unwrap();
    assert_eq!((strike.state, strike.by, strike.tries), (StrikeState::Stopped, Striker::Build, 1));
    let file = intent(place.path());
    let failing = Shim::of(&nursery, hatch("struck"), &[]);
    failing.serve(1, "true", "exit 4", Some(&file));
    failing.wait_for(|event| matches!(event, Event::Exited { .. }));
    failing.finish();
    let strike = journal::read_strike(&file).unwrap();
    assert_eq!((strike.state, strike.tries), (StrikeState::Failed, 2));
    assert!(strike.detail.contains("exited with 4"), "{}", strike.detail);
    assert!(strike.is_owed());
}

#[test]
fn an_adopted_service_is_stopped_and_twice_if_its_start_was_cut() {
    let place = tempfile::tempdir().unwrap();
    let nursery = nursery();
    for cut in [false, true] {
        let file = intent(place.path());
        let shim = Shim::of(&nursery, hatch("adopting"), &[]);
        let mut plan = daemon(None, "true");
        plan.start_was_cut = cut;
        shim.send(&Order::Serve { unit: 1, service: Box::new(plan) }, &[file.as_fd()]);
        shim.finish();
        let strike = journal::read_strike(&file).unwrap();
        assert_eq!((strike.state, strike.by), (StrikeState::Stopped, Striker::Journal));
        assert_eq!(strike.tries, 1 + u16::from(cut));
    }
}

#[test]
fn a_stop_whose_directory_is_gone_gets_an_empty_one_and_is_told() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("work/deep");
    fs::create_dir_all(&directory).unwrap();
    let nursery = nursery();
    let shim = Shim::of(&nursery, hatch("directory"), &[]);
    let mut plan = daemon(None, "test -z \"$(ls)\" && test $PIKOCI_WORKDIR_LOST = 1");
    plan.stop.as_mut().unwrap().command.directory = directory.display().to_string().into();
    fs::remove_dir_all(place.path().join("work")).unwrap();
    shim.send(&Order::Serve { unit: 1, service: Box::new(plan) }, &[]);
    shim.send(&Order::Finish, &[]);
    shim.wait_for(|event| *event == Event::Stopped { unit: 1, success: true });
}

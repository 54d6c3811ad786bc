//! Each way through a service's life.

use super::*;

const GRACE: Duration = Duration::from_secs(10);
const OK: Input = Input::TryEnded(TryEnd::Exit(Exit::Code(0)));
const BAD: Input = Input::TryEnded(TryEnd::Exit(Exit::Code(1)));

fn daemon() -> Lifecycle {
    let retries = vec![Duration::from_secs(1), Duration::from_secs(5)];
    Lifecycle::new(ServiceForm::Daemon, Some(Tries { limit: Duration::from_secs(30), retries }))
}

fn told(code: i32) -> Act {
    Act::TellTry(StopOutcome::Exit(Exit::Code(code)))
}

#[test]
fn a_service_that_stands_is_stopped_once_and_cleared() {
    let now = Instant::now();
    let mut service = daemon();
    assert_eq!(service.on(Input::LeaderEnded, now), []);
    assert_eq!(service.on(Input::Stop { grace: GRACE }, now), [Act::RunStop]);
    assert_eq!(service.on(Input::Stop { grace: GRACE }, now), []);
    assert_eq!(service.on(OK, now), [told(0), Act::Clear]);
    assert_eq!(service.on(Input::Gone, now), [Act::Done { success: true }]);
}

#[test]
fn a_stop_waits_for_its_start_and_runs_twice_if_it_was_cut() {
    let now = Instant::now();
    let mut service = daemon();
    assert_eq!(service.on(Input::Stop { grace: GRACE }, now), [Act::EndLeader { grace: GRACE }]);
    assert_eq!(service.on(Input::LeaderEnded, now), []);
    assert_eq!(service.on(Input::GroupGone, now), [Act::RunStop]);
    assert_eq!(service.on(OK, now), [told(0)]);
    assert!(service.waits_for_second());
    let later = now + SECOND_STOP_AFTER;
    assert_eq!(service.deadline(), Some(later));
    assert_eq!(service.on(Input::Time, now), []);
    assert_eq!(service.on(Input::Time, later), [Act::RunStop]);
    assert_eq!(service.on(OK, later), [told(0), Act::Clear]);
}

#[test]
fn a_start_that_was_cut_before_the_stop_was_asked_for_is_stopped_twice_too() {
    let now = Instant::now();
    let mut service = daemon();
    assert_eq!(service.on(Input::Cut { grace: GRACE }, now), [Act::EndLeader { grace: GRACE }]);
    service.on(Input::LeaderEnded, now);
    service.on(Input::GroupGone, now);
    assert_eq!(service.on(Input::Stop { grace: GRACE }, now), [Act::RunStop]);
    assert_eq!(service.on(OK, now), [told(0)]);
    assert!(service.deadline().is_some());
}

#[test]
fn a_start_whose_keeper_was_killed_is_stopped_twice_too() {
    let now = Instant::now();
    let mut service = daemon();
    for input in [Input::KeeperLost, Input::LeaderEnded, Input::Gone] {
        assert_eq!(service.on(input, now), []);
    }
    assert_eq!(service.on(Input::Stop { grace: GRACE }, now), [Act::RunStop]);
    assert_eq!(service.on(OK, now), [told(0)]);
    let later = now + SECOND_STOP_AFTER;
    assert_eq!(service.on(Input::Time, later), [Act::RunStop]);
    assert_eq!(service.on(OK, later), [told(0), Act::Done { success: true }]);
    let mut standing = daemon();
    for input in [Input::LeaderEnded, Input::KeeperLost] {
        assert_eq!(standing.on(input, now), []);
    }
    standing.on(Input::Stop { grace: GRACE }, now);
    assert_eq!(standing.on(OK, now), [told(0), Act::Clear]);
}

#[test]
fn an_adopted_service_is_stopped_at_once_and_twice_if_its_start_was_cut() {
    let now = Instant::now();
    for owed in [Owed::One, Owed::Two] {
        let mut service = Lifecycle::adopted(ServiceForm::Daemon, daemon().tries, owed, now);
        assert_eq!(service.on(Input::Stop { grace: GRACE }, now), [Act::RunStop]);
        if owed == Owed::Two {
            assert!(!service.next_success_is_last());
            assert_eq!(service.on(OK, now), [told(0)]);
            assert_eq!(service.on(Input::Time, now + SECOND_STOP_AFTER), [Act::RunStop]);
        }
        assert_eq!(service.on(OK, now), [told(0), Act::Done { success: true }]);
    }
}

#[test]
fn what_has_run_below_another_shim_is_not_run_again() {
    let now = Instant::now();
    let mut service = Lifecycle::adopted(ServiceForm::Daemon, daemon().tries, Owed::Nothing, now);
    assert_eq!(service.on(Input::Stop { grace: GRACE }, now), [Act::Done { success: true }]);
    let mut service = Lifecycle::adopted(ServiceForm::Daemon, daemon().tries, Owed::Second, now);
    assert_eq!(service.on(Input::Stop { grace: GRACE }, now), []);
    assert_eq!(service.deadline(), Some(now + SECOND_STOP_AFTER));
    assert_eq!(service.on(Input::Time, now + SECOND_STOP_AFTER), [Act::RunStop]);
    assert_eq!(service.on(OK, now), [told(0), Act::Done { success: true }]);
}

#[test]
fn a_failing_stop_is_tried_three_times() {
    let start = Instant::now();
    let mut service = daemon();
    service.on(Input::LeaderEnded, start);
    service.on(Input::Gone, start);
    assert_eq!(service.on(Input::Stop { grace: GRACE }, start), [Act::RunStop]);
    assert_eq!(service.on(BAD, start), [told(1)]);
    assert_eq!(service.deadline(), Some(start + Duration::from_secs(1)));
    assert_eq!(service.on(Input::Time, start + Duration::from_secs(1)), [Act::RunStop]);
    assert_eq!(service.on(BAD, start + Duration::from_secs(9)), [told(1)]);
    assert_eq!(service.on(Input::Time, start + Duration::from_secs(9)), [Act::RunStop]);
    assert_eq!(service.on(BAD, start + Duration::from_secs(9)), [told(1), Act::Done { success: false }]);
}

/// One whose stop has just been killed, and when.
fn out_of_time() -> (Lifecycle, Instant) {
    let now = Instant::now();
    let mut service = daemon();
    service.on(Input::LeaderEnded, now);
    service.on(Input::Stop { grace: GRACE }, now);
    let limit = now + Duration::from_secs(30);
    assert_eq!(service.on(Input::Time, limit), [Act::KillStop]);
    (service, limit)
}

#[test]
fn a_stop_that_hangs_is_killed_at_its_limit() {
    let (mut service, limit) = out_of_time();
    let killed = Input::TryEnded(TryEnd::Exit(Exit::Signal(9)));
    let expected = [Act::TellTry(StopOutcome::TookTooLong(Duration::from_secs(30)))];
    assert_eq!(service.on(killed, limit), expected);
    assert_eq!(service.on(Input::GiveUp, limit), [Act::Clear]);
    assert_eq!(service.on(Input::Gone, limit), [Act::Done { success: false }]);
}

#[test]
fn a_stop_that_succeeds_as_its_time_is_over_is_not_run_again() {
    let (mut service, limit) = out_of_time();
    assert_eq!(service.on(OK, limit), [told(0), Act::Clear]);
}

#[test]
fn a_foreground_service_is_asked_after_its_stop_command() {
    let now = Instant::now();
    let mut service = Lifecycle::new(ServiceForm::Foreground { grace: GRACE }, None);
    assert_eq!(service.on(Input::Stop { grace: GRACE }, now), [Act::EndLeader { grace: GRACE }]);
    assert_eq!(service.on(Input::GroupGone, now), [Act::Clear]);
    assert_eq!(service.on(Input::Gone, now), [Act::Done { success: true }]);
}

#[test]
fn a_service_given_up_before_any_try_did_not_stop() {
    let now = Instant::now();
    let mut service = daemon();
    service.on(Input::LeaderEnded, now);
    assert_eq!(service.on(Input::GiveUp, now), [Act::Clear]);
    assert_eq!(service.on(Input::Gone, now), [Act::Done { success: false }]);
}

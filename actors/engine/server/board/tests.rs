use super::*;
use chrono::DateTime;
use pikoci_model::id::{Incarnation, JobId, PipelineId};

fn node() -> NodeId {
    NodeId("n".into())
}

fn profile() -> WorkerProfile {
    WorkerProfile {
        name: "w".into(),
        node: node(),
        incarnation: Incarnation(1),
        hostname: String::new(),
        os: String::new(),
        arch: String::new(),
        version: String::new(),
        slots: 1,
        check_slots: 1,
        tags: vec![],
        exclusive_tags: false,
        takes_builds: true,
        takes_checks: true,
        team: None,
        started_at: DateTime::UNIX_EPOCH,
        warnings: Vec::new(),
    }
}

fn build(id: i64) -> PendingBuild {
    PendingBuild {
        id: BuildId(id),
        pipeline: PipelineId(1),
        team: "main".into(),
        job: JobId(id),
        tags: vec![],
        concurrency: 0,
        serial_groups: vec![],
        awaits: None,
    }
}

fn seconds(count: u64) -> Monotonic {
    Duration::from_secs(count)
}

/// A board with one worker of one slot and builds 1 and 2 queued, the first of which is offered.
fn offered() -> (Board, OfferId) {
    let mut board = Board::default();
    board.announce(profile(), 1, 1);
    board.queue(vec![build(1), build(2)]);
    let offers = board.offer(seconds(0));
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].1.work, OfferedWork::Build(BuildId(1)));
    (board, offers[0].1.offer)
}

#[test]
fn a_slot_is_offered_once_and_again_when_the_build_is_over() {
    let (mut board, offer) = offered();
    assert!(board.offer(seconds(0)).is_empty());
    assert_eq!(board.waiting(BuildId(1)), None, "it is being offered");
    assert_eq!(board.waiting(BuildId(2)), Some(Waiting::WorkersBusy));
    assert_eq!(board.accept(offer, &NodeId("other".into())), Accepted::TooLate);
    assert_eq!(board.accept(offer, &node()), Accepted::Claim { worker: "w".into() });
    assert_eq!(board.accept(offer, &node()), Accepted::Repeated);
    board.claimed(offer);
    assert_eq!(board.accept(offer, &node()), Accepted::TooLate, "a slot held for a repetition is freed");
    board.free(BuildId(1), Some(&node()));
    board.free(BuildId(1), Some(&node()));
    let next = board.offer(seconds(1));
    assert_eq!(
        next.iter().map(|(_, offer)| offer.work).collect::<Vec<_>>(),
        [OfferedWork::Build(BuildId(2))]
    );
}

#[test]
fn an_offer_without_an_answer_is_repeated_and_lapses() {
    let (mut board, offer) = offered();
    assert!(board.sweep(Duration::from_millis(900)).0.is_empty());
    let (repeated, _) = board.sweep(seconds(1));
    assert_eq!(repeated.iter().map(|(_, repeated)| repeated.offer).collect::<Vec<_>>(), [offer]);
    assert_eq!(board.sweep(seconds(10)), (vec![], true));
    assert_eq!(board.accept(offer, &node()), Accepted::TooLate);
    assert_eq!(board.offer(seconds(10))[0].1.work, OfferedWork::Build(BuildId(1)), "the oldest first again");
}

#[test]
fn a_declining_worker_is_left_alone_until_it_says_that_it_has_room() {
    let (mut board, offer) = offered();
    board.decline(offer, &node());
    assert!(board.offer(seconds(1)).is_empty());
    assert!(!board.renew(&NodeId("stranger".into()), 9, 9, false));
    assert!(board.renew(&node(), 1, 1, false));
    assert_eq!(board.offer(seconds(1)).len(), 1);
    assert!(board.renew(&node(), 1, 1, false));
    assert!(board.offer(seconds(1)).is_empty(), "the room it told of is what was just offered");
}

#[test]
fn a_worker_has_no_more_room_than_slots() {
    let (mut board, offer) = offered();
    board.renew(&node(), u32::MAX, u32::MAX, false);
    assert!(board.offer(seconds(1)).is_empty(), "its one slot is offered already");
    board.accept(offer, &node());
    board.claimed(offer);
    board.free(BuildId(1), Some(&node()));
    board.announce(profile(), u32::MAX, u32::MAX);
    board.queue(vec![build(3)]);
    assert_eq!(board.offer(seconds(1)).len(), 1);
}

#[test]
fn what_the_store_refuses_waits_until_a_place_is_free() {
    let (mut board, offer) = offered();
    board.accept(offer, &node());
    let held_by = vec![BuildId(9)];
    board.withdrawn(offer, true, Some(Waiting::Concurrency { limit: 1, held_by: held_by.clone() }));
    assert_eq!(board.waiting(BuildId(1)), Some(Waiting::Concurrency { limit: 1, held_by }));
    assert_eq!(board.offer(seconds(1))[0].1.work, OfferedWork::Build(BuildId(2)));
    board.free(BuildId(2), Some(&node()));
    assert_eq!(board.offer(seconds(1)).len(), 1);
}

#[test]
fn a_worker_that_leaves_gives_its_offers_back_and_a_silent_one_gets_none() {
    let (mut board, _) = offered();
    board.dismiss(&node());
    assert_eq!(board.waiting(BuildId(1)), Some(Waiting::NoWorker { tags: vec![] }));
    board.announce(profile(), 1, 1);
    board.hush(&node());
    assert!(board.offer(seconds(1)).is_empty());
    board.renew(&node(), 1, 1, false);
    assert_eq!(board.offer(seconds(1)).len(), 1);
}

#[test]
fn a_new_picture_keeps_what_is_on_its_way() {
    let (mut board, _) = offered();
    board.redraw(vec![], vec![build(1), build(3)], true);
    assert_eq!(board.waiting(BuildId(1)), None, "it is offered, whatever was read before");
    assert_eq!(board.waiting(BuildId(2)), None, "it is not queued any more");
    assert_eq!(board.waiting(BuildId(3)), Some(Waiting::WorkersBusy));
    assert_eq!(board.counts().held, 1);
}

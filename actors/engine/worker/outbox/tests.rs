use super::backlog::{Move, WAITING};
use super::memory::LARGEST;
use super::sending::{BATCH, Next, QUESTION};
use super::*;
use bytes::Bytes;
use chrono::DateTime;
use pikoci_model::build::{BuildStatus, Phase, ServiceState};
use pikoci_model::id::{ResourceId, StepPath};
use pikoci_model::log::Stream;
use pikoci_model::message::Numbered;
use pikoci_model::outcome::Failure;
use pikoci_model::port::Mask;
use pikoci_model::version::VersionValue;

fn outbox() -> Arc<Outbox> {
    Outbox::new(BuildId(1), Fence(7), home(), &Memory::default())
}

fn home() -> NodeId {
    NodeId("home".into())
}

fn log(bytes: usize) -> Option<Chunk> {
    let bytes = Bytes::from(vec![b'x'; bytes]);
    Some(Chunk {
        step: StepPath::of_plan(0),
        attempt: 1,
        stream: Stream::Out,
        offset: 0,
        line: 1,
        t: 0,
        bytes,
    })
}

fn event(bytes: usize) -> BuildEvent {
    BuildEvent::Log(log(bytes).unwrap())
}

fn numbers(outbox: &Outbox) -> Vec<u64> {
    match outbox.next_batch() {
        Next::Send(_, _, events) => events.iter().map(|event| event.number).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn events_are_numbered_sent_once_and_freed_by_acknowledgement() {
    let outbox = outbox();
    outbox.push(BuildEvent::Phase(Phase::Running));
    outbox.push_chunk(false, || log(3));
    assert_eq!(numbers(&outbox), [1, 2]);
    assert!(numbers(&outbox).is_empty());
    outbox.push(BuildEvent::Phase(Phase::Stopping));
    outbox.acknowledge(2, &home());
    outbox.acknowledge(9, &home());
    assert_eq!(numbers(&outbox), [3]);
    outbox.rewind();
    assert_eq!(numbers(&outbox), [3]);
    assert!(!matches!(outbox.next_batch(), Next::Done));
}

struct Stars;

impl Mask for Stars {
    fn masked(&self, text: &str) -> String {
        text.replace("hunter2", "***")
    }
}

#[test]
fn every_event_is_masked_but_a_version() {
    let outbox = outbox();
    outbox.hide(Arc::new(Stars));
    let at = DateTime::from_timestamp(0, 0).unwrap();
    let failure = Failure::plain("program hunter2 not found");
    let told = Some(failure.clone());
    let variables = BTreeMap::from([("TASK_hunter2".to_owned(), "[hunter2]".to_owned())]);
    let value: VersionValue = serde_json::from_str(r#"{"ref":"hunter2"}"#).unwrap();
    let record = ServiceRecord {
        instance: InstanceId(uuid::Uuid::nil()),
        name: "db".into(),
        service_type: "own".into(),
        version: "hunter2".into(),
        address: "127.0.0.1:hunter2".into(),
        state: ServiceState::Starting,
        stopped_by: None,
        tries: 0,
        killed: 0,
        failure: told.clone(),
        starting_at: at,
        ready_at: None,
        stopping_at: None,
        stopped_at: None,
        worker: None,
    };
    outbox.push(BuildEvent::Service(record));
    outbox.push(BuildEvent::Exported { variables });
    outbox.push(BuildEvent::Stuck { failure, at });
    outbox.push(BuildEvent::Concluded { status: BuildStatus::Failed, failure: told, at });
    outbox.push(BuildEvent::Created { step: StepPath::of_plan(0), resource: ResourceId(1), value });
    let Next::Send(_, _, events) = outbox.next_batch() else { panic!("nothing is sent") };
    let texts: Vec<String> = events.iter().map(|event| format!("{:?}", event.event)).collect();
    let (created, masked) = texts.split_last().unwrap();
    assert!(masked.iter().all(|text| text.contains("***") && !text.contains("hunter2")), "{masked:#?}");
    assert!(created.contains("hunter2"), "a later get needs it as it is: {created}");
    assert!(!format!("{:?}", outbox.services()).contains("hunter2"));
}

#[test]
fn a_batch_has_at_most_its_bytes_but_at_least_one_event() {
    let outbox = outbox();
    for _ in 0..3 {
        outbox.push_chunk(false, || log(BATCH - 1000));
    }
    assert_eq!(numbers(&outbox), [1]);
    assert_eq!(numbers(&outbox), [2]);
}

#[test]
fn who_does_not_answer_is_asked_with_little() {
    let outbox = outbox();
    for _ in 0..10 {
        outbox.push_chunk(false, || log(QUESTION / 2 - 1000));
    }
    assert_eq!(numbers(&outbox).len(), 10);
    outbox.rewind();
    assert_eq!(numbers(&outbox), [1, 2]);
    assert!(numbers(&outbox).is_empty(), "the question waits for its answer");
    outbox.acknowledge(2, &home());
    assert_eq!(numbers(&outbox), [3, 4, 5, 6, 7, 8, 9, 10]);
}

/// Everything in memory is taken.
fn fill(outbox: &Outbox) {
    outbox.push_chunk(false, || log(LARGEST));
    outbox.push_chunk(false, || log(WAITING));
}

#[test]
fn a_reader_waits_for_room_and_goes_on_when_the_claim_is_void() {
    let outbox = outbox();
    let reader = || {
        fill(&outbox);
        let outbox = Arc::clone(&outbox);
        std::thread::spawn(move || outbox.push_chunk(true, || log(1)))
    };
    let first = reader();
    assert_eq!(numbers(&outbox), [1]);
    outbox.acknowledge(1, &home());
    first.join().unwrap();
    assert_eq!(numbers(&outbox), [2, 3]);
    let second = reader();
    outbox.void();
    second.join().unwrap();
    assert!(matches!(outbox.next_batch(), Next::Done));
}

#[test]
fn while_somebody_listens_nothing_goes_to_the_disk() {
    let mut backlog = Backlog::default();
    backlog.append(event(1000), 1000);
    backlog.append(event(10), 1000);
    assert!(backlog.is_waiting());
    assert_eq!(backlog.next_move(false, 1000), None);
    assert!(backlog.acknowledge(1, 1000));
    assert_eq!((backlog.last_near(), backlog.is_waiting()), (2, false));
    assert_eq!(backlog.next_move(true, 1000), None, "there is nothing to move");
}

fn moved_out(backlog: &mut Backlog) -> Vec<u64> {
    match backlog.next_move(true, 1000) {
        Some(Move::Out(events)) => events.iter().map(|event| event.number).collect(),
        other => panic!("{other:?}"),
    }
}

/// What is on disk stands between what is near and what waits, whatever comes while it is written or read.
#[test]
fn order_is_kept_over_memory_and_disk() {
    let mut backlog = Backlog::default();
    (0..3).for_each(|_| backlog.append(event(1000), 1000));
    assert_eq!(moved_out(&mut backlog), [2, 3]);
    backlog.append(event(10), 1000);
    assert!(backlog.acknowledge(1, 1000));
    assert_eq!(backlog.last_near(), 1, "what is being written is not near as well");
    backlog.left();
    assert_eq!(moved_in(&mut backlog), 1000);
    let numbered = |number| Numbered { number, event: event(1000) };
    assert!(backlog.came(vec![numbered(2)], 1000));
    assert_eq!(moved_out(&mut backlog), [4]);
    backlog.stayed(1000);
    assert_eq!((backlog.last_near(), backlog.last()), (2, 4), "number 3 is between");
    assert!(backlog.acknowledge(2, 1000));
    assert!(!backlog.came(vec![numbered(4)], 1000), "3 is next");
    assert!(backlog.came(vec![numbered(3)], 1000) && backlog.is_waiting());
    assert!(backlog.acknowledge(3, 1000));
    assert_eq!(backlog.last_near(), 4);
    assert!(backlog.acknowledge(4, 1000) && backlog.is_empty());
}

fn moved_in(backlog: &mut Backlog) -> usize {
    match backlog.next_move(true, 1000) {
        Some(Move::In(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_could_not_be_written_is_near_when_there_is_room() {
    let mut backlog = Backlog::default();
    (0..2).for_each(|_| backlog.append(event(1000), 1000));
    assert_eq!(moved_out(&mut backlog), [2]);
    assert!(backlog.acknowledge(1, 1000));
    backlog.stayed(1000);
    assert_eq!((backlog.last_near(), backlog.is_waiting()), (2, false));
}

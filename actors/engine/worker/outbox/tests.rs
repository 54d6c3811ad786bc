use super::*;
use bytes::Bytes;
use pikoci_model::build::Phase;
use pikoci_model::id::StepPath;
use pikoci_model::log::Stream;

fn outbox() -> Arc<Outbox> {
    Outbox::new(BuildId(1), Fence(7), NodeId("home".into()))
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
    outbox.acknowledge(2, &NodeId("home".into()));
    outbox.acknowledge(9, &NodeId("home".into()));
    assert_eq!(numbers(&outbox), [3]);
    outbox.rewind();
    assert_eq!(numbers(&outbox), [3]);
    assert!(!matches!(outbox.next_batch(), Next::Done));
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
fn a_reader_waits_for_room_and_goes_on_when_the_claim_is_void() {
    let outbox = outbox();
    outbox.push_chunk(false, || log(WINDOW));
    let reader = {
        let outbox = Arc::clone(&outbox);
        std::thread::spawn(move || outbox.push_chunk(true, || log(1)))
    };
    assert_eq!(numbers(&outbox), [1]);
    outbox.acknowledge(1, &NodeId("home".into()));
    reader.join().unwrap();
    assert_eq!(numbers(&outbox), [2]);
    outbox.push_chunk(false, || log(WINDOW));
    let reader = {
        let outbox = Arc::clone(&outbox);
        std::thread::spawn(move || outbox.push_chunk(true, || log(1)))
    };
    outbox.void();
    reader.join().unwrap();
    assert!(matches!(outbox.next_batch(), Next::Done));
}

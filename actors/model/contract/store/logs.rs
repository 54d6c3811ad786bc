//! Log chunks.

use bytes::Bytes;

use super::{World, world::job};
use crate::{
    id::{BuildId, Fence, StepPath},
    log::{Chunk, NumberedChunk, Stream},
    port::store::MAX_MARKS,
};

/// Builds a step's log from its pieces.
struct Script {
    step: StepPath,
    offset: u64,
    line: u64,
}

impl Script {
    fn new(step: &str) -> Self {
        Self { step: StepPath(step.to_owned()), offset: 0, line: 1 }
    }

    fn say(&mut self, text: impl Into<Vec<u8>>) -> Chunk {
        let bytes: Vec<u8> = text.into();
        let chunk = Chunk {
            step: self.step.clone(),
            attempt: 1,
            stream: if self.offset.is_multiple_of(2) { Stream::Out } else { Stream::Err },
            offset: self.offset,
            line: self.line,
            t: self.offset * 3,
            bytes: Bytes::from(bytes),
        };
        self.offset += chunk.bytes.len() as u64;
        self.line += chunk.bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        chunk
    }
}

async fn build(world: &World) -> BuildId {
    let id = world.save(vec![job("test", vec![])]).await;
    world.insert(id, "test", &[]).await
}

fn fence(claim: u32) -> Fence {
    Fence::new(claim, 77)
}

fn all_bytes(chunks: &[NumberedChunk]) -> Vec<u8> {
    chunks.iter().flat_map(|one| one.chunk.bytes.iter().copied()).collect()
}

pub async fn chunks_come_back_in_order(world: &World) {
    let build = build(world).await;
    let (mut zero, mut one) = (Script::new("0"), Script::new("1.on_failure.0"));
    let sent = [zero.say("a\n"), zero.say("b"), one.say(vec![0xff, 0, b'\n']), zero.say(""), zero.say("c\n")];
    let numbered: Vec<(u64, Chunk)> = (3..).zip(sent.iter().cloned()).collect();
    let store = &world.store;
    assert_eq!(store.append_log(build, 1, fence(1), &numbered[..2]).await.unwrap(), 2);
    assert_eq!(store.append_log(build, 1, fence(1), &numbered[2..]).await.unwrap(), 5);
    assert_eq!(store.last_chunk(build).await.unwrap(), 5);
    let read = store.chunks_after(build, 0, 1 << 20).await.unwrap();
    assert_eq!(
        read.iter().map(|one| (one.run, one.number)).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5].map(|n| (1, n))
    );
    assert_eq!(read.into_iter().map(|one| one.chunk).collect::<Vec<_>>(), sent);
    let rest = store.chunks_after(build, 3, 1 << 20).await.unwrap();
    assert_eq!(rest.iter().map(|one| one.number).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(store.chunks_after(build, 5, 1 << 20).await.unwrap(), []);
    assert_eq!(store.last_chunk(BuildId(999)).await.unwrap(), 0);
}

pub async fn repeated_chunks_are_skipped(world: &World) {
    let build = build(world).await;
    let mut script = Script::new("0");
    let sent: Vec<(u64, Chunk)> =
        [1, 4, 5, 9].into_iter().map(|event| (event, script.say(format!("line {event}\n")))).collect();
    let append =
        async |part: &[(u64, Chunk)]| world.store.append_log(build, 1, fence(1), part).await.unwrap();
    assert_eq!(append(&sent[..3]).await, 3);
    assert_eq!(append(&sent[..2]).await, 3);
    assert_eq!(append(&sent).await, 4);
    assert_eq!(append(&[]).await, 4);
    let read = world.store.chunks_after(build, 0, 1 << 20).await.unwrap();
    assert_eq!(all_bytes(&read), b"line 1\nline 4\nline 5\nline 9\n");
}

pub async fn a_range_of_a_step_is_contiguous(world: &World) {
    let build = build(world).await;
    let (mut zero, mut other) = (Script::new("0"), Script::new("1"));
    let mut sent = Vec::new();
    for event in 1..=40 {
        let chunk = if event % 5 == 0 { other.say("noise\n") } else { zero.say(format!("{event:02}\n")) };
        sent.push((event, chunk));
    }
    for part in sent.chunks(7) {
        world.store.append_log(build, 1, fence(1), part).await.unwrap();
    }
    let step = StepPath("0".into());
    let whole = world.store.step_log(build, 1, &step, 0, 1 << 20).await.unwrap();
    assert_eq!((whole.offset, whole.total, whole.bytes.len()), (0, 96, 96));
    for (offset, limit) in [(0, 1), (1, 5), (20, 30), (90, 100), (96, 10), (500, 10), (3, 0)] {
        let part = world.store.step_log(build, 1, &step, offset, limit).await.unwrap();
        let from = whole.bytes.len().min(offset as usize);
        let to = whole.bytes.len().min(offset as usize + limit);
        assert_eq!((part.offset, part.total), (offset, 96));
        assert_eq!(part.bytes, whole.bytes[from..to], "{offset} {limit}");
        let chunks = world.store.step_chunks(build, 1, &step, offset, limit).await.unwrap();
        let end = |one: &NumberedChunk| one.chunk.offset + one.chunk.bytes.len() as u64;
        assert!(chunks.iter().all(|one| one.chunk.offset < offset + limit as u64 && end(one) > offset));
        assert_eq!(chunks.is_empty(), from >= to, "{offset} {limit}");
    }
    let none = world.store.step_log(build, 2, &step, 0, 10).await.unwrap();
    assert_eq!((none.total, none.bytes.len()), (0, 0));
}

pub async fn the_index_counts_lines(world: &World) {
    let build = build(world).await;
    let mut script = Script::new("0");
    let step = StepPath("0".into());
    let index = async || world.store.log_index(build, 1, &step).await.unwrap();
    assert_eq!((index().await.lines, index().await.bytes), (0, 0));
    let sent = [(1, script.say("a\nb\n")), (2, script.say("unfinished"))];
    world.store.append_log(build, 1, fence(1), &sent[..1]).await.unwrap();
    assert_eq!((index().await.lines, index().await.bytes), (2, 4));
    world.store.append_log(build, 1, fence(1), &sent).await.unwrap();
    assert_eq!((index().await.lines, index().await.bytes), (3, 14));
    assert_eq!(index().await.marks, [(1, 0, 0), (3, 4, 12)]);
    let many: Vec<(u64, Chunk)> = (3..10_003).map(|event| (event, script.say("x\n"))).collect();
    world.store.append_log(build, 1, fence(1), &many).await.unwrap();
    let index = index().await;
    assert_eq!((index.lines, index.bytes), (10_002, 20_014));
    assert!(index.marks.len() <= MAX_MARKS && index.marks.len() > MAX_MARKS / 2, "{}", index.marks.len());
    assert!(index.marks.is_sorted());
}

/// A build that was handed back begins its run again: what was logged before is replaced, numbers go on.
pub async fn another_claim_replaces_the_run(world: &World) {
    let build = build(world).await;
    let store = &world.store;
    let first = [(1, Script::new("0").say("first\n"))];
    store.append_log(build, 1, fence(1), &first).await.unwrap();
    let second = [(1, Script::new("0").say("second\n"))];
    assert_eq!(store.append_log(build, 1, fence(2), &second).await.unwrap(), 2);
    let read = store.chunks_after(build, 0, 1 << 20).await.unwrap();
    assert_eq!((all_bytes(&read).as_slice(), read[0].number), (&b"second\n"[..], 2));
    // A loss is a new run, beside the old one.
    let third = [(1, Script::new("0").say("third\n"))];
    assert_eq!(store.append_log(build, 2, fence(3), &third).await.unwrap(), 3);
    let read = store.chunks_after(build, 0, 1 << 20).await.unwrap();
    assert_eq!(read.iter().map(|one| one.run).collect::<Vec<_>>(), [1, 2]);
    let step = StepPath("0".into());
    assert_eq!(store.step_log(build, 1, &step, 0, 99).await.unwrap().bytes, b"second\n");
    assert_eq!(store.step_log(build, 2, &step, 0, 99).await.unwrap().bytes, b"third\n");
}

pub async fn a_late_claim_is_ignored(world: &World) {
    let build = build(world).await;
    let store = &world.store;
    let mut script = Script::new("0");
    let new = [(1, script.say("new\n"))];
    store.append_log(build, 2, fence(2), &new).await.unwrap();
    let late = [(8, Script::new("0").say("late\n"))];
    assert_eq!(store.append_log(build, 1, fence(1), &late).await.unwrap(), 1);
    assert_eq!(all_bytes(&store.chunks_after(build, 0, 99).await.unwrap()), b"new\n");
}

/// A page holds at most so many bytes, and always at least one chunk.
pub async fn big_logs_come_in_pages(world: &World) {
    let build = build(world).await;
    let store = &world.store;
    let mut script = Script::new("0");
    let mut whole = Vec::new();
    for event in 1..=30 {
        let bytes = vec![b'a' + (event % 26) as u8; 64 * 1024];
        whole.extend_from_slice(&bytes);
        store.append_log(build, 1, fence(1), &[(event, script.say(bytes))]).await.unwrap();
    }
    for max_bytes in [1, 100_000, 1 << 20] {
        let (mut read, mut after) = (Vec::new(), 0);
        loop {
            let page = store.chunks_after(build, after, max_bytes).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.number;
            let bytes = all_bytes(&page);
            assert!(bytes.len() <= max_bytes || page.len() == 1);
            read.extend(bytes);
        }
        assert_eq!(after, 30);
        assert!(read == whole, "a page of {max_bytes} lost or repeated bytes");
    }
    let tail =
        store.step_log(build, 1, &StepPath("0".into()), whole.len() as u64 - 10, 1 << 20).await.unwrap();
    assert_eq!(tail.bytes, whole[whole.len() - 10..]);
}

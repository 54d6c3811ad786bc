//! The log of one step: what its commands print and what we say about it, in one sequence of bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use pikoci_model::id::StepPath;
use pikoci_model::log::{Chunk, Stream, line_ends};
use pikoci_model::port::LogSink;

use super::outbox::Outbox;

/// Numbers the bytes and lines of a step over all its attempts and streams, and cuts it at its limit.
#[derive(Debug)]
pub(crate) struct StepLog {
    step: StepPath,
    outbox: Arc<Outbox>,
    began: OnceLock<Instant>,
    /// Bytes; 0 = none.
    limit: u64,
    tally: Mutex<Tally>,
}

#[derive(Debug)]
struct Tally {
    offset: u64,
    line: u64,
    mid_line: bool,
    full: bool,
}

impl StepLog {
    /// An empty log that begins with its first byte. `limit` in bytes; 0 = none.
    pub(crate) fn new(step: StepPath, outbox: &Arc<Outbox>, limit: u64) -> Arc<Self> {
        let tally = Mutex::new(Tally { offset: 0, line: 1, mid_line: false, full: false });
        Arc::new(StepLog { step, outbox: Arc::clone(outbox), began: OnceLock::new(), limit, tally })
    }

    /// Whose log.
    pub(crate) fn step(&self) -> &StepPath {
        &self.step
    }

    /// A line of ours. Does not wait for room in the window.
    pub(crate) fn note(&self, attempt: u32, text: &str) {
        let text = self.outbox.shown(text);
        self.outbox.push_chunk(false, || {
            let mut tally = self.tally();
            let start = if tally.mid_line { "\n" } else { "" };
            let bytes = Bytes::from(format!("{start}{text}\n"));
            Some(self.place(&mut tally, attempt, Stream::Note, bytes))
        });
    }

    /// Time is counted from here, unless it is counted already.
    pub(crate) fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// Bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.tally().offset
    }

    fn place(&self, tally: &mut Tally, attempt: u32, stream: Stream, bytes: Bytes) -> Chunk {
        let (offset, line) = (tally.offset, tally.line);
        tally.offset += bytes.len() as u64;
        tally.line += line_ends(&bytes);
        tally.mid_line = bytes.last().is_some_and(|byte| *byte != b'\n');
        let t = u64::try_from(self.began.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX);
        Chunk { step: self.step.clone(), attempt, stream, offset, line, t, bytes }
    }

    /// What of `bytes` still fits. At the limit the log says so once; the command goes on.
    fn fit(&self, tally: &mut Tally, bytes: Bytes) -> (Bytes, bool) {
        if self.limit == 0 || tally.offset + (bytes.len() as u64) <= self.limit {
            return (bytes, false);
        }
        let left = usize::try_from(self.limit.saturating_sub(tally.offset)).unwrap_or(usize::MAX);
        let cut_now = !tally.full;
        tally.full = true;
        (if cut_now { bytes.slice(..left.min(bytes.len())) } else { Bytes::new() }, cut_now)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogSink for StepLog {
    fn accept(&self, chunk: Chunk) {
        let mut cut = false;
        self.outbox.push_chunk(true, || {
            let mut tally = self.tally();
            let (bytes, cut_now) = self.fit(&mut tally, chunk.bytes);
            cut = cut_now;
            (!bytes.is_empty()).then(|| self.place(&mut tally, chunk.attempt, chunk.stream, bytes))
        });
        if cut {
            self.note(chunk.attempt, &format!("… log truncated at {}", size_text(self.limit)));
        }
    }
}

/// `1 GiB`, `512 MiB`, `1000 bytes`.
fn size_text(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1 << 30 && bytes.is_multiple_of(1 << 30) => format!("{} GiB", bytes >> 30),
        _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ => format!("{bytes} bytes"),
    }
}

/// Keeps the end of what is printed: the output of one probe, or of a check.
#[derive(Debug)]
pub(crate) struct Tail {
    limit: usize,
    kept: Mutex<VecDeque<u8>>,
}

impl Tail {
    /// Keeps at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Tail { limit, kept: Mutex::default() })
    }

    /// What is kept, as text; broken characters are replaced.
    pub(crate) fn text(&self) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept.iter().copied().collect::<Vec<u8>>()).into_owned()
    }
}

impl LogSink for Tail {
    fn accept(&self, chunk: Chunk) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(chunk.bytes.iter());
        let excess = kept.len().saturating_sub(self.limit);
        kept.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::outbox::Memory;
    use pikoci_model::id::{BuildId, Fence, NodeId};

    fn chunk(text: &str) -> Chunk {
        let (step, bytes) = (StepPath::of_plan(0), Bytes::copy_from_slice(text.as_bytes()));
        Chunk { step, attempt: 1, stream: Stream::Out, offset: 0, line: 0, t: 0, bytes }
    }

    #[test]
    fn a_log_is_cut_once_and_notes_begin_on_their_own_line() {
        let outbox = Outbox::new(BuildId(1), Fence(1), NodeId("n".into()), &Memory::default());
        let log = StepLog::new(StepPath::of_plan(0), &outbox, 10);
        log.accept(chunk("12345\n"));
        log.accept(chunk("67890\n"));
        log.accept(chunk("more\n"));
        assert_eq!(log.bytes(), 10 + "\n… log truncated at 10 bytes\n".len() as u64);
        assert_eq!(log.tally().line, 4);
    }

    #[test]
    fn a_tail_keeps_the_end() {
        let tail = Tail::new(4);
        tail.accept(chunk("abc"));
        tail.accept(chunk("def"));
        assert_eq!(tail.text(), "cdef");
    }
}

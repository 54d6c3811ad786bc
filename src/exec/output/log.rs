//! The log of one step: numbers its bytes and lines, keeps its limit, and hands chunks on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use pikoci_model::id::StepPath;
use pikoci_model::log::{Chunk, Stream, line_ends};
use pikoci_model::port::LogSink;

/// Where the next chunk of a step goes on; shared by all attempts of the step.
#[derive(Debug)]
pub struct StepLog {
    step: StepPath,
    /// Bytes after which the log is cut; none = no limit.
    limit: Option<u64>,
    began: Instant,
    place: Mutex<Place>,
}

#[derive(Debug)]
struct Place {
    offset: u64,
    line: u64,
    cut: bool,
}

impl StepLog {
    pub fn new(step: StepPath, limit: Option<u64>) -> Self {
        Self {
            step,
            limit,
            began: Instant::now(),
            place: Mutex::new(Place { offset: 0, line: 1, cut: false }),
        }
    }

    /// Numbers these bytes and hands them on. Blocks as long as the sink does, and others of the step behind it: that
    /// keeps the numbers in the order of the chunks.
    pub fn append(&self, sink: &Arc<dyn LogSink>, attempt: u32, stream: Stream, bytes: Bytes) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if place.cut || bytes.is_empty() {
            return;
        }
        let room = self.limit.map_or(u64::MAX, |limit| limit.saturating_sub(place.offset));
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        if bytes.len() <= room {
            self.hand_on(&mut place, sink, attempt, stream, bytes);
            return;
        }
        self.hand_on(&mut place, sink, attempt, stream, bytes.slice(..room));
        let note = format!("\n… log truncated at {}\n", in_words(self.limit.unwrap_or_default()));
        self.hand_on(&mut place, sink, attempt, Stream::Note, Bytes::from(note));
        place.cut = true;
    }

    fn hand_on(
        &self,
        place: &mut Place,
        sink: &Arc<dyn LogSink>,
        attempt: u32,
        stream: Stream,
        bytes: Bytes,
    ) {
        if bytes.is_empty() {
            return;
        }
        let (offset, line) = (place.offset, place.line);
        place.offset += bytes.len() as u64;
        place.line += line_ends(&bytes);
        let t = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        sink.accept(Chunk { step: self.step.clone(), attempt, stream, offset, line, t, bytes });
    }
}

/// A size in the largest unit that it fills.
fn in_words(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(size, _)| bytes >= *size && bytes.is_multiple_of(*size));
    unit.map_or_else(|| format!("{bytes} bytes"), |(size, name)| format!("{} {name}", bytes / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Chunk>>);

    impl LogSink for Kept {
        fn accept(&self, chunk: Chunk) {
            self.0.lock().unwrap().push(chunk);
        }
    }

    #[test]
    fn bytes_and_lines_are_counted_over_streams_and_attempts() {
        let kept = Arc::new(Kept::default());
        let sink: Arc<dyn LogSink> = Arc::clone(&kept) as Arc<dyn LogSink>;
        let log = StepLog::new(StepPath::of_plan(0), None);
        log.append(&sink, 1, Stream::Out, Bytes::from("a\nb"));
        log.append(&sink, 1, Stream::Err, Bytes::from("c\n"));
        log.append(&sink, 2, Stream::Out, Bytes::from("d"));
        let places: Vec<_> =
            kept.0.lock().unwrap().iter().map(|chunk| (chunk.attempt, chunk.offset, chunk.line)).collect();
        assert_eq!(places, [(1, 0, 1), (1, 3, 2), (2, 5, 3)]);
    }

    #[test]
    fn a_log_is_cut_once() {
        let kept = Arc::new(Kept::default());
        let sink: Arc<dyn LogSink> = Arc::clone(&kept) as Arc<dyn LogSink>;
        let log = StepLog::new(StepPath::of_plan(0), Some(1024));
        log.append(&sink, 1, Stream::Out, Bytes::from(vec![b'x'; 1000]));
        log.append(&sink, 1, Stream::Out, Bytes::from(vec![b'y'; 1000]));
        log.append(&sink, 1, Stream::Out, Bytes::from(vec![b'z'; 1000]));
        let all: Vec<u8> = kept.0.lock().unwrap().iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
        assert!(all.ends_with("y\n… log truncated at 1 KiB\n".as_bytes()));
        assert_eq!(all.iter().filter(|byte| **byte == b'y').count(), 24);
    }
}

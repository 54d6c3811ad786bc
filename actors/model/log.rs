//! Log chunks: append-only, numbered, masked before they leave the worker.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::StepPath;

/// Which stream of a process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// A line of ours: an error line, `--- attempt 2/3 ---`.
    Note,
}

/// A piece of a step's log. Order is exact within a stream; between streams it is the order of wake-ups.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Chunk {
    /// Whose log.
    pub step: StepPath,
    /// Which attempt of the step, from 1.
    pub attempt: u32,
    /// Which stream.
    pub stream: Stream,
    /// Bytes of the step's log before this chunk, over all streams and attempts.
    pub offset: u64,
    /// Number of the line in which the chunk begins, from 1, over the step's log.
    pub line: u64,
    /// Milliseconds since the step's start.
    pub t: u64,
    /// The bytes, masked; not necessarily UTF-8.
    pub bytes: Bytes,
}

/// How many lines end in these bytes.
#[must_use]
pub fn line_ends(bytes: &[u8]) -> u64 {
    // Counted in bytes as far as a byte counts: a processor then does many at once, which matters on the way of every
    // byte of every log.
    let ends = |part: &[u8]| u64::from(part.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>());
    bytes.chunks(usize::from(u8::MAX)).map(ends).sum()
}

/// A chunk with its place in the build's log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NumberedChunk {
    /// Which run of the build, from 1.
    pub run: u32,
    /// Grows with each chunk of the build, over all runs; the resume point of a stream.
    pub number: i64,
    /// The chunk.
    pub chunk: Chunk,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_lines_are_counted_in_logs_of_any_length() {
        for length in [0, 1, 254, 255, 256, 1000, 70_000] {
            assert_eq!(line_ends(&vec![b'\n'; length]), length as u64);
        }
        assert_eq!(line_ends(b"a\nb\n\nc"), 3);
    }
}

//! Gathering small output: what comes after a silence leaves at once, then it is gathered for a short while.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use pikoci_model::log::Stream;

/// Output is gathered for at most this long …
const LONGEST: Duration = Duration::from_millis(50);
/// … or up to this many bytes, …
const LARGEST: usize = 64 * 1024;
/// … or this many changes between the two streams.
const MOST_CHANGES: usize = 64;

/// What waits to leave, in the order in which it came.
pub struct Gather {
    waiting: Vec<(Stream, BytesMut)>,
    size: usize,
    left_at: Option<Instant>,
}

impl Gather {
    pub fn new() -> Self {
        Self { waiting: Vec::new(), size: 0, left_at: None }
    }

    /// Takes output and gives back what leaves now.
    pub fn take(&mut self, stream: Stream, bytes: Bytes, now: Instant) -> Vec<(Stream, Bytes)> {
        if bytes.is_empty() {
            return Vec::new();
        }
        let silent = self.left_at.is_none_or(|left| now >= left + LONGEST);
        if self.size + bytes.len() >= LARGEST || silent || self.waiting.len() >= MOST_CHANGES {
            let mut leaving = self.leave(now);
            leaving.push((stream, bytes));
            return leaving;
        }
        self.size += bytes.len();
        match self.waiting.last_mut() {
            Some((last, gathered)) if *last == stream => gathered.extend_from_slice(&bytes),
            _ => self.waiting.push((stream, BytesMut::from(bytes))),
        }
        Vec::new()
    }

    /// When what waits has to leave.
    pub fn deadline(&self) -> Option<Instant> {
        self.left_at.filter(|_| !self.waiting.is_empty()).map(|left| left + LONGEST)
    }

    /// Everything that waits.
    pub fn leave(&mut self, now: Instant) -> Vec<(Stream, Bytes)> {
        self.left_at = Some(now);
        self.size = 0;
        self.waiting.drain(..).map(|(stream, gathered)| (stream, gathered.freeze())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_leaves_at_once_and_the_next_are_gathered_in_order() {
        let start = Instant::now();
        let mut gather = Gather::new();
        let first = gather.take(Stream::Out, Bytes::from("a"), start);
        assert_eq!(first, [(Stream::Out, Bytes::from("a"))]);
        assert!(gather.take(Stream::Out, Bytes::from("b"), start).is_empty());
        assert!(gather.take(Stream::Err, Bytes::from("c"), start).is_empty());
        assert!(gather.take(Stream::Out, Bytes::from("d"), start).is_empty());
        assert_eq!(gather.deadline(), Some(start + LONGEST));
        let left: Vec<Bytes> = gather.leave(start + LONGEST).into_iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(left, ["b", "c", "d"]);
        assert_eq!(gather.deadline(), None);
    }

    #[test]
    fn a_large_block_takes_along_what_waits() {
        let start = Instant::now();
        let mut gather = Gather::new();
        gather.take(Stream::Out, Bytes::from("a"), start);
        gather.take(Stream::Out, Bytes::from("b"), start);
        assert_eq!(gather.take(Stream::Out, Bytes::from(vec![0; LARGEST]), start).len(), 2);
    }
}

//! Log bytes as text: cut where a character ends, so that pieces put together are the whole.

use std::collections::BTreeMap;

use pikoci_model::id::StepPath;

/// How many bytes at the end are the beginning of a character whose rest may follow: 0 to 3.
pub(super) fn unfinished(bytes: &[u8]) -> usize {
    for length in 1..=bytes.len().min(3) {
        let tail = &bytes[bytes.len() - length..];
        if tail[0] & 0b1100_0000 == 0b1000_0000 {
            continue;
        }
        let ends_early = std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none());
        return if ends_early { length } else { 0 };
    }
    0
}

/// Beginnings of characters that wait for their rest, by log.
#[derive(Default)]
pub(super) struct Carries {
    held: BTreeMap<(u32, StepPath), Held>,
}

#[derive(Default)]
struct Held {
    /// The bytes that were not shown.
    tail: Vec<u8>,
    /// Where the next chunk begins. Another place: the build was handed back, and its log began anew.
    next: u64,
}

/// A piece of a log as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Bytes before the piece that belong to it: what was held back of the chunk before.
    pub(super) before: u64,
    /// Bytes it covers, those before included.
    pub(super) bytes: u64,
    /// Invalid bytes as U+FFFD.
    pub(super) text: String,
}

impl Carries {
    /// Whether something of this log was seen.
    pub(super) fn knows(&self, run: u32, step: &StepPath) -> bool {
        self.held.contains_key(&(run, step.clone()))
    }

    /// Says with what the log ends before `next`: the tail was not shown.
    pub(super) fn learn(&mut self, run: u32, step: &StepPath, next: u64, before: &[u8]) {
        let tail = before[before.len() - unfinished(before)..].to_vec();
        self.held.insert((run, step.clone()), Held { tail, next });
    }

    /// The next chunk of a log as text; none if it is but the middle of a character.
    pub(super) fn next(&mut self, run: u32, step: &StepPath, offset: u64, chunk: &[u8]) -> Option<Piece> {
        let held = self.held.entry((run, step.clone())).or_default();
        if held.next != offset {
            held.tail.clear();
        }
        held.next = offset + chunk.len() as u64;
        let before = held.tail.len() as u64;
        let joined: Vec<u8>;
        let whole = if held.tail.is_empty() {
            chunk
        } else {
            joined = [held.tail.as_slice(), chunk].concat();
            &joined
        };
        let (shown, rest) = whole.split_at(whole.len() - unfinished(whole));
        let piece =
            Piece { before, bytes: shown.len() as u64, text: String::from_utf8_lossy(shown).into_owned() };
        held.tail = rest.to_vec();
        (piece.bytes > 0).then_some(piece)
    }

    /// What is still held back when nothing follows.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = (u32, StepPath, Vec<u8>)> + use<> {
        let held = std::mem::take(&mut self.held).into_iter();
        held.filter(|(_, held)| !held.tail.is_empty()).map(|((run, step), held)| (run, step, held.tail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_character_that_may_go_on_is_held_back() {
        let cases: [(&[u8], usize); 9] = [
            (b"", 0),
            (b"a", 0),
            (b"a\xc3", 1),
            (b"a\xe2\x82", 2),
            (b"\xf0\x9f\x98", 3),
            ("ä€😀".as_bytes(), 0),
            (b"\x80\x80\x80", 0),
            (b"a\xff", 0),
            (b"\xe0\x80", 0), // overlong: no rest makes it a character
        ];
        for (bytes, expected) in cases {
            assert_eq!(unfinished(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn pieces_of_any_length_are_the_whole() {
        let whole = b"a\xc3\xa4\xe2\x82\xac\xff\xf0\x9f\x98\x80\xe2\x82b\xf0\x9f\xf0\x9f";
        let step = StepPath::of_plan(0);
        for length in 1..=whole.len() {
            let mut carries = Carries::default();
            let mut text = String::new();
            let mut at = 0;
            for (index, chunk) in whole.chunks(length).enumerate() {
                if let Some(piece) = carries.next(1, &step, (index * length) as u64, chunk) {
                    assert_eq!((index * length) as u64 - piece.before, at);
                    at += piece.bytes;
                    text.push_str(&piece.text);
                }
            }
            for (_, _, rest) in carries.rest() {
                text.push_str(&String::from_utf8_lossy(&rest));
            }
            assert_eq!(text, String::from_utf8_lossy(whole), "in pieces of {length}");
        }
    }

    #[test]
    fn a_log_that_begins_anew_takes_nothing_over() {
        let (mut carries, step) = (Carries::default(), StepPath::of_plan(0));
        assert!(carries.next(1, &step, 0, b"\xe2\x82").is_none());
        assert_eq!(carries.next(1, &step, 0, b"ab").map(|piece| piece.text), Some("ab".to_owned()));
    }
}

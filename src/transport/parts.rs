//! Envelopes that are larger than what a broker carries in one message: cut by the sender, put together by the receiver.
//!
//! A message is one byte that says what it is, then for a part 16 random bytes that name the envelope, its number and the
//! count of parts (both big-endian, 16 bits), then bytes. Parts of one envelope come on one subject, so in order; a part
//! that was lost loses its envelope, and whoever sent it repeats it.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::settings::MOST_CARRIED;

const WHOLE: u8 = 0;
const PART: u8 = 1;
const HEADER: usize = 1 + 16 + 2 + 2;
/// What brokers carry at least; below this no limit is believed.
const LEAST: usize = 4096;
/// Envelopes that may be incomplete at once on one subject; beyond, the oldest is given up.
const OPEN: usize = 8;

/// The messages that carry `envelope`, each at most `limit` bytes.
pub(crate) fn split(envelope: Bytes, limit: usize) -> Vec<Bytes> {
    let limit = limit.max(LEAST);
    if envelope.len() < limit {
        let mut whole = BytesMut::with_capacity(1 + envelope.len());
        whole.put_u8(WHOLE);
        whole.put_slice(&envelope);
        return vec![whole.freeze()];
    }
    let room = limit - HEADER;
    let id = Uuid::new_v4();
    let count = u16::try_from(envelope.len().div_ceil(room)).unwrap_or(u16::MAX);
    let part = |(number, bytes): (u16, &[u8])| {
        let mut part = BytesMut::with_capacity(HEADER + bytes.len());
        part.put_u8(PART);
        part.put_slice(id.as_bytes());
        part.put_u16(number);
        part.put_u16(count);
        part.put_slice(bytes);
        part.freeze()
    };
    (0..).zip(envelope.chunks(room)).map(part).collect()
}

/// Envelopes of one subject that are not complete yet.
#[derive(Default)]
pub(crate) struct Parts {
    open: VecDeque<Open>,
}

struct Open {
    id: [u8; 16],
    count: u16,
    next: u16,
    bytes: BytesMut,
}

impl Parts {
    /// Takes a message in; gives the envelope that it is or completes. What is out of form, or becomes too large, is given
    /// as it is: whoever opens envelopes counts it.
    pub fn take(&mut self, message: Bytes) -> Option<Bytes> {
        match message.first() {
            Some(&WHOLE) => Some(message.slice(1..)),
            Some(&PART) if message.len() >= HEADER => self.take_part(&message),
            _ => Some(message),
        }
    }

    fn take_part(&mut self, message: &Bytes) -> Option<Bytes> {
        let id: [u8; 16] = message[1..17].try_into().ok()?;
        let (number, count) = (short(&message[17..19]), short(&message[19..21]));
        let bytes = &message[HEADER..];
        let at = match self.open.iter().position(|open| open.id == id) {
            Some(at) => at,
            None if number == 0 => self.begin(id, count),
            None => return None,
        };
        let open = &mut self.open[at];
        if open.count != count || open.next != number {
            self.open.remove(at);
            return None;
        }
        open.next += 1;
        open.bytes.put_slice(bytes);
        if open.next < open.count && open.bytes.len() <= MOST_CARRIED {
            return None;
        }
        self.open.remove(at).map(|open| open.bytes.freeze())
    }

    fn begin(&mut self, id: [u8; 16], count: u16) -> usize {
        if self.open.len() == OPEN {
            self.open.pop_front();
        }
        self.open.push_back(Open { id, count, next: 0, bytes: BytesMut::new() });
        self.open.len() - 1
    }
}

fn short(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |value, byte| value << 8 | u16::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(messages: impl IntoIterator<Item = Bytes>) -> Vec<Bytes> {
        let mut parts = Parts::default();
        messages.into_iter().filter_map(|message| parts.take(message)).collect()
    }

    #[test]
    fn an_envelope_comes_back_whatever_its_size() {
        for size in [0, 1, LEAST - 1, LEAST, LEAST + 1, 10 * LEAST, 1 << 20] {
            let envelope = Bytes::from(vec![7; size]);
            let messages = split(envelope.clone(), LEAST);
            assert!(messages.iter().all(|message| message.len() <= LEAST), "{size}");
            assert_eq!(take_all(messages), [envelope], "{size}");
        }
    }

    #[test]
    fn envelopes_may_be_mixed_and_a_lost_part_loses_only_its_own() {
        let (one, two) = (Bytes::from(vec![1; 3 * LEAST]), Bytes::from(vec![2; 3 * LEAST]));
        let (first, mut second) = (split(one.clone(), LEAST), split(two, LEAST));
        second.remove(1);
        let rest = first[second.len()..].to_vec();
        let mixed = first.into_iter().zip(second).flat_map(|(a, b)| [a, b]).chain(rest);
        assert_eq!(take_all(mixed), [one]);
    }

    #[test]
    fn garbage_is_given_as_it_is_or_dropped() {
        let bad = [&b""[..], b"\x01", b"\x02abc"].map(Bytes::copy_from_slice);
        assert_eq!(take_all(bad.clone()), bad);
        let bad = [&[PART; HEADER][..], &[PART; 2 * HEADER]];
        assert!(take_all(bad.map(Bytes::copy_from_slice)).is_empty());
    }

    #[test]
    fn what_becomes_too_large_is_given_when_it_is() {
        let messages = split(Bytes::from(vec![1; MOST_CARRIED + 3 * LEAST]), LEAST);
        let given = take_all(messages);
        assert!(given.len() == 1 && given[0].len() > MOST_CARRIED);
    }
}

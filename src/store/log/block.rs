//! A row of the log: consecutive chunks of one step, their bytes in one piece.

use bytes::Bytes;
use pikoci_model::{
    id::{BuildId, Fence, StepPath},
    log::{Chunk, NumberedChunk, Stream},
};

use crate::{error::Fault, sql::Binding};

/// The size of a block in bytes: big enough that a row costs nothing beside its bytes, small enough that a reader who
/// wants a screenful does not read megabytes.
const FULL: usize = 256 * 1024;

/// Inserts a block; [`Block::put`] binds its values.
pub(super) const INSERT: &str = "INSERT INTO blocks (build_id, last_number, run, fence, last_event, step, begins, ends, marks, data) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// A block that is being filled.
pub(super) struct Block {
    pub build: BuildId,
    pub run: u32,
    pub fence: Fence,
    pub last_number: i64,
    pub last_event: u64,
    pub step: StepPath,
    pub begins: u64,
    pub marks: Vec<u8>,
    pub data: Vec<u8>,
}

impl Block {
    /// An empty block that begins with `chunk`; about `expected` bytes are to come.
    pub fn new(build: BuildId, run: u32, fence: Fence, chunk: &Chunk, expected: usize) -> Self {
        Self {
            build,
            run,
            fence,
            last_number: 0,
            last_event: 0,
            step: chunk.step.clone(),
            begins: chunk.offset,
            marks: Vec::new(),
            data: Vec::with_capacity(expected.min(FULL).max(chunk.bytes.len())),
        }
    }

    /// Offset after the last byte.
    pub fn ends(&self) -> u64 {
        self.begins + self.data.len() as u64
    }

    /// Whether a chunk goes on where this block ends.
    pub fn takes(&self, build: BuildId, fence: Fence, number: i64, chunk: &Chunk) -> bool {
        self.build == build
            && self.fence == fence
            && self.last_number + 1 == number
            && self.step == chunk.step
            && self.ends() == chunk.offset
            && self.data.len() < FULL
    }

    /// Binds it to [`INSERT`].
    pub fn put(self, insert: Binding<'_>) {
        let ends = self.ends();
        insert
            .bind(self.build.0)
            .bind(self.last_number)
            .bind(self.run)
            .bind(self.fence.0)
            .bind(self.last_event.cast_signed())
            .bind(self.step.0)
            .bind(self.begins.cast_signed())
            .bind(ends.cast_signed())
            .bind(self.marks)
            .bind(self.data);
    }

    pub fn push(&mut self, number: i64, event: u64, chunk: &Chunk) {
        self.last_number = number;
        self.last_event = event;
        self.marks.push(stream_code(chunk.stream));
        for number in [u64::from(chunk.attempt), chunk.line, chunk.t, chunk.bytes.len() as u64] {
            put_varint(&mut self.marks, number);
        }
        self.data.extend_from_slice(&chunk.bytes);
    }
}

/// A chunk's place in a block.
pub(super) struct Mark {
    pub attempt: u32,
    pub stream: Stream,
    pub offset: u64,
    pub line: u64,
    pub t: u64,
    pub length: usize,
}

/// The chunks' places in a block that begins at `begins`.
pub(super) fn marks(bytes: &[u8], begins: u64) -> Result<Vec<Mark>, Fault> {
    let mut rest = bytes;
    let mut offset = begins;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let mark = take_mark(&mut rest, offset).ok_or_else(|| Fault::row("blocks", begins, "torn marks"))?;
        offset += mark.length as u64;
        out.push(mark);
    }
    Ok(out)
}

fn take_mark(rest: &mut &[u8], offset: u64) -> Option<Mark> {
    let (&code, after) = rest.split_first()?;
    *rest = after;
    Some(Mark {
        stream: stream(code)?,
        attempt: u32::try_from(take_varint(rest)?).ok()?,
        line: take_varint(rest)?,
        t: take_varint(rest)?,
        offset,
        length: usize::try_from(take_varint(rest)?).ok()?,
    })
}

/// The chunks of a stored block; their bytes share one allocation.
pub(super) fn chunks(
    run: u32,
    last_number: i64,
    step: &StepPath,
    marks: Vec<Mark>,
    data: Vec<u8>,
) -> Result<Vec<NumberedChunk>, Fault> {
    let data = Bytes::from(data);
    let first = last_number + 1 - i64::try_from(marks.len()).unwrap_or(0);
    let mut at = 0;
    let mut out = Vec::with_capacity(marks.len());
    for (number, mark) in (first..).zip(marks) {
        let end = at + mark.length;
        if end > data.len() {
            return Err(Fault::row("blocks", last_number, "fewer bytes than its marks say"));
        }
        let chunk = Chunk {
            step: step.clone(),
            attempt: mark.attempt,
            stream: mark.stream,
            offset: mark.offset,
            line: mark.line,
            t: mark.t,
            bytes: data.slice(at..end),
        };
        out.push(NumberedChunk { run, number, chunk });
        at = end;
    }
    Ok(out)
}

fn stream_code(stream: Stream) -> u8 {
    match stream {
        Stream::Out => 1,
        Stream::Err => 2,
        Stream::Note => 3,
    }
}

fn stream(code: u8) -> Option<Stream> {
    [Stream::Out, Stream::Err, Stream::Note].into_iter().find(|stream| stream_code(*stream) == code)
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_back_as_they_were() {
        let chunk = |offset: u64, text: &'static str, t: u64| Chunk {
            step: StepPath("2".into()),
            attempt: 3,
            stream: Stream::Err,
            offset,
            line: u64::MAX,
            t,
            bytes: Bytes::from_static(text.as_bytes()),
        };
        let sent = [chunk(70, "ab", 0), chunk(72, "", 127), chunk(72, "c", 128)];
        let mut block = Block::new(BuildId(1), 2, Fence(9), &sent[0], 0);
        for (number, one) in (5..).zip(&sent) {
            assert!(number == 5 || block.takes(BuildId(1), Fence(9), number, one));
            block.push(number, 1, one);
        }
        assert!(!block.takes(BuildId(1), Fence(9), 8, &chunk(74, "gap", 0)));
        assert_eq!(block.ends(), 73);
        let read = marks(&block.marks, block.begins).unwrap();
        let read = chunks(2, block.last_number, &block.step, read, block.data).unwrap();
        assert_eq!(read.iter().map(|one| one.number).collect::<Vec<_>>(), [5, 6, 7]);
        assert_eq!(read.into_iter().map(|one| one.chunk).collect::<Vec<_>>(), sent);
    }

    #[test]
    fn torn_marks_are_an_error() {
        let mut bytes = vec![1];
        [300, 1, 2, 3].into_iter().for_each(|number| put_varint(&mut bytes, number));
        assert!(marks(&bytes, 0).is_ok());
        for end in 1..bytes.len() {
            assert!(marks(&bytes[..end], 0).is_err(), "{end}");
        }
        assert!(marks(&[9], 0).is_err());
    }
}

//! The ends of logs, as they stand in a page for readers without a script.

use pikoci_model::{
    id::{BuildId, StepPath},
    log::NumberedChunk,
};

use crate::{page::StepLog, refused::Refused, site::Site};

/// How much of a log stands in the page, in bytes.
const INLINED: u64 = 64 * 1024;
/// And in lines: each becomes an element, so short lines weigh more in the page than in the log.
const LINES: usize = 1000;

/// The end of one log; none if it is empty.
pub(super) async fn tail(
    site: &Site,
    build: BuildId,
    run: u32,
    path: &StepPath,
    title: &str,
) -> Result<Option<StepLog>, Refused> {
    let total = site.deps.store.step_log(build, run, path, 0, 0).await?.total;
    if total == 0 {
        return Ok(None);
    }
    let from = total.saturating_sub(INLINED);
    let chunks = site.deps.store.step_chunks(build, run, path, from, INLINED as usize).await?;
    Ok(Some(joined(path, title, total, from, &chunks)))
}

/// Puts chunks together, from the first line that begins at or after `from`.
fn joined(path: &StepPath, title: &str, total: u64, from: u64, chunks: &[NumberedChunk]) -> StepLog {
    let mut bytes = Vec::new();
    let mut times = Vec::new();
    for numbered in chunks {
        let chunk = &numbered.chunk;
        // A chunk that begins within a line tells the time of the lines after it only.
        let begins_line = bytes.last().map_or(chunk.offset == 0, |last| *last == b'\n');
        times.push((if begins_line { chunk.line } else { chunk.line + 1 }, chunk.t));
        bytes.extend_from_slice(&chunk.bytes);
    }
    let first = chunks.first().map(|numbered| (numbered.chunk.offset, numbered.chunk.line));
    let (offset, mut line) = first.unwrap_or((from, 1));
    let wanted = usize::try_from(from.saturating_sub(offset)).unwrap_or_default().min(bytes.len());
    let mut cut = wanted;
    if from > 0 {
        // The rest of the line in which `from` lies is left out, unless it is all there is.
        cut = bytes[wanted..].iter().position(|byte| *byte == b'\n').map_or(wanted, |at| wanted + at + 1);
        if cut == bytes.len() {
            cut = wanted;
        }
    }
    cut += above_the_last(&bytes[cut..], LINES);
    line += bytes[..cut].iter().filter(|byte| **byte == b'\n').count() as u64;
    StepLog {
        path: path.0.clone(),
        title: title.to_owned(),
        bytes: total,
        first_line: line,
        text: String::from_utf8_lossy(&bytes[cut..]).into_owned(),
        times,
    }
}

/// How many bytes stand above the last so many lines.
fn above_the_last(bytes: &[u8], lines: usize) -> usize {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let ends = whole.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).nth(lines.saturating_sub(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use pikoci_model::log::{Chunk, Stream};

    use super::*;

    fn chunk(offset: u64, line: u64, t: u64, text: &str) -> NumberedChunk {
        let bytes = bytes::Bytes::copy_from_slice(text.as_bytes());
        let step = StepPath::of_plan(0);
        NumberedChunk {
            run: 1,
            number: 1,
            chunk: Chunk { step, attempt: 1, stream: Stream::Out, offset, line, t, bytes },
        }
    }

    #[test]
    fn a_tail_begins_with_a_line() {
        let chunks = [chunk(10, 3, 5, "xx\nab"), chunk(15, 4, 9, "c\nlast")];
        let log = joined(&StepPath::of_plan(0), "task t", 21, 11, &chunks);
        assert_eq!((log.first_line, log.text.as_str()), (4, "abc\nlast"));
        assert_eq!(log.times, [(4, 5), (5, 9)]);
    }

    #[test]
    fn a_whole_log_is_whole() {
        let log = joined(&StepPath::of_plan(0), "task t", 4, 0, &[chunk(0, 1, 2, "a\nb\n")]);
        assert_eq!(
            (log.first_line, log.text.as_str(), log.times.as_slice()),
            (1, "a\nb\n", [(1, 2)].as_slice())
        );
    }

    #[test]
    fn one_endless_line_is_cut() {
        let log = joined(&StepPath::of_plan(0), "task t", 9, 5, &[chunk(0, 1, 2, "aaaaabbbb")]);
        assert_eq!((log.first_line, log.text.as_str()), (1, "bbbb"));
    }

    #[test]
    fn many_short_lines_are_cut_too() {
        assert_eq!(above_the_last(b"a\nb\nc\n", 2), 2);
        assert_eq!(above_the_last(b"a\nb\nc", 1), 4);
        assert_eq!(above_the_last(b"a\nb\nc\n", 3), 0);
        assert_eq!(above_the_last(b"", 3), 0);
        let log = joined(&StepPath::of_plan(0), "task t", 6000, 0, &[chunk(0, 1, 2, &"x\n".repeat(3000))]);
        assert_eq!((log.first_line, log.text.len()), (2001, 2000));
    }
}

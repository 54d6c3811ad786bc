//! Keeping the parts of the output that are parsed.

use pikoci_model::port::Captured;

/// Longest line in bytes that is kept; a longer one is cut.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// The last line of a stream that is not empty.
#[derive(Default)]
struct LastLine {
    current: Vec<u8>,
    current_cut: bool,
    last: Option<(Vec<u8>, bool)>,
}

impl LastLine {
    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            let room = LONGEST_LINE - self.current.len();
            self.current_cut |= text.len() > room;
            self.current.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        if self.current.trim_ascii().is_empty() {
            self.current.clear();
        } else {
            self.last = Some((std::mem::take(&mut self.current), self.current_cut));
        }
        self.current_cut = false;
    }

    fn finish(mut self) -> Option<(Vec<u8>, bool)> {
        self.end_line();
        self.last
    }
}

/// What is kept of both streams.
#[derive(Default)]
pub struct Capture {
    stdout: LastLine,
    mixed: LastLine,
}

impl Capture {
    /// Takes output as it came, before it is masked.
    pub fn take(&mut self, is_stdout: bool, bytes: &[u8]) {
        if is_stdout {
            self.stdout.take(bytes);
        }
        self.mixed.take(bytes);
    }

    pub fn finish(self) -> Captured {
        let (stdout, mixed) = (self.stdout.finish(), self.mixed.finish());
        let cut = stdout.as_ref().or(mixed.as_ref()).is_some_and(|(_, cut)| *cut);
        Captured {
            last_line: stdout.map(|(line, _)| line),
            last_mixed_line: mixed.map(|(line, _)| line),
            cut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(pieces: &[(bool, &[u8])]) -> Captured {
        let mut capture = Capture::default();
        for (is_stdout, bytes) in pieces {
            capture.take(*is_stdout, bytes);
        }
        capture.finish()
    }

    #[test]
    fn the_last_line_that_is_not_empty_counts() {
        let kept = captured(&[(true, b"one\ntw"), (true, b"o\n\n  \n"), (false, b"warning\n")]);
        assert_eq!(kept.last_line.as_deref(), Some(&b"two"[..]));
        assert_eq!(kept.last_mixed_line.as_deref(), Some(&b"warning"[..]));
        assert_eq!(captured(&[(false, b"only")]).last_line, None);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let kept = captured(&[(true, &vec![b'x'; LONGEST_LINE]), (true, b"yyy")]);
        assert!(kept.cut);
        assert_eq!(kept.last_line.map(|line| line.len()), Some(LONGEST_LINE));
    }
}

//! A program that prints: the producer of the log that is measured.

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

/// The hidden command.
pub const COMMAND: &str = "produce";
/// Bytes of a line, its end included.
const LINE: usize = 100;
/// Written at once.
const BLOCK: usize = 64 * 1024;
/// Lines that differ; after them it begins again. 8 MB: more than a processor's caches hold.
const LINES: usize = 80_000;
/// One line in so many holds a secret.
const SECRET_EVERY: usize = 1000;

/// `produce BYTES`: so many bytes of lines to standard output. The secrets S0, S1 … of the environment are among them.
pub fn main(mut words: impl Iterator<Item = OsString>) -> ExitCode {
    let bytes = words.next().and_then(|word| word.to_str()?.parse().ok());
    match bytes.map(produce) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("produce: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("produce: expected a number of bytes");
            ExitCode::from(2)
        }
    }
}

fn produce(bytes: usize) -> io::Result<()> {
    let secrets: Vec<String> = (0..).map_while(|index| std::env::var(format!("S{index}")).ok()).collect();
    let text = text(&secrets);
    // Not through the standard library's line buffer, which would cut the blocks.
    let mut out = io::stdout().lock();
    let mut left = bytes;
    let mut at = 0;
    while left > 0 {
        let length = BLOCK.min(left).min(text.len() - at);
        raw_write(&mut out, &text[at..at + length])?;
        left -= length;
        at = (at + length) % text.len();
    }
    Ok(())
}

fn raw_write(_: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        // SAFETY: the memory is that of the slice.
        let written = unsafe { libc::write(1, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(written) => bytes = &bytes[written..],
            Err(_) => return Err(io::Error::last_os_error()),
        }
    }
    Ok(())
}

/// Lines of words and numbers, none like another.
fn text(secrets: &[String]) -> Vec<u8> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut text = Vec::with_capacity(LINES * LINE);
    for index in 0..LINES {
        let mut line = format!("{index:06} ");
        if index % SECRET_EVERY == 0 && !secrets.is_empty() {
            line.push_str(&secrets[index / SECRET_EVERY % secrets.len()]);
            line.push(' ');
        }
        while line.len() < LINE {
            line.push_str(WORDS[numbers.below(WORDS.len())]);
            line.push_str(&format!("={:x} ", numbers.below(1 << 24)));
        }
        line.truncate(LINE - 1);
        line.push('\n');
        text.extend_from_slice(line.as_bytes());
    }
    text
}

const WORDS: [&str; 16] = [
    "compiling",
    "linking",
    "src/engine",
    "warning",
    "test",
    "ok",
    "target",
    "release",
    "cached",
    "layer",
    "fetch",
    "https://",
    "duration",
    "Running",
    "[info]",
    "passed",
];

/// Pseudo-random numbers, the same at each start.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_of_one_length_and_hold_the_secrets() {
        let text = text(&["first-secret".to_owned(), "second-secret".to_owned()]);
        assert_eq!(text.len(), LINES * LINE);
        assert!(text.chunks(LINE).all(|line| line.ends_with(b"\n") && !line[..LINE - 1].contains(&b'\n')));
        let found = String::from_utf8(text).unwrap();
        assert!(found.contains("first-secret") && found.contains("second-secret"));
    }
}

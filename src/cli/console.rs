//! What a command says to whoever started it.
//!
//! Behind standard output and standard error may be a pipe whose reader has gone, or a file on a full disk. `println!` and
//! `eprintln!` panic then, and a server that still has services to stop must not.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

use super::Exit;

/// A remark on standard error. Nobody can be told when it cannot be written.
pub fn say(line: impl Display) {
    // One write: lines of several processes on one terminal stay whole.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// An error, in the form that all commands have.
pub fn error(text: impl Display) {
    say(format_args!("error: {text}"));
}

/// A line that is the command's result, on standard output; how the command ends.
pub fn line(text: impl Display) -> Exit {
    result(&format!("{text}\n"))
}

/// The command's result, as it is, on standard output; how the command ends. A reader that has gone wants no more of it.
pub fn result(text: &str) -> Exit {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Exit::Success,
        Err(gone) if gone.kind() == ErrorKind::BrokenPipe => Exit::Success,
        Err(full) => {
            error(format_args!("standard output: {full}"));
            Exit::Failed
        }
    }
}

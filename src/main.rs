//! `pikoci`: server, worker and client in one binary.
//!
//! The nursery is forked first of all, before threads, configuration or argument values are touched: from then on every
//! command that a pipeline runs is a descendant of a small, single-threaded process that outlives this one's death.

// It panics where nobody listens any more; `cli::console` does not.
#![warn(clippy::print_stderr)]

mod cli;
mod clock;
mod config;
mod internal;
mod logging;
mod shutdown;
mod wire;

use std::process::ExitCode;

/// The program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    // Only the first word is looked at before the fork: the arguments may hold secrets.
    let first = std::env::args_os().nth(1);
    match first.as_ref().and_then(|word| word.to_str()) {
        Some(wire::NURSERY_COMMAND) => ExitCode::from(u8::try_from(wire::nursery_main()).unwrap_or(1)),
        Some("internal") => internal::run(&std::env::args().skip(2).collect::<Vec<_>>()),
        Some("server" | "run" | "worker") => match wire::fork_nursery() {
            Ok(nursery) => cli::main(Some(nursery)),
            Err(error) => {
                cli::console::error(format_args!("no process could be forked: {error}"));
                ExitCode::FAILURE
            }
        },
        _ => cli::main(None),
    }
}

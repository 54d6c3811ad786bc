//! The way of a process's output into masked, numbered chunks.
//!
//! One thread reads both pipes of a process; secrets are masked before anything is kept, and the log's end may block:
//! the process then waits in its `write`, and nothing is lost. Bytes never enter an actor's mailbox.

mod capture;
mod forms;
mod gather;
mod log;
mod mask;
mod reader;
mod skim;

pub use log::StepLog;
pub use mask::{Masking, Scanner};
pub use reader::{Lifeline, Reading, ReadingEnd, read_in_thread};

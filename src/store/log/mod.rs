//! Logs: append-only, in a database file of their own with their own writer, so that they never wait for the state nor
//! the state for them.

mod block;
mod cursor;
mod port;
mod read;
mod writer;

pub(crate) use writer::{LOG_PAGE, LogWriter};

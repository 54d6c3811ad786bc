//! The server of this process.

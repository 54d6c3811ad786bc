//! The language as its users see it: files in, models and messages out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod builtins;
mod case;
mod files;
mod git;
mod mutation;
mod server;

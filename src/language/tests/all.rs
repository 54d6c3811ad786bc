//! The language as its users see it: files in, models and messages out.

mod builtins;
mod case;
mod files;
mod mutation;
mod server;

//! Everything that is tested through the outermost face, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod api;
mod browser;
mod cells;
mod client;
mod deploy;
mod docker;
mod docs;
mod house;
mod journal;
mod scenarios;
mod server;
mod services;
mod tls;
mod workers;
mod world;

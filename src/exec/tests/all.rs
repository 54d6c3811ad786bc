//! The launcher through its port, with real processes.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a fixture that fails fails its test")]

mod birth;
mod contract;
mod ending;
mod entry;
mod fixture;
mod groups;
mod losses;
mod output;
mod services;
mod steps;
mod unruly;

//! Resources: run-time state, checks, versions.

mod check;
mod port;
mod read;
mod versions;

pub(crate) use check::request;
pub(crate) use versions::{newest, record_version};

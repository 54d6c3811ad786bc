//! The nursery: one small process, forked before the worker has threads, settings or secrets, that forks shims on
//! request. Starting the whole program anew for each work item would cost milliseconds and megabytes.

mod birth;
mod lost;
mod orphans;
mod serve;
#[cfg(test)]
mod tests;

pub use birth::{
    NurseryHandle, fork_nursery, harden_worker, hide_arguments, nursery_main, reap_orphans, start_nursery,
};

pub use crate::sys::image::let_go_of_code;

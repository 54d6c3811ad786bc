//! The reaper: one small process above each step attempt, service instance and stop. Its leader runs below it and what
//! the leader orphans comes to it, so that without control groups, too, a step's stray can be told from a service's daemon.

mod keep;
mod leader;

pub use keep::{STUCK_AFTER, become_reaper, stuck};
pub use leader::DEFAULT_PATH;

//! The reaper: one small process above each step attempt, service instance and stop. Its leader runs below it and what
//! the leader orphans comes to it, so that without control groups, too, a step's stray can be told from a service's daemon.

mod ending;
mod keep;
mod leader;
mod stuck;

pub use keep::become_reaper;
pub use leader::DEFAULT_PATH;
pub use stuck::Patience;

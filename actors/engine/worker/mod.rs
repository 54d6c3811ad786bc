//! The worker: it takes builds and checks, and runs them on its own host.
//!
//! ```text
//! agent                 slots, announcing, renewing, fencing itself, draining, outboxes
//! ├ check               one per running check
//! └ build               one per running build: walks the plan
//!    ├ service          one per instance
//!    └ step             the running get, task or put with its hooks
//! ```
//!
//! Everything that waits — for a process, a file, a timer — is a future of one of these actors and comes back as a
//! message. Commands run through the launcher only; whatever dies up here, the launcher's work item ends what it
//! started and runs the stops that were registered.

mod agent;
mod build;
mod check;
mod command;
mod conduct;
mod container;
mod docker;
mod environment;
mod expand;
mod exports;
mod fetch;
mod hook;
mod opening;
mod outbox;
mod perform;
mod probe;
mod record;
mod secrets;
mod service;
mod service_plan;
mod site;
mod start;
mod step;
mod step_log;
mod template;

pub use site::{Ports, Settings};
pub use start::{Worker, WorkerSpec};

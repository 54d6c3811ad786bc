//! Runs commands: nursery, shim and reaper, and the way of their output into masked, numbered chunks.
//!
//! | where | what |
//! |---|---|
//! | `nursery` | forked first of all; forks a shim for each work item |
//! | `shim` | one per work item: starts, stops and ends everything in it, also when the worker is gone |
//! | `reaper` | one per step attempt, service instance and stop: keeps together what its leader starts |
//! | `output` | one thread a process: masking, gathering, numbering |
//! | `journal` | what outlives all of them: the stops that are owed |
//! | `client` | the worker's side: the launcher port |
//! | `workplace` | directories, ports and programs of the host |
//! | `protocol` | what they say to each other |
//! | `sys` | the system calls they are made of |
//!
//! **Invariants.** Nursery, shim and reaper have one thread and no async runtime. A bare process number is never
//! signalled unless it is an own unreaped child. What writes to a step's log goes through a masker first.

mod client;
pub mod journal;
pub mod nursery;
mod output;
mod protocol;
mod reaper;
mod shim;
mod sys;
pub mod workplace;

pub use client::{HostJournal, Keep, LauncherSettings, NurseryLauncher, replay_now};

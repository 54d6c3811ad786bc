//! The worker's side: the [`Launcher`](pikoci_model::port::Launcher) over nursery and shims, and the
//! [`Journal`](pikoci_model::port::Journal) of what earlier lives left.

mod adoption;
mod compose;
mod connection;
mod dispatch;
mod fault;
mod handle;
mod hatching;
mod item;
mod item_journal;
mod launcher;
mod off_thread;
mod orphans;
mod process;
mod replay;
mod rescue;
mod service;

pub use launcher::{LauncherSettings, NurseryLauncher};
pub use replay::{HostJournal, Keep, replay_now};

//! The worker's side: the [`Launcher`](pikoci_model::port::Launcher) over nursery and shims.

mod compose;
mod connection;
mod dispatch;
mod fault;
mod item;
mod launcher;
mod process;
mod rescue;
mod service;

pub use launcher::{LauncherSettings, NurseryLauncher};

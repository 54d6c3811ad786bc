//! `pikoci server`.

use clap::Command;

use crate::config::ServerFlags;

/// The command.
pub fn command() -> Command {
    ServerFlags::command()
}

//! The commands: what the program is told, and its exit codes.

pub mod client;
mod exit;
mod password;
mod pipeline;
mod run;
mod server;
mod vars;

use clap::Command;
pub use exit::Exit;

/// The whole command line.
pub fn command() -> Command {
    Command::new("pikoci")
        .about("A self-hosted CI/CD server: one binary, and a service that was started is always stopped")
        .version(crate::VERSION)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(server::command())
        .subcommand(run::command())
        .subcommand(pipeline::command())
        .subcommand(client::command())
        .subcommand(password::command())
        .subcommand(Command::new("version").about("Print the version"))
}

//! The commands: what the program is told, and its exit codes.

pub mod client;
pub mod console;
mod db;
mod doctor;
mod exit;
mod password;
mod pipeline;
mod run;
mod secrets;
mod server;
mod vars;
mod worker;
mod worker_token;

use std::process::ExitCode;

use clap::Command;
pub use exit::Exit;
pub use run::LocalServer;

use crate::wire;

/// Runs the program with these arguments. The nursery was forked already, if the command needs one.
pub fn main(nursery: Option<wire::Nursery>) -> ExitCode {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let matches = command().get_matches_from(client::whole_words(words));
    secrets::hide(&matches);
    match (matches.subcommand(), nursery) {
        (Some(("server", matches)), Some(nursery)) => server::run(matches, nursery).into(),
        (Some(("run", matches)), Some(nursery)) => run::run(matches, nursery).into(),
        (Some(("worker", matches)), Some(nursery)) => worker::run(matches, nursery).into(),
        (Some(("doctor", matches)), _) => doctor::run(matches).into(),
        (Some(("db", matches)), _) => db::run(matches).into(),
        (Some(("pipeline", matches)), _) => pipeline::run(matches).into(),
        (Some(("client", matches)), _) => client::run(matches),
        (Some(("user-password", matches)), _) => password::run(matches).into(),
        (Some(("worker-token", matches)), _) => worker_token::run(matches).into(),
        (Some(("version", _)), _) => console::line(format_args!("pikoci {}", crate::VERSION)).into(),
        _ => Exit::Usage.into(),
    }
}

/// The whole command line.
pub fn command() -> Command {
    Command::new("pikoci")
        .about("A self-hosted CI/CD server: one binary, and a service that was started is always stopped")
        .version(crate::VERSION)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(server::command())
        .subcommand(run::command())
        .subcommand(worker::command())
        .subcommand(doctor::command())
        .subcommand(db::command())
        .subcommand(pipeline::command())
        .subcommand(client::command())
        .subcommand(password::command())
        .subcommand(worker_token::command())
        .subcommand(Command::new("version").about("Print the version"))
}

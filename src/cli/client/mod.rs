//! `pikoci client …`: the interface of a server from the command line.
//!
//! Answers are JSON on standard output, indented by two; everything else a person reads goes to standard error. Exit
//! codes: 0 done, 1 failed, 2 wrong usage or input, 3 not logged in or not allowed, 4 not found, 5 conflict.

mod aliases;
mod args;
mod builds;
mod events;
mod exchange;
mod export;
mod failure;
mod follow;
mod jobs;
mod login;
mod pipelines;
mod print;
mod resources;
mod target;
mod teams;
mod token_file;
mod workers;

use std::process::ExitCode;

pub use aliases::whole_words;
use clap::{ArgMatches, Args, FromArgMatches};

use args::{ClientArgs, ClientCommand};
use failure::Failure;
use target::Target;

/// The command with everything below it.
pub fn command() -> clap::Command {
    ClientArgs::augment_args(clap::Command::new("client"))
}

/// Runs what the command line says.
pub fn run(matches: &ArgMatches) -> ExitCode {
    match ClientArgs::from_arg_matches(matches) {
        Ok(args) => finish(act(args)),
        Err(error) => {
            // Nothing helps if standard error is gone.
            let _ = error.print();
            ExitCode::from(failure::USAGE)
        }
    }
}

fn finish(result: Result<ExitCode, Failure>) -> ExitCode {
    result.unwrap_or_else(|failure| failure.report())
}

fn act(args: ClientArgs) -> Result<ExitCode, Failure> {
    // Whoever was first may have installed it already; then it is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime: {error}")))?;
    let outer = args.connection;
    runtime.block_on(async {
        match args.command {
            ClientCommand::Login(login) => login::run(&outer, login).await,
            ClientCommand::Pipelines { command } => pipelines::run(&outer, command).await,
            ClientCommand::Jobs { command } => jobs::run(&outer, command).await,
            ClientCommand::Builds { command } => builds::run(&outer, command).await,
            ClientCommand::Resources { command } => resources::run(&outer, command).await,
            ClientCommand::Teams { command } => teams::run(&outer, command).await,
            ClientCommand::Workers { command } => workers::run(&outer, command).await,
            ClientCommand::Export(args) => export::run(&outer, args).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use pikoci_web::page::{Frame, PipelinesPage, Theme, render_pipelines};

    use super::whole_words;

    #[test]
    fn the_commands_that_an_empty_page_shows_are_understood() {
        let frame = Frame {
            team: "lab".into(),
            user: Some("admin".into()),
            csrf: String::new(),
            theme: Theme::System,
            now: 0,
            events: String::new(),
            workers: None,
            trouble: None,
            may_see_workers: false,
            crumbs: Vec::new(),
        };
        let page = PipelinesPage { frame, pipelines: Vec::new(), server_url: "http://ci.lab:8080".into() };
        let html = render_pipelines(&page);
        let shown = html.split_once("<pre>").unwrap().1.split_once("</pre>").unwrap().0;
        assert_eq!(shown.lines().count(), 2, "{shown}");
        for line in shown.lines() {
            let words = whole_words(line.split(' ').map(str::to_owned));
            let understood = crate::cli::command().try_get_matches_from(words);
            assert!(understood.is_ok(), "{line}: {}", understood.unwrap_err());
        }
    }
}

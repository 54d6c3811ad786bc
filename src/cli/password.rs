//! `pikoci user-password`: a line for `--users`.

use std::io::Read;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{Exit, console};

/// Cost of the hash; what the users of the reference have.
const COST: u32 = 10;

/// The command.
pub fn command() -> Command {
    Command::new("user-password")
        .about("Print USERNAME:BCRYPT for --users")
        .arg(Arg::new("username").long("username").short('u').required(true))
        .arg(Arg::new("password").long("password").short('p').help("Better: --stdin").conflicts_with("stdin"))
        .arg(
            Arg::new("stdin")
                .long("stdin")
                .action(ArgAction::SetTrue)
                .help("Read the password from standard input"),
        )
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Exit {
    let username = matches.get_one::<String>("username").map_or("", String::as_str);
    let password = match matches.get_one::<String>("password") {
        Some(password) => password.clone(),
        None => {
            let mut text = String::new();
            if let Err(error) = std::io::stdin().read_to_string(&mut text) {
                console::error(format_args!("standard input: {error}"));
                return Exit::Failed;
            }
            text.trim_end_matches(['\n', '\r']).to_owned()
        }
    };
    if password.chars().count() < 8 {
        console::error("the password needs at least 8 characters");
        return Exit::Usage;
    }
    match bcrypt::hash(&password, COST) {
        Ok(hash) => console::line(format_args!("{username}:{hash}")),
        Err(error) => {
            console::error(&error);
            Exit::Failed
        }
    }
}

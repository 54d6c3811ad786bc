//! `pikoci user-password`: a line for `--users`.

use std::io::Read;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Exit;

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
#[expect(clippy::print_stdout, reason = "the line is the command's result")]
pub fn run(matches: &ArgMatches) -> Exit {
    let username = matches.get_one::<String>("username").map_or("", String::as_str);
    let password = match matches.get_one::<String>("password") {
        Some(password) => password.clone(),
        None => {
            let mut text = String::new();
            if let Err(error) = std::io::stdin().read_to_string(&mut text) {
                eprintln!("error: standard input: {error}");
                return Exit::Failed;
            }
            text.trim_end_matches(['\n', '\r']).to_owned()
        }
    };
    if password.chars().count() < 8 {
        eprintln!("error: the password needs at least 8 characters");
        return Exit::Usage;
    }
    match bcrypt::hash(&password, COST) {
        Ok(hash) => {
            println!("{username}:{hash}");
            Exit::Success
        }
        Err(error) => {
            eprintln!("error: {error}");
            Exit::Failed
        }
    }
}

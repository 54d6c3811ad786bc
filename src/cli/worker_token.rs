//! `pikoci worker-token`: a token without asking a server.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};
use pikoci_model::port::Clock;

use super::{Exit, console};
use crate::{
    clock::SystemClock,
    config::{parse_duration, read_secret},
    wire,
};

/// The command.
pub fn command() -> Command {
    Command::new("worker-token")
        .about(
            "Print a worker token that was made with the server's --jwt-secret. It is good as long as that secret, or \
             until --expires; one that can be revoked comes from `client teams worker-token` or from the server",
        )
        .arg(
            Arg::new("jwt-secret")
                .long("jwt-secret")
                .env("JWT_SECRET")
                .hide_env_values(true)
                .value_name("VALUE")
                .help("The server's"),
        )
        .arg(Arg::new("jwt-secret-file").long("jwt-secret-file").value_name("FILE").help("File that holds it"))
        .arg(Arg::new("team").long("team").value_name("TEAM").help("For this team's work only [all teams]"))
        .arg(Arg::new("expires").long("expires").value_name("DURATION").help("For so long, such as 30d [for ever]"))
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Exit {
    match token(matches) {
        Ok(token) => console::line(token),
        Err(error) => {
            console::error(&error);
            Exit::Usage
        }
    }
}

fn token(matches: &ArgMatches) -> Result<String, String> {
    let word = |name: &str| matches.get_one::<String>(name).cloned();
    let file = word("jwt-secret-file").map(PathBuf::from);
    // The variable may be set besides the file: what was said on the command line counts.
    let direct = if file.is_some() { None } else { word("jwt-secret") };
    let secret = read_secret("jwt-secret", direct, file.as_deref()).map_err(|error| error.to_string())?;
    let secret = secret.ok_or("--jwt-secret or --jwt-secret-file is needed: the one of the server")?;
    if secret.len() < 16 {
        return Err("--jwt-secret needs at least 16 characters".to_owned());
    }
    let end = match word("expires") {
        None => None,
        Some(text) => {
            let lasts = parse_duration(&text).map_err(|error| format!("--expires: {error}"))?;
            Some(SystemClock::new().now().timestamp().saturating_add_unsigned(lasts.as_secs()))
        }
    };
    Ok(wire::token_by_hand(&secret, word("team"), end))
}

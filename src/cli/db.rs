//! `pikoci db`: the database itself.

use clap::{Arg, ArgMatches, Command};
use pikoci_store::{Database, copy};

use super::{Exit, console};

/// The command.
pub fn command() -> Command {
    let address = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("ADDRESS").required(true).help(help)
    };
    Command::new("db").about("The database itself").subcommand_required(true).arg_required_else_help(true).subcommand(
        Command::new("copy")
            .about("Copy everything from one database to another, while no server uses them")
            .long_about(
                "Copy everything from one database to another, while no server uses them: state and logs, with all \
                 numbers. The servers of the copy need the host key of the original.\n\nAn address is the path of a \
                 SQLite file, or postgresql://USER:PASSWORD@HOST:PORT/NAME?tls=verified; the same with mysql or \
                 mariadb. tls is off, encrypted or verified.",
            )
            .arg(address("from", "What is copied"))
            .arg(address("to", "Where to; it must be empty, and is made if it is a file")),
    )
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Exit {
    let Some(("copy", matches)) = matches.subcommand() else { return Exit::Usage };
    let databases = address(matches, "from").and_then(|from| Ok((from, address(matches, "to")?)));
    let (from, to) = match databases {
        Ok(databases) => databases,
        Err(error) => {
            console::error(&error);
            return Exit::Usage;
        }
    };
    match copied(from, to) {
        Ok(rows) => {
            console::say(format_args!("{rows} rows copied"));
            Exit::Success
        }
        Err(error) => {
            console::error(&error);
            Exit::Failed
        }
    }
}

fn address(matches: &ArgMatches, name: &str) -> Result<Database, String> {
    let text = matches.get_one::<String>(name).map(String::as_str).unwrap_or_default();
    text.parse().map_err(|error| format!("--{name}: {error}"))
}

/// Copies, and says how far it is.
fn copied(from: Database, to: Database) -> Result<u64, String> {
    if let Database::File(path) = &from
        && !path.exists()
    {
        return Err(format!("--from: {} does not exist", path.display()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let progress = |table: &str, rows: u64| {
        if rows.is_multiple_of(10_000) {
            console::say(format_args!("{table}: {rows} rows"));
        }
    };
    let done = runtime.map_err(|error| error.to_string())?.block_on(copy(from, to, progress));
    Ok(done.map_err(|error| error.to_string())?.rows.values().sum())
}

//! `client login`.

use std::{
    io::{BufRead, IsTerminal, Write, stdin},
    process::ExitCode,
};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use serde_json::json;

use super::{
    Failure, Target,
    args::{LoginArgs, Outer},
    exchange::Exchange,
    print, token_file,
};
use crate::cli::console;

/// Logs in and stores the session.
pub(super) async fn run(outer: &Outer, args: LoginArgs) -> Result<ExitCode, Failure> {
    let exchange = Exchange::new(Target::anonymous(args.url.as_deref().or(outer.url.as_deref())))?;
    let password = password(&args)?;
    let body = json!({"username": args.username, "password": password});
    let data = exchange.post("/login", &body).await?;
    let token = data["token"].as_str().ok_or_else(|| Failure::failed("the server gave no token"))?;
    let path = token_file::write(token)?;
    print::json(&data["user"])?;
    console::say(format_args!(
        "logged in to {} as {}; the session is in {}",
        exchange.target.url,
        args.username,
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}

fn password(args: &LoginArgs) -> Result<String, Failure> {
    if let Some(password) = &args.password {
        return Ok(password.clone());
    }
    if args.password_stdin {
        return line();
    }
    if !stdin().is_terminal() {
        return Err(Failure::usage("no password: give --password-stdin, or run it in a terminal"));
    }
    hidden()
}

/// One line of standard input without its end.
fn line() -> Result<String, Failure> {
    let mut text = String::new();
    stdin()
        .lock()
        .read_line(&mut text)
        .map_err(|error| Failure::failed(format!("standard input: {error}")))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// Asks on the terminal; what is typed is not shown.
fn hidden() -> Result<String, Failure> {
    let wrong = |error: nix::Error| Failure::failed(format!("the terminal: {error}"));
    let shown = tcgetattr(stdin()).map_err(wrong)?;
    let mut silent = shown.clone();
    silent.local_flags.remove(LocalFlags::ECHO);
    silent.local_flags.insert(LocalFlags::ECHONL);
    // A prompt that is not seen does no harm.
    let _ = std::io::stderr().write_all(b"Password: ");
    tcsetattr(stdin(), SetArg::TCSAFLUSH, &silent).map_err(wrong)?;
    let password = line();
    tcsetattr(stdin(), SetArg::TCSAFLUSH, &shown).map_err(wrong)?;
    password
}

//! Databases and brokers that the tests were given.

use std::{env, process::Command};

/// Where a PostgreSQL is.
pub const POSTGRESQL: &str = "PIKOCI_TEST_POSTGRESQL";
/// Where a MariaDB is.
pub const MARIADB: &str = "PIKOCI_TEST_MARIADB";

/// The address of a server that the tests were given.
///
/// # Panics
/// They were given none.
pub fn address(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set: `integration/backends up`, then `eval \"$(integration/backends env)\"` \
             (integration/test does it through the project's own pipeline)"
        )
    })
}

/// `system://user:password@host:port/…`, taken apart.
pub struct Login {
    pub user: String,
    pub password: String,
    pub host: String,
    pub port: String,
}

impl Login {
    /// Who may do everything at a server.
    pub fn of(variable: &str) -> Self {
        let url = address(variable);
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let rest = rest.split(['/', '?']).next().unwrap_or_default();
        let (person, place) = rest.split_once('@').unwrap_or(("", rest));
        let (user, password) = person.split_once(':').unwrap_or((person, ""));
        let (host, port) = place.split_once(':').unwrap_or_else(|| panic!("{variable} has no port: {url}"));
        Self { user: user.into(), password: password.into(), host: host.into(), port: port.into() }
    }

    /// `user:password@host:port`
    pub fn text(&self) -> String {
        let password = if self.password.is_empty() { String::new() } else { format!(":{}", self.password) };
        format!("{}{password}@{}:{}", self.user, self.host, self.port)
    }
}

/// Says something to the PostgreSQL.
///
/// # Errors
/// What it answered.
pub fn say_to_postgresql(words: &str) -> Result<(), String> {
    let login = Login::of(POSTGRESQL);
    let mut client = Command::new("psql");
    client.args(["-X", "-q", "-h", &login.host, "-p", &login.port, "-U", &login.user]);
    client.args(["-d", "postgres", "-c", words]).env("PGPASSWORD", login.password);
    said(client)
}

/// Says something to the MariaDB.
///
/// # Errors
/// What it answered.
pub fn say_to_mariadb(words: &str) -> Result<(), String> {
    let login = Login::of(MARIADB);
    let mut client = Command::new("mariadb");
    client.args(["--no-defaults", "--protocol=tcp", "-h", &login.host, "-P", &login.port]);
    client.args(["-u", &login.user, "-e", words]).env("MYSQL_PWD", login.password);
    said(client)
}

fn said(mut client: Command) -> Result<(), String> {
    let output = client.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

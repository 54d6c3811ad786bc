//! Where the server keeps its state.

use std::{path::Path, process::Command};

use crate::world::servers::address;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "cells on database servers follow with the settings that name them")]
pub enum Database {
    Memory,
    Sqlite,
    Postgresql,
    Mariadb,
}

/// A database of its own; on a server it is removed when this is dropped.
pub struct Place {
    database: Database,
    name: String,
}

/// `system://user:password@host:port/…`, taken apart.
struct Login {
    user: String,
    password: String,
    host: String,
    port: String,
}

impl Login {
    fn of(variable: &str) -> Self {
        let url = address(variable);
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let rest = rest.split(['/', '?']).next().unwrap_or_default();
        let (person, place) = rest.split_once('@').unwrap_or(("", rest));
        let (user, password) = person.split_once(':').unwrap_or((person, ""));
        let (host, port) = place.split_once(':').unwrap_or_else(|| panic!("{variable} has no port: {url}"));
        Self { user: user.into(), password: password.into(), host: host.into(), port: port.into() }
    }
}

impl Place {
    /// Makes it, empty; `name` is unique.
    pub fn new(database: Database, name: &str) -> Self {
        let place = Self { database, name: name.to_owned() };
        let answer = place.say(&format!("CREATE DATABASE {name}"));
        answer.unwrap_or_else(|said| panic!("{database:?}: {said}"));
        place
    }

    /// Flags of the server.
    pub fn flags(&self, home: &Path) -> Vec<String> {
        let (system, login) = match self.database {
            Database::Memory => return vec!["--db-system=mem".to_owned()],
            Database::Sqlite => {
                let file = home.join("cell.db");
                return vec!["--db-system=sqlite".to_owned(), format!("--db-name={}", file.display())];
            }
            Database::Postgresql => ("postgresql", Login::of("PIKOCI_TEST_POSTGRESQL")),
            Database::Mariadb => ("mysql", Login::of("PIKOCI_TEST_MARIADB")),
        };
        let mut flags = vec![
            format!("--db-system={system}"),
            format!("--db-host={}", login.host),
            format!("--db-port={}", login.port),
            format!("--db-user={}", login.user),
            format!("--db-name={}", self.name),
        ];
        flags.extend((!login.password.is_empty()).then(|| format!("--db-password={}", login.password)));
        flags
    }

    /// Says something to the database server, where there is one.
    fn say(&self, words: &str) -> Result<(), String> {
        let mut client = match self.database {
            Database::Memory | Database::Sqlite => return Ok(()),
            Database::Postgresql => {
                let login = Login::of("PIKOCI_TEST_POSTGRESQL");
                let mut client = Command::new("psql");
                client.args(["-X", "-q", "-h", &login.host, "-p", &login.port, "-U", &login.user]);
                client.args(["-d", "postgres", "-c", words]).env("PGPASSWORD", login.password);
                client
            }
            Database::Mariadb => {
                let login = Login::of("PIKOCI_TEST_MARIADB");
                let mut client = Command::new("mariadb");
                client.args(["--no-defaults", "--protocol=tcp", "-h", &login.host, "-P", &login.port]);
                client.args(["-u", &login.user, "-e", words]).env("MYSQL_PWD", login.password);
                client
            }
        };
        let output = client.output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let force = if self.database == Database::Postgresql { " WITH (FORCE)" } else { "" };
        if let Err(said) = self.say(&format!("DROP DATABASE {}{force}", self.name)) {
            eprintln!("{} stays: {said}", self.name);
        }
    }
}

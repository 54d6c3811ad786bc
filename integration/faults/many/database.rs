//! Where the servers keep their state: a database of the run's own.

use std::{path::Path, process::Command};

use super::{
    proxy::Proxy,
    transport::{Address, Speech},
};
use crate::Fallible;

/// What the servers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Two servers.
    Postgresql,
    /// One server, a file.
    Sqlite,
}

/// A database; at a server it is removed when this is dropped.
#[derive(Debug)]
pub struct Database {
    kind: Kind,
    name: String,
    address: Option<Address>,
}

impl Database {
    /// Makes it, empty.
    ///
    /// # Errors
    /// The server cannot be asked, or refuses.
    pub fn make(kind: Kind, name: &str) -> Fallible<Self> {
        let address = match kind {
            Kind::Postgresql => Some(Address::of("PIKOCI_TEST_POSTGRESQL")?),
            Kind::Sqlite => None,
        };
        let made = Self { kind, name: name.to_owned(), address };
        made.say(&format!("CREATE DATABASE {name}"))?;
        Ok(made)
    }

    /// A link to it for one server, if it is at a server.
    ///
    /// # Errors
    /// No port is free.
    pub fn link(&self) -> Fallible<Option<Proxy>> {
        self.address.as_ref().map(|address| Proxy::open(&address.place, Speech::Plain)).transpose()
    }

    /// Where its server is, if it has one.
    pub fn place(&self) -> Option<&str> {
        self.address.as_ref().map(|address| address.place.as_str())
    }

    /// How many servers it can have.
    pub fn servers(&self) -> usize {
        if self.kind == Kind::Postgresql { 2 } else { 1 }
    }

    /// Flags of a server.
    pub fn flags(&self, link: Option<&Proxy>, home: &Path) -> Vec<String> {
        let (Some(link), Some(address)) = (link, &self.address) else {
            let file = home.join("many.db");
            return vec!["--db-system=sqlite".to_owned(), format!("--db-name={}", file.display())];
        };
        let (user, password) = address.login();
        let mut flags = vec![
            "--db-system=postgresql".to_owned(),
            format!("--db-host={}", link.address.ip()),
            format!("--db-port={}", link.address.port()),
            format!("--db-user={user}"),
            format!("--db-name={}", self.name),
        ];
        flags.extend((!password.is_empty()).then(|| format!("--db-password={password}")));
        flags
    }

    fn say(&self, words: &str) -> Fallible<()> {
        let Some(address) = &self.address else { return Ok(()) };
        let (user, password) = address.login();
        let (host, port) = address.place.split_once(':').ok_or("the database has no port")?;
        let mut client = Command::new("psql");
        client.args(["-X", "-q", "-h", host, "-p", port, "-U", user, "-d", "postgres", "-c", words]);
        let output = client.env("PGPASSWORD", password).output().map_err(|error| format!("psql: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(said) = self.say(&format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("{} stays: {said}", self.name);
        }
    }
}

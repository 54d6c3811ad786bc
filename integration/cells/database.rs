//! Where the server keeps its state.

use std::path::Path;

use crate::world::servers::{Login, MARIADB, POSTGRESQL, say_to_mariadb, say_to_postgresql};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Place {
    /// Makes it, empty; `name` is unique.
    pub fn new(database: Database, name: &str) -> Self {
        let answer = say(database, &format!("CREATE DATABASE {name}"));
        answer.unwrap_or_else(|said| panic!("{database:?}: {said}"));
        Self { database, name: name.to_owned() }
    }

    /// Flags of the server.
    pub fn flags(&self, home: &Path) -> Vec<String> {
        let (system, login) = match self.database {
            Database::Memory => return vec!["--db-system=mem".to_owned()],
            Database::Sqlite => {
                let file = home.join("cell.db");
                return vec!["--db-system=sqlite".to_owned(), format!("--db-name={}", file.display())];
            }
            Database::Postgresql => ("postgresql", Login::of(POSTGRESQL)),
            Database::Mariadb => ("mariadb", Login::of(MARIADB)),
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
}

/// Says something to the database server, where there is one.
fn say(database: Database, words: &str) -> Result<(), String> {
    match database {
        Database::Memory | Database::Sqlite => Ok(()),
        Database::Postgresql => say_to_postgresql(words),
        Database::Mariadb => say_to_mariadb(words),
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let force = if self.database == Database::Postgresql { " WITH (FORCE)" } else { "" };
        if let Err(said) = say(self.database, &format!("DROP DATABASE {}{force}", self.name)) {
            eprintln!("{} stays: {said}", self.name);
        }
    }
}

//! Where state lives.

use std::path::PathBuf;

use pikoci_model::text::SecretValue;
use pikoci_store::{Database, DatabaseOptions, DatabaseSystem, Tls};
use serde::Deserialize;

use super::{
    ConfigError, check_authorities, read_secret,
    setting::{Form, Setting},
};

pub(super) const DATABASE_SETTINGS: [Setting; 11] = [
    ("db-system", None, Form::Value, "mem", "mem, sqlite, postgresql, mysql or mariadb"),
    (
        "db-name",
        None,
        Form::Value,
        "",
        "The SQLite file [$XDG_DATA_HOME/pikoci/pikoci.db], or the database at the server [pikoci]",
    ),
    ("db-host", None, Form::Value, "", "Host of the database's server [127.0.0.1]"),
    ("db-port", None, Form::Value, "", "Its port [5432, 3306]"),
    ("db-user", None, Form::Value, "", "User there [pikoci]"),
    ("db-password", None, Form::Value, "", "Its password"),
    ("db-password-file", None, Form::Value, "", "File that holds it"),
    ("db-tls", None, Form::Value, "", "off, encrypted, or verified (the certificate is checked) [off]"),
    ("db-ca", None, Form::Value, "", "PEM file with authorities to trust besides the system's"),
    ("db-connections", None, Form::Value, "", "The most connections at once [16]"),
    (
        "host-key-file",
        None,
        Form::Value,
        "",
        "Key that seals secrets in the database, the same for all servers of one [host.key in --state-dir]",
    ),
];

/// Which database.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum DbSystem {
    /// In memory; forgotten at exit.
    #[default]
    Mem,
    /// One SQLite file.
    Sqlite,
    /// A database of a server.
    Server(DatabaseSystem),
}

impl TryFrom<String> for DbSystem {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "mem" => Ok(Self::Mem),
            "sqlite" => Ok(Self::Sqlite),
            other => other.parse().map(Self::Server).map_err(|_| {
                let expected = "\"mem\", \"sqlite\", \"postgresql\", \"mysql\" or \"mariadb\"";
                format!("\"{other}\" is no database; expected {expected}")
            }),
        }
    }
}

/// How connections to the database are protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum DbTls {
    /// Not at all.
    Off,
    /// Encrypted, whoever answers.
    Encrypted,
    /// Encrypted, and the certificate is checked.
    Verified,
}

impl TryFrom<String> for DbTls {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "off" => Ok(Self::Off),
            "encrypted" => Ok(Self::Encrypted),
            "verified" => Ok(Self::Verified),
            other => {
                Err(format!("\"{other}\" is no protection; expected \"off\", \"encrypted\" or \"verified\""))
            }
        }
    }
}

/// The settings of the database.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct DatabaseConfig {
    pub db_system: DbSystem,
    pub db_name: Option<PathBuf>,
    pub db_host: Option<String>,
    pub db_port: Option<u16>,
    pub db_user: Option<String>,
    pub db_password: Option<String>,
    pub db_password_file: Option<PathBuf>,
    pub db_tls: Option<DbTls>,
    pub db_ca: Option<PathBuf>,
    pub db_connections: Option<u32>,
    pub host_key_file: Option<PathBuf>,
}

impl DatabaseConfig {
    /// Checks what one setting asks of another.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if matches!(self.db_system, DbSystem::Server(_)) {
            if self.db_ca.is_some() && self.db_tls != Some(DbTls::Verified) {
                return Err(ConfigError::new("--db-ca needs --db-tls verified"));
            }
            check_authorities("db-ca", self.db_ca.as_deref())?;
            if self.db_connections.is_some_and(|most| !(2..=1000).contains(&most)) {
                return Err(ConfigError::new("--db-connections: a number from 2 to 1000 is expected"));
            }
            return Ok(());
        }
        let given = [
            ("db-host", self.db_host.is_some()),
            ("db-port", self.db_port.is_some()),
            ("db-user", self.db_user.is_some()),
            ("db-password", self.db_password.is_some() || self.db_password_file.is_some()),
            ("db-tls", self.db_tls.is_some()),
            ("db-ca", self.db_ca.is_some()),
            ("db-connections", self.db_connections.is_some()),
        ];
        let system = if self.db_system == DbSystem::Mem { "mem" } else { "sqlite" };
        match given.iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(ConfigError::new(format!(
                "--{name} has no meaning with --db-system {system}; expected postgresql, mysql or mariadb"
            ))),
            None => Ok(()),
        }
    }

    /// Where the state lies; `file` is the SQLite file if none is named.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn database(&self, file: impl FnOnce() -> PathBuf) -> Result<Database, ConfigError> {
        let system = match self.db_system {
            DbSystem::Mem => return Ok(Database::Memory),
            DbSystem::Sqlite => return Ok(Database::File(self.db_name.clone().unwrap_or_else(file))),
            DbSystem::Server(system) => system,
        };
        let usual = DatabaseOptions::new(system);
        let name = self.db_name.as_ref().map(|name| name.to_string_lossy().into_owned());
        let password =
            read_secret("db-password", self.db_password.clone(), self.db_password_file.as_deref())?;
        Ok(Database::Server(DatabaseOptions {
            host: self.db_host.clone().unwrap_or(usual.host),
            port: self.db_port,
            user: self.db_user.clone().unwrap_or(usual.user),
            password: password.map(SecretValue::new),
            name: name.unwrap_or(usual.name),
            tls: match self.db_tls.unwrap_or(DbTls::Off) {
                DbTls::Off => Tls::Off,
                DbTls::Encrypted => Tls::Encrypted,
                DbTls::Verified => Tls::Verified { ca: self.db_ca.clone() },
            },
            connections: self.db_connections.unwrap_or(usual.connections),
            system,
        }))
    }
}

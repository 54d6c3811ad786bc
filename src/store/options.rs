//! How a store is opened, and why it is not.

use std::{path::PathBuf, str::FromStr};

use pikoci_model::{port::StoreError, text::SecretValue};
use pikoci_seal::HostKey;

/// How to open a store.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Where it lies.
    pub database: Database,
    /// What seals given secrets and settings. One that is lost makes them unreadable. All servers of one database need
    /// the same.
    pub host_key: HostKey,
}

/// Where a store lies.
#[derive(Clone, Debug)]
pub enum Database {
    /// SQLite in memory, gone at the end.
    Memory,
    /// A SQLite file; logs lie beside it in `<name>-log<extension>`.
    File(PathBuf),
    /// A database of a server, which several of our servers may share.
    Server(DatabaseOptions),
}

/// A database of a server.
#[derive(Clone, Debug)]
pub struct DatabaseOptions {
    /// What kind of server.
    pub system: DatabaseSystem,
    /// Name or address of its host.
    pub host: String,
    /// Its port; none is the usual one.
    pub port: Option<u16>,
    /// Who logs in.
    pub user: String,
    /// With what.
    pub password: Option<SecretValue>,
    /// The database, which exists.
    pub name: String,
    /// How connections are protected.
    pub tls: Tls,
    /// The most connections at once.
    pub connections: u32,
}

/// The servers that a store can lie on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseSystem {
    /// PostgreSQL 13 or newer.
    Postgresql,
    /// MySQL 8 or newer, or MariaDB 10.5 or newer.
    Mysql,
}

/// How connections to a server are protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: a server on this host, or a network that is trusted.
    #[default]
    Off,
    /// Encrypted; nobody asks who the server is.
    Encrypted,
    /// Encrypted, and the server's certificate must be of its name.
    Verified {
        /// The authority that signed it, in a PEM file; none: those that the system trusts.
        ca: Option<PathBuf>,
    },
}

/// Connections at once, where nothing else is said.
const CONNECTIONS: u32 = 16;

impl DatabaseOptions {
    /// A database named `pikoci`, of the user of that name, without a password, on this host.
    pub fn new(system: DatabaseSystem) -> Self {
        Self {
            system,
            host: "127.0.0.1".into(),
            port: None,
            user: "pikoci".into(),
            password: None,
            name: "pikoci".into(),
            tls: Tls::Off,
            connections: CONNECTIONS,
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.system {
            DatabaseSystem::Postgresql => 5432,
            DatabaseSystem::Mysql => 3306,
        })
    }

    /// In words, without what is private.
    pub fn place(&self) -> String {
        format!("{}://{}@{}:{}/{}", self.system.word(), self.user, self.host, self.port(), self.name)
    }
}

impl DatabaseSystem {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Mysql => "mysql",
        }
    }
}

impl FromStr for DatabaseSystem {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "postgresql" | "postgres" => Ok(Self::Postgresql),
            "mysql" | "mariadb" => Ok(Self::Mysql),
            _ => Err(format!("`{word}` is no database system; there are postgresql, mysql and mariadb")),
        }
    }
}

impl FromStr for Tls {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "off" => Ok(Self::Off),
            "encrypted" => Ok(Self::Encrypted),
            "verified" => Ok(Self::Verified { ca: None }),
            _ => Err(format!("`{word}` is no protection; there are off, encrypted and verified")),
        }
    }
}

impl Database {
    /// In words, without what is private.
    pub fn place(&self) -> String {
        match self {
            Self::Memory => "memory".into(),
            Self::File(path) => path.display().to_string(),
            Self::Server(options) => options.place(),
        }
    }
}

/// `mem`, the path of a SQLite file (`sqlite:` may stand before it), or
/// `postgresql://user:password@host:port/name?tls=off|encrypted|verified`, the same with `mysql` or `mariadb`.
impl FromStr for Database {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((system, rest)) = text.split_once("://") else {
            return Ok(match text {
                "mem" => Self::Memory,
                path => Self::File(path.strip_prefix("sqlite:").unwrap_or(path).into()),
            });
        };
        if system == "sqlite" {
            return Ok(Self::File(rest.into()));
        }
        let mut options = DatabaseOptions::new(system.parse()?);
        let (rest, tls) = rest.split_once("?tls=").map_or((rest, None), |(rest, tls)| (rest, Some(tls)));
        options.tls = tls.map_or(Ok(Tls::Off), str::parse)?;
        let (who, rest) = rest.rsplit_once('@').map_or((None, rest), |(who, rest)| (Some(who), rest));
        if let Some((user, password)) = who.map(|who| who.split_once(':').unwrap_or((who, ""))) {
            options.user = decoded(user)?;
            options.password =
                (!password.is_empty()).then(|| decoded(password).map(SecretValue::new)).transpose()?;
        }
        let (host, name) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (host, None),
        };
        options.port =
            port.map(str::parse).transpose().map_err(|e| format!("the port of the database: {e}"))?;
        options.host = host.trim_matches(['[', ']']).to_owned();
        if options.host.is_empty() {
            return Err("the address of the database has no host".into());
        }
        if !name.is_empty() {
            options.name = decoded(name)?;
        }
        Ok(Self::Server(options))
    }
}

/// `%40` becomes `@`.
fn decoded(text: &str) -> Result<String, String> {
    let bad = || format!("`{text}` is not well written: % needs two hexadecimal digits");
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).ok_or_else(bad)?;
        out.push(u8::from_str_radix(digits, 16).map_err(|_| bad())?);
        out.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(out).map_err(|_| bad())
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A directory or file cannot be made or used.
    #[error("{path}: {reason}")]
    Place {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Another process has it open.
    #[error(
        "database {path} is in use{}; a SQLite file serves one server at a time: stop that one, or name another file",
        in_words(*.holder)
    )]
    InUse {
        /// Which file.
        path: PathBuf,
        /// The process that holds it, where it can be known.
        holder: Option<i32>,
    },
    /// No server answers, or not in the way it should.
    #[error("database {place} cannot be reached: {reason}")]
    Unreachable {
        /// Which database.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The server does not let us in.
    #[error(
        "database {place} does not let us in: {reason}; user, password, and what the server allows them must fit"
    )]
    Denied {
        /// Which database.
        place: String,
        /// What the server says.
        reason: String,
    },
    /// The server has no such database.
    #[error("database {place} does not exist: {reason}; create it first, for this user")]
    Missing {
        /// Which database.
        place: String,
        /// What the server says.
        reason: String,
    },
    /// The server is too old.
    #[error("database {place} is of {found}; PostgreSQL 13, MySQL 8, MariaDB 10.5 or newer is needed")]
    TooOld {
        /// Which database.
        place: String,
        /// What it says of itself.
        found: String,
    },
    /// A newer program has written it.
    #[error(
        "database {place} was written by a newer version of this program (it has migration {found}, the newest known here is {known}); use that version, or restore a backup"
    )]
    Newer {
        /// Which database.
        place: String,
        /// The migration it has.
        found: i64,
        /// The newest migration of this program.
        known: i64,
    },
    /// It was migrated by something else, or a migration failed.
    #[error("database {place} cannot be migrated: {reason}")]
    Migration {
        /// Which database.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// It cannot be opened or read.
    #[error("database {place}: {reason}")]
    Database {
        /// Which database.
        place: String,
        /// What is wrong.
        reason: StoreError,
    },
}

fn in_words(holder: Option<i32>) -> String {
    holder.map_or_else(String::new, |pid| format!(" by process {pid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let Database::Server(options) =
            "postgresql://ada:a%40b@db.example:5433/ci?tls=verified".parse().unwrap()
        else {
            panic!("not a server");
        };
        assert_eq!((options.user.as_str(), options.name.as_str()), ("ada", "ci"));
        assert_eq!((options.host.as_str(), options.port()), ("db.example", 5433));
        assert_eq!(options.password.as_ref().unwrap().reveal(), "a@b");
        assert_eq!(options.tls, Tls::Verified { ca: None });
        assert_eq!(options.place(), "postgresql://ada@db.example:5433/ci");
        assert_eq!("mariadb://[::1]".parse::<Database>().unwrap().place(), "mysql://pikoci@::1:3306/pikoci");
        assert!(matches!("mem".parse(), Ok(Database::Memory)));
        assert!(
            matches!("sqlite:/a/b.db".parse(), Ok(Database::File(path)) if path.to_str() == Some("/a/b.db"))
        );
        assert!(matches!("/a/b.db".parse(), Ok(Database::File(_))));
        for bad in ["oracle://x/y", "mysql://h:x/y", "mysql:///y", "mysql://a%4@h/y", "mysql://h/y?tls=some"]
        {
            assert!(bad.parse::<Database>().is_err(), "{bad}");
        }
    }
}

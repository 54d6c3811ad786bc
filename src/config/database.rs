//! Where state lives.

use std::path::PathBuf;

use serde::Deserialize;

use super::{
    ConfigError,
    setting::{Form, Setting},
};

pub(super) const DATABASE_SETTINGS: [Setting; 2] = [
    ("db-system", None, Form::Value, "mem", "mem or sqlite"),
    ("db-name", None, Form::Value, "", "The SQLite file [$XDG_DATA_HOME/pikoci/pikoci.db]"),
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
}

impl TryFrom<String> for DbSystem {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "mem" => Ok(Self::Mem),
            "sqlite" => Ok(Self::Sqlite),
            other => Err(format!("\"{other}\" is no database; expected \"mem\" or \"sqlite\"")),
        }
    }
}

/// The settings of the database.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct DatabaseConfig {
    pub db_system: DbSystem,
    pub db_name: Option<PathBuf>,
}

impl DatabaseConfig {
    /// Checks what one setting asks of another.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

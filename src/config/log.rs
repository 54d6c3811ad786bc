//! What the program says of itself; the same for a server and a worker.

use serde::Deserialize;

use super::{
    ConfigError,
    setting::{Form, Setting},
};

pub(super) const LOG_SETTINGS: [Setting; 2] = [
    ("log-level", None, Form::Value, "info", "debug, info, warn or error"),
    ("log-format", None, Form::Value, "text", "text or json"),
];

/// The settings of the log.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct LogConfig {
    pub log_level: String,
    pub log_format: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { log_level: "info".to_owned(), log_format: "text".to_owned() }
    }
}

impl LogConfig {
    /// Checks the words.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !matches!(self.log_level.as_str(), "debug" | "info" | "warn" | "error") {
            return Err(ConfigError::new("--log-level must be debug, info, warn or error"));
        }
        if !matches!(self.log_format.as_str(), "text" | "json") {
            return Err(ConfigError::new("--log-format must be text or json"));
        }
        Ok(())
    }
}

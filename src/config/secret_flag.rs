//! Settings that are secrets: each has a `-file` twin, and its value is wiped from the process's own arguments.

use std::{fs, path::Path};

use super::ConfigError;

/// The secret given directly or in a file; trailing line ends of a file do not count.
///
/// # Errors
/// Both were given, or the file cannot be read.
pub fn read_secret(
    name: &str,
    direct: Option<String>,
    file: Option<&Path>,
) -> Result<Option<String>, ConfigError> {
    match (direct, file) {
        (Some(_), Some(_)) => {
            Err(ConfigError::new(format!("both --{name} and --{name}-file are given; give one of them")))
        }
        (direct @ Some(_), None) => Ok(direct),
        (None, Some(path)) => {
            let text = fs::read_to_string(path)
                .map_err(|error| ConfigError::new(format!("--{name}-file {}: {error}", path.display())))?;
            Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
        }
        (None, None) => Ok(None),
    }
}

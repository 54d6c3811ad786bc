//! The four layers, put one over the other.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use config::{Config, File, FileFormat};
use serde::de::DeserializeOwned;

use super::environment::{Host, variable_of};

/// The flag that names the file of settings; it is no key of that file.
pub(super) const FILE_SETTING: &str = "config";

/// What is wrong with a configuration, in words.
#[derive(Debug)]
pub struct ConfigError(String);

impl ConfigError {
    /// A finding.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All that was said, each by the layer that counts.
pub(super) struct Layers<'a> {
    merged: Config,
    file: Option<&'a Path>,
    host: &'a Host,
    flags: BTreeMap<String, String>,
}

/// Puts flags over environment over file.
///
/// `settings` are all known names. `flags` holds what was given on the command line.
pub(super) fn merge<'a>(
    settings: &[String],
    file: Option<&'a Path>,
    host: &'a Host,
    flags: BTreeMap<String, String>,
) -> Result<Layers<'a>, ConfigError> {
    let unreadable = |error: config::ConfigError| ConfigError::new(error.to_string());
    let mut builder = Config::builder();
    if let Some(path) = file {
        builder = builder.add_source(checked_file(path, settings)?);
    }
    for setting in settings {
        if let Some((_, value)) = from_environment(host, setting) {
            builder = builder.set_override(setting, value).map_err(unreadable)?;
        }
    }
    for (setting, value) in &flags {
        builder = builder.set_override(setting, value.as_str()).map_err(unreadable)?;
    }
    Ok(Layers { merged: builder.build().map_err(unreadable)?, file, host, flags })
}

impl Layers<'_> {
    /// What of it belongs to `T`, whose own defaults fill the rest.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.merged.clone().try_deserialize().map_err(|error| {
            let place = |setting: &str| place_of(setting, self.file, self.host, &self.flags);
            ConfigError::new(in_words(&error, &place))
        })
    }
}

/// Where the value that counts was given: a flag, a variable, or a key of the file.
fn place_of(setting: &str, file: Option<&Path>, host: &Host, flags: &BTreeMap<String, String>) -> String {
    if flags.contains_key(setting) {
        format!("--{setting}")
    } else if let Some((variable, _)) = from_environment(host, setting) {
        variable
    } else {
        let file = file.map(|path| format!("{}: ", path.display())).unwrap_or_default();
        format!("{file}`{setting}`")
    }
}

/// What is wrong with a value, behind the place where it was given. The value is not repeated: it may be a password in the
/// wrong place.
fn in_words(error: &config::ConfigError, place: &dyn Fn(&str) -> String) -> String {
    match error {
        config::ConfigError::Type { expected, key: Some(key), .. } => {
            format!("{}: {} is expected", place(key), wanted(expected))
        }
        config::ConfigError::At { error, key: Some(key), .. } => {
            let reason = match &**error {
                config::ConfigError::Message(text) if text.starts_with("data did not match") => {
                    "a list of texts is expected".to_owned()
                }
                other => other.to_string(),
            };
            format!("{}: {reason}", place(key))
        }
        other => other.to_string(),
    }
}

/// A kind of value as a person would name it.
fn wanted(kind: &str) -> &str {
    match kind {
        "an integer" => "a whole number",
        "an unsigned 16 bit integer" => "a whole number from 0 to 65535",
        "an unsigned 32 bit integer" => "a whole number from 0 to 4294967295",
        "a boolean" => "true or false",
        "a string" => "a text",
        other => other,
    }
}

/// The file of settings: the one that the flag names, else the one of the environment.
pub(super) fn file_of_settings(flag: Option<&Path>, host: &Host) -> Option<PathBuf> {
    let named = || from_environment(host, FILE_SETTING).map(|(_, path)| PathBuf::from(path));
    flag.map(Path::to_path_buf).or_else(named)
}

/// The prefixed variable wins over the bare one; an empty one counts as absent.
fn from_environment(host: &Host, setting: &str) -> Option<(String, String)> {
    let bare = variable_of(setting);
    [format!("PIKOCI_{bare}"), bare].into_iter().find_map(|name| {
        let value = host.variables.get(&name).filter(|value| !value.is_empty())?;
        Some((name, value.clone()))
    })
}

fn checked_file(
    path: &Path,
    settings: &[String],
) -> Result<File<config::FileSourceString, FileFormat>, ConfigError> {
    let shown = path.display();
    let format = match path.extension().and_then(|e| e.to_str()) {
        Some("toml") => FileFormat::Toml,
        Some("yaml" | "yml") => FileFormat::Yaml,
        Some("json") => FileFormat::Json,
        _ => {
            return Err(ConfigError::new(format!(
                "{shown}: unknown format (expected .toml, .yaml, .yml or .json)"
            )));
        }
    };
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::new(format!("{shown}: {error}")))?;
    let alone = Config::builder().add_source(File::from_str(&text, format)).build();
    let keys: BTreeMap<String, config::Value> = alone
        .and_then(Config::try_deserialize)
        .map_err(|error| ConfigError::new(format!("{shown}: {error}")))?;
    if let Some(unknown) = keys.keys().find(|key| !settings.contains(key)) {
        let hint =
            nearest(unknown, settings).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        return Err(ConfigError::new(format!("{shown}: unknown key `{unknown}`{hint}")));
    }
    Ok(File::from_str(&text, format))
}

/// The known name that is nearest, at most two edits away.
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    known.iter().map(|k| (edits(name, k), k.as_str())).filter(|(n, _)| *n <= 2).min().map(|(_, k)| k)
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(rename_all = "kebab-case")]
    struct Sample {
        port: u16,
        db_system: String,
    }

    fn settings() -> Vec<String> {
        vec!["port".to_owned(), "db-system".to_owned()]
    }

    #[test]
    fn flag_over_environment_over_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "port = 1\ndb-system = \"file\"\n").unwrap();
        let host = Host {
            variables: [("PORT", "2"), ("PIKOCI_PORT", "3")].map(|(k, v)| (k.into(), v.into())).into(),
        };
        let read_with =
            |flags| merge(&settings(), Some(&file), &host, flags).unwrap().read::<Sample>().unwrap();
        let sample = read_with(BTreeMap::new());
        assert_eq!((sample.port, sample.db_system.as_str()), (3, "file"));
        assert_eq!(read_with(BTreeMap::from([("port".to_owned(), "4".to_owned())])).port, 4);
    }

    #[test]
    fn the_file_is_named_like_any_setting() {
        let host = |variables: &[(&str, &str)]| Host {
            variables: variables.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        };
        let both = host(&[("CONFIG", "bare"), ("PIKOCI_CONFIG", "prefixed")]);
        let named = |flag: Option<&str>, host: &Host| file_of_settings(flag.map(Path::new), host);
        assert_eq!(named(Some("flag"), &both), Some("flag".into()));
        assert_eq!(named(None, &both), Some("prefixed".into()));
        assert_eq!(named(None, &host(&[("CONFIG", "bare"), ("PIKOCI_CONFIG", "")])), Some("bare".into()));
        assert_eq!(named(None, &host(&[])), None);
    }

    #[test]
    fn an_unknown_key_is_named_with_what_was_meant() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "db-sytem = \"mem\"\n").unwrap();
        let host = Host { variables: BTreeMap::new() };
        let merged = merge(&settings(), Some(&file), &host, BTreeMap::new());
        let error = merged.err().unwrap().to_string();
        assert!(error.ends_with("unknown key `db-sytem` (did you mean `db-system`?)"), "{error}");
    }
}

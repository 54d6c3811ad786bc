//! `file-get` and `env-get`: secrets from a file or from the worker's environment.
//!
//! The answer is one JSON object. Nested values can be asked for by dotted keys, so `{"a": {"b":
//! 1}}` answers as `{"a": {"b": 1}, "a.b": 1}`.

mod dotenv;
mod yaml;

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Map, Value as Json, json};

use super::{Outcome, answer, environment};

/// What the worker's variables must begin with to be secrets, when the operator sets nothing else.
const DEFAULT_PREFIX: &str = "CI_SECRET_";

/// Largest secret file in bytes.
const MAX_FILE: u64 = 4 << 20;

/// `env-get`: the worker's variables with the operator's prefix, each by its whole name and by
/// what follows the prefix. The pipeline's `prefix` may narrow the operator's, never widen it.
pub(super) fn from_environment(_: &[String]) -> Outcome {
    let allowed = environment::get("PIKOCI_SECRET_ENV_PREFIX").unwrap_or_else(|| DEFAULT_PREFIX.to_owned());
    let prefix = environment::get("param_prefix").unwrap_or_else(|| allowed.clone());
    if !prefix.starts_with(&allowed) {
        return Err(format!("the prefix must begin with {allowed:?}, which the worker's operator set"));
    }
    let mut found = Map::new();
    for (name, value) in env::vars() {
        if let Some(short) = name.strip_prefix(&prefix) {
            found.insert(short.to_owned(), Json::from(value.clone()));
            found.insert(name, Json::from(value));
        }
    }
    answer(&Json::Object(found).to_string())
}

/// `file-get`: the file named by the variable's `path` or the type's.
pub(super) fn from_file(_: &[String]) -> Outcome {
    let path = environment::get("param_path").ok_or("no file: give `path` to the secret or to its type")?;
    let base = environment::get("PIKOCI_SECRETS_DIR").map(PathBuf::from).unwrap_or_default();
    let path = base.join(path);
    let format = Format::choose(environment::get("param_format").as_deref(), &path)?;
    let failed = |reason: String| format!("cannot read `{}`: {reason}", path.display());
    let size = fs::metadata(&path).map_err(|e| failed(e.to_string()))?.len();
    if size > MAX_FILE {
        return Err(failed(format!("it is larger than {MAX_FILE} bytes")));
    }
    let text = fs::read_to_string(&path).map_err(|e| failed(e.to_string()))?;
    let values = format.parse(&text).map_err(failed)?;
    answer(&Json::Object(with_dotted_keys(values)).to_string())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Yaml,
    Env,
    Raw,
}

impl Format {
    /// What the parameter says, else what the file's name says.
    fn choose(given: Option<&str>, path: &Path) -> Result<Self, String> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match (given, extension) {
            (Some("json"), _) | (None, "json") => Ok(Self::Json),
            (Some("yaml"), _) | (None, "yaml" | "yml") => Ok(Self::Yaml),
            (Some("env"), _) | (None, "env") => Ok(Self::Env),
            (Some("raw"), _) | (None, _) => Ok(Self::Raw),
            (Some(other), _) => Err(format!("the format must be json, yaml, env or raw, found {other:?}")),
        }
    }

    /// The messages never quote the file: it is full of secrets.
    fn parse(self, text: &str) -> Result<Map<String, Json>, String> {
        let values = match self {
            Self::Json => serde_json::from_str(text)
                .map_err(|e| format!("it is no JSON (line {}, column {})", e.line(), e.column()))?,
            Self::Yaml => yaml::parse(text)?,
            Self::Env => Json::Object(dotenv::parse(text)?),
            // The line end that an editor or `echo` leaves is not part of the secret.
            Self::Raw => json!({ "content": text.strip_suffix('\n').unwrap_or(text).trim_end_matches('\r') }),
        };
        match values {
            Json::Object(values) => Ok(values),
            _ => Err("its content must be an object of keys and values".to_owned()),
        }
    }
}

/// Adds `a.b` for everything that is nested. A key that is written with its dots wins.
fn with_dotted_keys(values: Map<String, Json>) -> Map<String, Json> {
    let mut all = Map::new();
    for (key, value) in &values {
        add_nested(key, value, &mut all);
    }
    all.extend(values);
    all
}

fn add_nested(path: &str, value: &Json, all: &mut Map<String, Json>) {
    let Json::Object(inner) = value else { return };
    for (key, value) in inner {
        let path = format!("{path}.{key}");
        add_nested(&path, value, all);
        all.insert(path, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(format: &str, text: &str) -> Result<Json, String> {
        let format = Format::choose(Some(format), Path::new(""))?;
        format.parse(text).map(with_dotted_keys).map(Json::Object)
    }

    #[test]
    fn formats_are_told_by_the_name() {
        for (path, format) in [
            ("a.json", Format::Json),
            ("a.yml", Format::Yaml),
            ("a.b.yaml", Format::Yaml),
            (".env", Format::Env),
            ("prod.env", Format::Env),
            ("token", Format::Raw),
            ("cert.pem", Format::Raw),
        ] {
            assert_eq!(Format::choose(None, Path::new(path)).unwrap(), format, "{path}");
        }
        assert!(Format::choose(Some("toml"), Path::new("a")).is_err());
    }

    #[test]
    fn nested_values_have_dotted_keys() {
        let values =
            parse("json", r#"{"db": {"user": "u", "deep": {"x": 1}}, "a.b": 2, "a": {"b": 3}}"#).unwrap();
        assert_eq!(values["db.user"], "u");
        assert_eq!(values["db.deep.x"], 1);
        assert_eq!(values["db"]["user"], "u");
        assert_eq!(values["a.b"], 2);
    }

    #[test]
    fn yaml_is_read_like_json() {
        let values =
            parse("yaml", "db:\n  password: hunter2\n  port: 5432\nlist: [1, x, null, 1.5, true]\n").unwrap();
        assert_eq!(values["db.password"], "hunter2");
        assert_eq!(values["db.port"], 5432);
        assert_eq!(values["list"], json!([1, "x", null, 1.5, true]));
        assert!(parse("yaml", "just text").unwrap_err().contains("object"));
        assert!(!parse("yaml", "a: [hunter2").unwrap_err().contains("hunter2"));
    }

    #[test]
    fn raw_text_loses_its_last_line_end_only() {
        assert_eq!(parse("raw", "a\nb\r\n").unwrap(), json!({ "content": "a\nb" }));
        assert_eq!(parse("raw", "a\n\n").unwrap(), json!({ "content": "a\n" }));
    }

    #[test]
    fn messages_never_quote_the_secret() {
        let error = parse("json", r#"{"password": hunter2}"#).unwrap_err();
        assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
    }
}

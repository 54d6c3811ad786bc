//! Values for a pipeline's variables: `--var name=value` over a JSON file.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

/// Values by name.
pub type Vars = BTreeMap<String, Value>;

/// Reads both; `--var` wins. A value of `--var` is a string and is converted by the variable's type later.
///
/// # Errors
/// What is wrong, with `L024` for a file that is not one JSON object of scalars.
pub fn read(file: Option<&Path>, given: &[String]) -> Result<Vars, String> {
    let mut vars = match file {
        Some(path) => from_file(path)?,
        None => Vars::new(),
    };
    for pair in given {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| format!("--var `{pair}` (expected name=value)"))?;
        vars.insert(name.to_owned(), Value::String(value.to_owned()));
    }
    Ok(vars)
}

fn from_file(path: &Path) -> Result<Vars, String> {
    let shown = path.display();
    let wrong =
        |what: &str| format!("{shown}: error L024: {what} (expected one JSON object of names and scalars)");
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    let Value::Object(entries) = value else { return Err(wrong("not an object")) };
    if let Some((name, _)) = entries.iter().find(|(_, value)| value.is_object() || value.is_array()) {
        return Err(wrong(&format!("\"{name}\" is nested")));
    }
    Ok(entries.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_and_is_never_split() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("v.json");
        std::fs::write(&file, r#"{"a": 1, "b": true}"#).unwrap();
        let vars = read(Some(&file), &["a=x,y=z".to_owned()]).unwrap();
        assert_eq!(vars["a"], "x,y=z");
        assert_eq!(vars["b"], true);
    }

    #[test]
    fn a_nested_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("v.json");
        for text in ["[1]", r#"{"a": {}}"#, "{"] {
            std::fs::write(&file, text).unwrap();
            assert!(read(Some(&file), &[]).unwrap_err().contains("L024"), "{text}");
        }
    }
}

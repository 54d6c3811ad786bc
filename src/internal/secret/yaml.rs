//! YAML as JSON.

use serde_json::{Map, Number, Value as Json};
use yaml_rust2::{Yaml, YamlLoader};

/// The first document of a text. Aliases are resolved by the parser; keys must be scalars.
pub(super) fn parse(text: &str) -> Result<Json, String> {
    let documents = YamlLoader::load_from_str(text).map_err(|e| {
        format!("it is no YAML (line {}, column {})", e.marker().line(), e.marker().col() + 1)
    })?;
    documents.first().map_or(Ok(Json::Null), json)
}

fn json(yaml: &Yaml) -> Result<Json, String> {
    Ok(match yaml {
        Yaml::Null => Json::Null,
        Yaml::Boolean(value) => Json::Bool(*value),
        Yaml::Integer(value) => Json::from(*value),
        // As written: a version `1.10` must not become 1.1, a number too big for a double not null.
        Yaml::Real(text) => {
            let exact = text.parse::<f64>().ok().filter(|value| value.to_string() == *text);
            exact.and_then(Number::from_f64).map_or_else(|| Json::from(text.as_str()), Json::Number)
        }
        Yaml::String(text) => Json::from(text.as_str()),
        Yaml::Array(items) => Json::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        Yaml::Hash(items) => {
            let mut object = Map::new();
            for (key, value) in items {
                object.insert(key_text(key)?, json(value)?);
            }
            Json::Object(object)
        }
        Yaml::Alias(_) | Yaml::BadValue => {
            return Err("it holds an alias or value that cannot be read".to_owned());
        }
    })
}

fn key_text(key: &Yaml) -> Result<String, String> {
    match json(key)? {
        Json::String(text) => Ok(text),
        scalar @ (Json::Bool(_) | Json::Number(_) | Json::Null) => Ok(scalar.to_string()),
        Json::Array(_) | Json::Object(_) => Err("it has a key that is no scalar".to_owned()),
    }
}

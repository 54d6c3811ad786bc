//! Versions of resources.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{ResourceId, VersionId};

/// The content of a version: a JSON object. Two versions are equal when keys and values are, whatever the keys' order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionValue(pub BTreeMap<String, serde_json::Value>);

/// The largest version, as JSON, in bytes.
pub const MAX_VERSION_BYTES: usize = 64 * 1024;

impl VersionValue {
    /// The canonical text: keys sorted, no white space. Equal versions have equal texts.
    pub fn canonical(&self) -> String {
        serde_json::Value::from(self.0.clone().into_iter().collect::<serde_json::Map<_, _>>()).to_string()
    }

    /// The flattened entries: path parts joined with `_`, arrays by index, null as empty, empty containers nothing.
    ///
    /// `{"ref":"a1","meta":{"n":3},"tags":["x"]}` gives `ref=a1 meta_n=3 tags_0=x`.
    pub fn flatten(&self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for (key, value) in &self.0 {
            flatten_into(&mut out, sanitise(key), value);
        }
        out
    }
}

fn sanitise(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

fn flatten_into(out: &mut Vec<(String, String)>, path: String, value: &serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Null => out.push((path, String::new())),
        Value::Bool(flag) => out.push((path, flag.to_string())),
        Value::Number(number) => out.push((path, number_text(number))),
        Value::String(text) => out.push((path, text.clone())),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten_into(out, format!("{path}_{index}"), item);
            }
        }
        Value::Object(items) => {
            for (key, item) in items {
                flatten_into(out, format!("{path}_{}", sanitise(key)), item);
            }
        }
    }
}

/// Integers without decimals or exponent, other numbers in their shortest form.
fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

/// A recorded version.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Its identity and its place in the order.
    pub id: VersionId,
    /// Whose version it is.
    pub resource: ResourceId,
    /// What it says.
    pub value: VersionValue,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattening_follows_the_rule() {
        let value: VersionValue = serde_json::from_str(
            r#"{"ref":"a1","meta":{"n":3,"f":2.0,"e":{}},"tags":["x","y"],"no":null,"a-b":true}"#,
        )
        .unwrap();
        let flat: Vec<String> = value.flatten().into_iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(flat, ["a_b=true", "meta_f=2", "meta_n=3", "no=", "ref=a1", "tags_0=x", "tags_1=y"]);
    }
}

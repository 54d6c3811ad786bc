//! Values as JSON, and JSON as values.

use serde_json::Value as Json;

use super::{Number, Value};

impl Value {
    /// Compact JSON with sorted keys and numbers without exponent. `None` when a secret stands
    /// inside.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        let mut out = String::new();
        self.write_json(&mut out)?;
        Some(out)
    }

    /// The value that a JSON text describes.
    ///
    /// # Errors
    /// The parser's message, with line and column.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let json: Json = serde_json::from_str(text).map_err(|e| e.to_string())?;
        Self::from_json_value(&json)
    }

    /// The value of parsed JSON.
    ///
    /// # Errors
    /// When a number is out of range.
    pub fn from_json_value(json: &Json) -> Result<Self, String> {
        Ok(match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => {
                let text = number.to_string();
                Self::Number(text.parse::<Number>().map_err(|_| format!("number `{text}` is out of range"))?)
            }
            Json::String(text) => Self::text(text.as_str()),
            Json::Array(items) => {
                Self::List(items.iter().map(Self::from_json_value).collect::<Result<_, _>>()?)
            }
            Json::Object(items) => Self::Object(
                items
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), Self::from_json_value(value)?)))
                    .collect::<Result<_, String>>()?,
            ),
        })
    }

    fn write_json(&self, out: &mut String) -> Option<()> {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Text(text) => quote(text.as_literal()?, out),
            Self::List(items) => write_array(items.iter(), out)?,
            Self::Set(items) => write_array(items.iter(), out)?,
            Self::Object(items) => {
                out.push('{');
                for (index, (key, value)) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    quote(key, out);
                    out.push(':');
                    value.write_json(out)?;
                }
                out.push('}');
            }
        }
        Some(())
    }
}

fn write_array<'a>(items: impl Iterator<Item = &'a Value>, out: &mut String) -> Option<()> {
    out.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        item.write_json(out)?;
    }
    out.push(']');
    Some(())
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&Json::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_round() {
        let text = r#"{"a":[1,2.5,true,null],"b":{"c":"x\"y"}}"#;
        assert_eq!(Value::from_json(text).unwrap().to_json().unwrap(), text);
    }

    #[test]
    fn numbers_have_no_exponent_and_keys_are_sorted() {
        let value = Value::from_json(r#"{"b":1e3,"a":0.000001}"#).unwrap();
        assert_eq!(value.to_json().unwrap(), r#"{"a":0.000001,"b":1000}"#);
    }

    #[test]
    fn wrong_json_is_named_with_its_place() {
        assert!(Value::from_json("{").unwrap_err().contains("line 1 column 1"));
    }
}

//! The automatic conversions of the language: a text that spells a number is one where a number
//! is needed, and so on. Everything else is an error that names both kinds.

use std::collections::{BTreeMap, BTreeSet};

use pikoci_model::text::Text;

use super::{Kind, Number, Value};

/// A value cannot stand where another kind is needed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// The kinds have no conversion, or the text does not spell a value of the kind.
    #[error("{} is required, found {}", expected.name(), found)]
    Mismatch {
        /// What is needed.
        expected: Kind,
        /// What was given; for a text without secrets with its beginning.
        found: String,
    },
    /// The text holds a secret, whose characters are not known yet.
    #[error("a secret is not known when the pipeline is saved")]
    Secret,
}

impl Value {
    /// The value as a bool; `"true"` and `"false"` are converted.
    ///
    /// # Errors
    /// When it is neither, or a secret.
    pub fn to_bool(&self) -> Result<bool, ConvertError> {
        match self {
            Self::Bool(value) => Ok(*value),
            Self::Text(text) => match literal(text)? {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(self.mismatch(Kind::Bool)),
            },
            _ => Err(self.mismatch(Kind::Bool)),
        }
    }

    /// The value as a number; a text that spells one is converted.
    ///
    /// # Errors
    /// When it is not a number, or a secret.
    pub fn to_number(&self) -> Result<Number, ConvertError> {
        match self {
            Self::Number(value) => Ok(value.clone()),
            Self::Text(text) => literal(text)?.parse().map_err(|_| self.mismatch(Kind::Number)),
            _ => Err(self.mismatch(Kind::Number)),
        }
    }

    /// The value as text; numbers and bools are converted. Secrets are kept.
    ///
    /// # Errors
    /// When it is null or a collection.
    pub fn to_text(&self) -> Result<Text, ConvertError> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Number(value) => Ok(Text::literal(value.to_string())),
            Self::Bool(value) => Ok(Text::literal(if *value { "true" } else { "false" })),
            Self::Null | Self::List(_) | Self::Set(_) | Self::Object(_) => Err(self.mismatch(Kind::Text)),
        }
    }

    /// The elements of a list or set.
    ///
    /// # Errors
    /// When it is neither.
    pub fn to_list(&self) -> Result<Vec<Value>, ConvertError> {
        match self {
            Self::List(items) => Ok(items.clone()),
            Self::Set(items) => Ok(items.iter().cloned().collect()),
            _ => Err(self.mismatch(Kind::List)),
        }
    }

    /// The distinct elements of a list or set, brought to one kind.
    ///
    /// # Errors
    /// When it is neither, or its elements have no kind in common.
    pub fn to_set(&self) -> Result<BTreeSet<Value>, ConvertError> {
        match self {
            Self::Set(items) => Ok(items.clone()),
            Self::List(items) => Ok(Self::unified(items)?.into_iter().collect()),
            _ => Err(self.mismatch(Kind::Set)),
        }
    }

    /// The entries of an object.
    ///
    /// # Errors
    /// When it is none.
    pub fn to_object(&self) -> Result<&BTreeMap<String, Value>, ConvertError> {
        match self {
            Self::Object(items) => Ok(items),
            _ => Err(self.mismatch(Kind::Object)),
        }
    }

    /// The items brought to one kind, as the elements of a typed list, set or map must be: the
    /// scalars become texts when their kinds differ. Nulls fit everywhere.
    ///
    /// # Errors
    /// When scalars and collections are mixed.
    pub fn unified(items: &[Value]) -> Result<Vec<Value>, ConvertError> {
        let mut kinds = items.iter().filter(|v| !v.is_null()).map(Value::kind);
        let Some(first) = kinds.next() else { return Ok(items.to_vec()) };
        if kinds.all(|kind| kind == first) {
            return Ok(items.to_vec());
        }
        let as_text = |item: &Value| match item {
            Value::Null => Ok(Value::Null),
            other => other.to_text().map(Value::Text),
        };
        items.iter().map(as_text).collect()
    }

    /// The error that says that `expected` was needed where this value was given.
    #[must_use]
    pub fn mismatch(&self, expected: Kind) -> ConvertError {
        let found = match self.as_str() {
            Some(text) if text.chars().count() > 40 => {
                format!("string \"{}…\"", text.chars().take(40).collect::<String>())
            }
            Some(text) => format!("string {text:?}"),
            None => self.kind().name().to_owned(),
        };
        ConvertError::Mismatch { expected, found }
    }
}

fn literal(text: &Text) -> Result<&str, ConvertError> {
    text.as_literal().ok_or(ConvertError::Secret)
}

#[cfg(test)]
mod tests {
    use pikoci_model::text::SecretRef;

    use super::*;

    fn secret() -> Value {
        Value::Text(Text::secret(SecretRef::Fetched {
            secret_type: "vault".into(),
            path: Text::literal("kv/ci"),
            key: Text::literal("token"),
        }))
    }

    #[test]
    fn scalars_convert_where_the_text_spells_them() {
        assert_eq!(Value::text("true").to_bool(), Ok(true));
        assert_eq!(Value::text("5").to_number().unwrap(), 5_i64.into());
        assert_eq!(Value::from(5_i64).to_text(), Ok(Text::literal("5")));
        assert_eq!(Value::from(true).to_text(), Ok(Text::literal("true")));
        assert!(Value::text("yes").to_bool().is_err());
        assert!(Value::from(1_i64).to_bool().is_err());
        assert!(Value::Null.to_text().is_err());
    }

    #[test]
    fn secrets_move_but_are_never_read() {
        assert_eq!(secret().to_text().unwrap().as_literal(), None);
        assert_eq!(secret().to_number(), Err(ConvertError::Secret));
        assert_eq!(secret().to_bool(), Err(ConvertError::Secret));
        assert_eq!(secret().equals(&secret()), None);
        assert!(Value::List(vec![Value::Null, secret()]).contains_secret());
    }

    #[test]
    fn messages_name_what_was_found() {
        let error = Value::text("x").to_number().unwrap_err();
        assert_eq!(error.to_string(), "number is required, found string \"x\"");
        let error = Value::List(vec![]).to_text().unwrap_err();
        assert_eq!(error.to_string(), "string is required, found list");
    }

    #[test]
    fn sets_bring_their_elements_to_one_kind() {
        let mixed = Value::List(vec![Value::from(1_i64), Value::text("1"), Value::text("a")]);
        assert_eq!(mixed.to_set().unwrap(), BTreeSet::from([Value::text("1"), Value::text("a")]));
        assert!(Value::List(vec![Value::from(1_i64), Value::List(vec![])]).to_set().is_err());
    }
}

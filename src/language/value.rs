//! Values of the pipeline language while it is evaluated, and the conversions between them.
//!
//! A text may hold references to secrets: opaque segments that only move. Whatever would look
//! into such a text — a comparison, an arithmetic operation, most functions — refuses it, so a
//! reference reaches the stored pipeline whole or not at all.

mod convert;
mod json;
mod number;

use std::collections::{BTreeMap, BTreeSet};

pub use convert::ConvertError;
pub use number::{Number, NumberError};
use pikoci_model::text::{self, Text};

/// A value. Tuples and lists are one, objects and maps are one: the language has no other use
/// for the difference than the conversions of `tolist`, `tomap` and `toset`, which check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// No value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number of any size.
    Number(Number),
    /// A text, maybe with references to secrets in it.
    Text(Text),
    /// A tuple or list.
    List(Vec<Value>),
    /// Distinct values in order: texts by code point, numbers by value.
    Set(BTreeSet<Value>),
    /// An object or map, by key.
    Object(BTreeMap<String, Value>),
}

/// The kinds of value, as named in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `bool`.
    Bool,
    /// `number`.
    Number,
    /// `string`.
    Text,
    /// `list`.
    List,
    /// `set`.
    Set,
    /// `object`.
    Object,
}

impl Kind {
    /// The word used in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Text => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Object => "object",
        }
    }
}

impl Value {
    /// A text without secrets.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Text::literal(text))
    }

    /// A list of texts without secrets.
    #[must_use]
    pub fn texts<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Self {
        Self::List(items.into_iter().map(Self::text).collect())
    }

    /// What kind of value this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Object(_) => Kind::Object,
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether a reference to a secret stands anywhere inside. Keys of objects never hold one.
    #[must_use]
    pub fn contains_secret(&self) -> bool {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => false,
            Self::Text(text) => text.has_secret(),
            Self::List(items) => items.iter().any(Self::contains_secret),
            Self::Set(items) => items.iter().any(Self::contains_secret),
            Self::Object(items) => items.values().any(Self::contains_secret),
        }
    }

    /// The text, when it is one without secrets.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.as_literal(),
            _ => None,
        }
    }

    /// The elements in iteration order: of a list, of a set, of an object's values.
    #[must_use]
    pub fn elements(&self) -> Option<Vec<&Value>> {
        match self {
            Self::List(items) => Some(items.iter().collect()),
            Self::Set(items) => Some(items.iter().collect()),
            Self::Object(items) => Some(items.values().collect()),
            _ => None,
        }
    }

    /// Equality as the operator `==` means it: values of different kinds are different, a set
    /// is never equal to a list. `None` when a secret would have to be compared.
    #[must_use]
    pub fn equals(&self, other: &Self) -> Option<bool> {
        (!self.contains_secret() && !other.contains_secret()).then(|| self == other)
    }
}

impl Value {
    /// The value as an attribute of the compiled pipeline; `None` for null, which means absent.
    #[must_use]
    pub fn to_attribute(&self) -> Option<text::Value> {
        match self {
            Self::Null => None,
            Self::Bool(_) | Self::Number(_) | Self::Text(_) => self.to_text().ok().map(text::Value::Scalar),
            Self::List(_) | Self::Set(_) | Self::Object(_) => Some(self.to_element()),
        }
    }

    /// The value inside a list or object of the compiled pipeline.
    fn to_element(&self) -> text::Value {
        match self {
            Self::Null => text::Value::Bare("null".to_owned()),
            Self::Bool(value) => text::Value::Bare(value.to_string()),
            Self::Number(value) => text::Value::Bare(value.to_string()),
            Self::Text(value) => text::Value::Scalar(value.clone()),
            Self::List(items) => text::Value::List(items.iter().map(Self::to_element).collect()),
            Self::Set(items) => text::Value::List(items.iter().map(Self::to_element).collect()),
            Self::Object(items) => {
                text::Value::Map(items.iter().map(|(key, value)| (key.clone(), value.to_element())).collect())
            }
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Number(value.into())
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::text(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::text(value)
    }
}

impl From<Text> for Value {
    fn from(value: Text) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(items)
    }
}

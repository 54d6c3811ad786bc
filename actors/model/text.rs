//! Text that may hold secrets without ever showing them.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// A string of the compiled pipeline: literal text with references to secrets between.
///
/// A secret is a structured reference, never a marker inside the text, so no user's string can be mistaken for one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "TextForm", into = "TextForm")]
pub struct Text {
    segments: Vec<Segment>,
}

/// One piece of a [`Text`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Shown as it is.
    Literal(String),
    /// Replaced by the worker, in memory, for one work item.
    Secret(Box<SecretRef>),
}

/// Where a secret's value comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum SecretRef {
    /// Fetched by a secret type; `path` may itself hold secrets (layers).
    Fetched {
        /// Label of the secret type.
        secret_type: String,
        /// What is asked for; empty where the type needs none.
        path: Text,
        /// Which value of the answer is meant.
        key: Text,
    },
    /// Given by a person for the secret-backed variable of this name.
    Given {
        /// Name of the variable.
        variable: String,
    },
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetched { secret_type, path, key } => write!(f, "(secret {secret_type}:{path}#{key})"),
            Self::Given { variable } => write!(f, "(secret var.{variable})"),
        }
    }
}

impl Text {
    /// Text without secrets.
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { segments: if text.is_empty() { Vec::new() } else { vec![Segment::Literal(text)] } }
    }

    /// Nothing but one secret.
    pub fn secret(reference: SecretRef) -> Self {
        Self { segments: vec![Segment::Secret(Box::new(reference))] }
    }

    /// The pieces in order. Neighbouring literals are always joined and none is empty.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Appends one piece.
    pub fn push(&mut self, segment: Segment) {
        match (self.segments.last_mut(), segment) {
            (_, Segment::Literal(text)) if text.is_empty() => {}
            (Some(Segment::Literal(last)), Segment::Literal(text)) => last.push_str(&text),
            (_, segment) => self.segments.push(segment),
        }
    }

    /// Appends another text.
    pub fn append(&mut self, other: Self) {
        other.segments.into_iter().for_each(|segment| self.push(segment));
    }

    /// The whole text, if no secret is in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [] => Some(""),
            [Segment::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether a secret is in it.
    pub fn has_secret(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Secret(_)))
    }

    /// The secrets in it, in order of appearance.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Secret(reference) => Some(reference.as_ref()),
        })
    }

    /// The text with each secret replaced by what `lookup` gives for it.
    ///
    /// # Errors
    /// The first reference that `lookup` does not know.
    pub fn resolve<'a>(
        &'a self,
        lookup: impl Fn(&SecretRef) -> Option<&'a str>,
    ) -> Result<String, &'a SecretRef> {
        let mut out = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::Secret(reference) => out.push_str(lookup(reference).ok_or(reference.as_ref())?),
            }
        }
        Ok(out)
    }
}

/// Secrets appear as `(secret vault:kv/ci#token)`, never resolved.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| match segment {
            Segment::Literal(text) => f.write_str(text),
            Segment::Secret(reference) => reference.fmt(f),
        })
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::literal(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::literal(text)
    }
}

/// On the wire and at rest a text without secrets is a plain string.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum TextForm {
    Plain(String),
    Segments(Vec<Segment>),
}

impl From<TextForm> for Text {
    fn from(form: TextForm) -> Self {
        match form {
            TextForm::Plain(text) => Self::literal(text),
            TextForm::Segments(segments) => {
                let mut text = Self::default();
                segments.into_iter().for_each(|segment| text.push(segment));
                text
            }
        }
    }
}

impl From<Text> for TextForm {
    fn from(text: Text) -> Self {
        match text.as_literal() {
            Some(literal) => Self::Plain(literal.to_owned()),
            None => Self::Segments(text.segments),
        }
    }
}

/// An attribute's value: a scalar, or a list or object that becomes compact JSON after its secrets are known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A string, or a number or boolean as text.
    Scalar(Text),
    /// A number or a boolean inside a list or object, kept so that its JSON has no quotes.
    Bare(String),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// All secrets in it.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Self::Scalar(text) => text.secrets().collect(),
            Self::Bare(_) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::secrets).collect(),
            Self::Map(items) => items.values().flat_map(Self::secrets).collect(),
        }
    }
}

/// A resolved secret. It shows as `***` wherever it is printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretValue(String);

impl SecretValue {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself; the only way to it, so that uses can be found.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> SecretRef {
        SecretRef::Fetched { secret_type: "vault".into(), path: "kv/ci".into(), key: "token".into() }
    }

    #[test]
    fn plain_text_is_a_plain_string_on_the_wire() {
        assert_eq!(serde_json::to_string(&Text::literal("a")).unwrap(), "\"a\"");
        let mut text = Text::literal("Bearer ");
        text.append(Text::secret(token()));
        let wire = serde_json::to_string(&text).unwrap();
        assert_eq!(serde_json::from_str::<Text>(&wire).unwrap(), text);
        assert_eq!(text.to_string(), "Bearer (secret vault:kv/ci#token)");
        assert_eq!(text.resolve(|_| Some("x")).unwrap(), "Bearer x");
        assert_eq!(text.resolve(|_| None), Err(&token()));
    }

    #[test]
    fn a_secret_value_never_prints() {
        assert_eq!(format!("{:?}", SecretValue::new("hunter2")), "***");
    }
}

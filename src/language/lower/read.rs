//! Attributes as values of the type that is needed.

use std::collections::BTreeMap;
use std::time::Duration;

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Attribute, Body};
use pikoci_model::text::{self, Text};

use super::Name;
use crate::diagnostic::{Code, Diagnostic};
use crate::duration;
use crate::evaluate::{Evaluator, Scope};
use crate::parse::Document;
use crate::source::Span;
use crate::value::{ConvertError, Value};

/// Reads the attributes of one file. What is wrong is reported; `None` means that there is no usable value, be it that the
/// attribute is absent, null or wrong.
pub struct Reader<'a> {
    /// The file.
    pub document: &'a Document,
    /// What names mean in it.
    pub scope: &'a Scope<'a>,
    /// Where findings go.
    pub findings: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    /// Reports a finding.
    pub fn push(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// A finding in this file.
    pub fn finding(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, self.document.source(), span, message)
    }

    /// The place of an attribute's value.
    pub fn value_span(&self, attribute: &Attribute) -> Span {
        self.document.span(&attribute.value)
    }

    /// The value of an attribute.
    pub fn value(&mut self, attribute: &Attribute) -> Option<Value> {
        self.expression(&attribute.value)
    }

    fn expression(&mut self, expression: &Expression) -> Option<Value> {
        let value = Evaluator::new(self.document, self.scope, self.findings).value(expression)?;
        (!value.is_null()).then_some(value)
    }

    /// Text in which secrets may stand.
    pub fn text(&mut self, body: &Body, name: &str) -> Option<Text> {
        let attribute = body.get_attribute(name)?;
        let value = self.value(attribute)?;
        let span = self.value_span(attribute);
        let converted = value.to_text();
        self.fits(converted, name, "a string", &value, span)
    }

    /// Text without secrets.
    pub fn plain(&mut self, body: &Body, name: &str) -> Option<Name> {
        let attribute = body.get_attribute(name)?;
        let span = self.value_span(attribute);
        let text = self.text(body, name)?;
        self.without_secret(&text, name, span)
    }

    fn without_secret(&mut self, text: &Text, name: &str, span: Span) -> Option<Name> {
        match text.as_literal() {
            Some(text) => Some(Name { text: text.to_owned(), span }),
            None => {
                self.refuse_secret(name, span);
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, body: &Body, name: &str) -> Option<bool> {
        let attribute = body.get_attribute(name)?;
        let value = self.value(attribute)?;
        let span = self.value_span(attribute);
        let converted = value.to_bool();
        self.fits(converted, name, "true or false", &value, span)
    }

    /// A whole number.
    pub fn integer(&mut self, body: &Body, name: &str) -> Option<(i64, Span)> {
        let attribute = body.get_attribute(name)?;
        let value = self.value(attribute)?;
        let span = self.value_span(attribute);
        let converted = value.to_number();
        let number = self.fits(converted, name, "a number", &value, span.clone())?;
        match number.to_i64() {
            Some(number) => Some((number, span)),
            None => {
                let message = format!("\"{name}\" must be a whole number");
                self.push(self.finding(Code::AttributeType, span, message));
                None
            }
        }
    }

    /// A duration; zero included.
    pub fn duration(&mut self, body: &Body, name: &str) -> Option<(Duration, Span)> {
        let text = self.plain(body, name)?;
        match duration::parse(&text.text) {
            Ok(duration) => Some((duration, text.span)),
            Err(error) => {
                let message = format!("\"{name}\": {error}");
                self.push(self.finding(Code::Duration, text.span, message));
                None
            }
        }
    }

    /// A time limit: zero means none.
    pub fn limit(&mut self, body: &Body, name: &str) -> Option<Duration> {
        self.duration(body, name).map(|(duration, _)| duration).filter(|duration| !duration.is_zero())
    }

    /// A list of texts without secrets, each with its place.
    pub fn names(&mut self, body: &Body, name: &str) -> Option<Vec<Name>> {
        let elements = self.elements(body, name)?;
        let mut names = Vec::with_capacity(elements.len());
        for (value, span) in elements {
            let converted = value.to_text();
            let text = self.fits(converted, name, "a list of strings", &value, span.clone());
            names.extend(text.and_then(|text| self.without_secret(&text, name, span)));
        }
        Some(names)
    }

    /// A list of texts; numbers and booleans are converted, nulls dropped.
    pub fn texts(&mut self, body: &Body, name: &str) -> Option<Vec<(Text, Span)>> {
        let elements = self.elements(body, name)?;
        let mut texts = Vec::with_capacity(elements.len());
        for (value, span) in elements {
            let converted = value.to_text();
            let text = self.fits(converted, name, "a list of strings", &value, span.clone());
            texts.extend(text.map(|text| (text, span)));
        }
        Some(texts)
    }

    /// The elements of a list that are not null, each with its place where the list is written out.
    fn elements(&mut self, body: &Body, name: &str) -> Option<Vec<(Value, Span)>> {
        let attribute = body.get_attribute(name)?;
        if let Expression::Array(array) = &attribute.value {
            let mut elements = Vec::with_capacity(array.len());
            for element in array {
                let value = self.expression(element);
                elements.extend(value.map(|value| (value, self.document.span(element))));
            }
            return Some(elements);
        }
        let value = self.value(attribute)?;
        let span = self.value_span(attribute);
        let converted = value.to_list();
        let items = self.fits(converted, name, "a list of strings", &value, span.clone())?;
        Some(items.into_iter().filter(|item| !item.is_null()).map(|item| (item, span.clone())).collect())
    }

    /// A map of texts.
    pub fn text_map(&mut self, body: &Body, name: &str) -> BTreeMap<String, Text> {
        let Some(attribute) = body.get_attribute(name) else { return BTreeMap::new() };
        let Some(value) = self.value(attribute) else { return BTreeMap::new() };
        let span = self.value_span(attribute);
        let converted = value.to_object().cloned();
        let Some(entries) = self.fits(converted, name, "a map of strings", &value, span.clone()) else {
            return BTreeMap::new();
        };
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            if value.is_null() {
                continue;
            }
            let converted = value.to_text();
            let text = self.fits(converted, name, "a map of strings", &value, span.clone());
            map.extend(text.map(|text| (key, text)));
        }
        map
    }

    /// All attributes of a block but the named ones, with their places.
    pub fn free(&mut self, body: &Body, except: &[&str]) -> Vec<FreeAttribute> {
        let mut free = Vec::new();
        for attribute in body.attributes() {
            let name = attribute.key.as_str();
            if except.contains(&name) {
                continue;
            }
            let Some(value) = self.value(attribute) else { continue };
            free.extend(value.to_attribute().map(|value| FreeAttribute {
                name: Name { text: name.to_owned(), span: self.document.span(&attribute.key) },
                value,
                span: self.value_span(attribute),
            }));
        }
        free
    }

    /// The value, or a report of what was needed instead.
    fn fits<T>(
        &mut self,
        converted: Result<T, ConvertError>,
        name: &str,
        wanted: &str,
        value: &Value,
        span: Span,
    ) -> Option<T> {
        match converted {
            Ok(fitting) => Some(fitting),
            Err(ConvertError::Secret) => {
                self.refuse_secret(name, span);
                None
            }
            Err(ConvertError::Mismatch { .. }) => {
                let message = format!("\"{name}\" must be {wanted}, found {}", value.kind().name());
                self.push(self.finding(Code::AttributeType, span, message));
                None
            }
        }
    }

    fn refuse_secret(&mut self, name: &str, span: Span) {
        let message =
            format!("a secret cannot stand in \"{name}\": its value is not known when the pipeline is saved");
        let finding = self.finding(Code::SecretNotAllowed, span, message);
        self.push(finding);
    }
}

/// An attribute whose name the language does not prescribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeAttribute {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: text::Value,
    /// Where the value stands.
    pub span: Span,
}

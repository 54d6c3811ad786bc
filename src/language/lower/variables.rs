//! Variables: their types, defaults, given values and secrets.

mod given;
mod order;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hcl_edit::expr::Expression;
use hcl_edit::structure::Block;
use pikoci_model::pipeline::Variable;
use pikoci_model::text::{SecretRef, SecretValue, Text};

pub use given::parse_vars;

use super::{Declarations, Declared, Name, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::evaluate::{Budget, Scope, VariableAccess};
use crate::parse::Document;
use crate::value::{Kind, Value};

/// Values that a person gave, by name.
pub type Given = BTreeMap<String, serde_json::Value>;

/// What came of the variables.
#[derive(Debug, Default)]
pub struct Variables {
    /// For the model.
    pub declared: Vec<Variable>,
    /// For `var`; `None` is a variable without usable value, which was reported.
    pub values: BTreeMap<String, Option<Value>>,
    /// Given values of secret-backed variables.
    pub given_secrets: BTreeMap<String, SecretValue>,
    /// Labels of secret types that variables name, with the place of the first.
    pub secret_types: Vec<Name>,
}

/// The types a variable can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VariableType {
    String,
    Number,
    Bool,
}

impl VariableType {
    const ALL: [(&'static str, VariableType); 3] =
        [("string", VariableType::String), ("number", VariableType::Number), ("bool", VariableType::Bool)];

    fn word(self) -> &'static str {
        match self {
            VariableType::String => "string",
            VariableType::Number => "number",
            VariableType::Bool => "bool",
        }
    }

    /// The value as this type, if it can be one.
    fn convert(self, value: &Value) -> Option<Value> {
        match self {
            VariableType::String => value.to_text().ok().map(Value::Text),
            VariableType::Number => value.to_number().ok().map(Value::Number),
            VariableType::Bool => value.to_bool().ok().map(Value::Bool),
        }
    }
}

/// Evaluates all variables: first those that stand for themselves, then the secret ones in the order of their needs.
pub fn evaluate(
    document: &Document,
    declarations: &Declarations<'_>,
    given: &Given,
    lenient: bool,
    now: DateTime<Utc>,
    budget: &Budget,
    findings: &mut Vec<Diagnostic>,
) -> Variables {
    given::check_undeclared(document, declarations, given, lenient, findings);
    let mut variables = Variables::default();
    let constant = Scope { variables: VariableAccess::Constant, now, budget };
    let mut secret: Vec<&Declared<'_>> = Vec::new();
    for declared in &declarations.variables {
        let mut reader = Reader { document, scope: &constant, findings };
        let plain = Plain::read(&mut reader, declared);
        if let (Some(_), Some(other)) =
            (plain.secret, plain.kind.filter(|kind| *kind != VariableType::String))
        {
            let message = format!(
                "variable \"{}\" is a {}, but a secret is a string",
                declared.name.text,
                other.word()
            );
            let finding = reader.finding(Code::SecretOnNonString, declared.name.span.clone(), message);
            reader.push(finding);
        }
        let kind = plain.kind.unwrap_or(VariableType::String);
        variables.declared.push(Variable {
            name: declared.name.text.clone(),
            kind: kind.word().to_owned(),
            description: plain.description,
            secret: plain.secret.is_some(),
        });
        let explicit =
            given.get(&declared.name.text).map(|value| given::convert(&mut reader, declared, kind, value));
        let value = match (explicit, plain.secret) {
            (Some(value), None) => value,
            (Some(value), Some(_)) => variables.keep_given_secret(&declared.name.text, value),
            (None, Some(_)) => {
                secret.push(declared);
                continue;
            }
            (None, None) => plain.default.unwrap_or_else(|| no_value(&mut reader, declared)),
        };
        variables.values.insert(declared.name.text.clone(), value);
    }
    order::secrets(document, declarations, &secret, &constant, &mut variables, findings);
    variables
}

impl Variables {
    /// A given value of a secret-backed variable is a secret as well.
    fn keep_given_secret(&mut self, name: &str, value: Option<Value>) -> Option<Value> {
        let value = value?;
        let text = value.as_str()?;
        self.given_secrets.insert(name.to_owned(), SecretValue::new(text));
        Some(Value::Text(Text::secret(SecretRef::Given { variable: name.to_owned() })))
    }
}

fn no_value(reader: &mut Reader<'_>, declared: &Declared<'_>) -> Option<Value> {
    let name = &declared.name.text;
    let finding = reader
        .finding(Code::NoValue, declared.name.span.clone(), format!("no value for variable \"{name}\""))
        .hint(format!("give one with `--var {name}=…`, or add a \"default\" or a \"secret\" block"));
    reader.push(finding);
    None
}

/// What a variable block says, but for its secret.
struct Plain<'a> {
    kind: Option<VariableType>,
    /// `Some(None)` is a default that is wrong.
    default: Option<Option<Value>>,
    description: String,
    secret: Option<&'a Block>,
}

impl<'a> Plain<'a> {
    fn read(reader: &mut Reader<'_>, declared: &Declared<'a>) -> Plain<'a> {
        let body = &declared.block.body;
        let secret = body.blocks().find(|block| block.ident.as_str() == "secret");
        let written = body.get_attribute("type").map(|attribute| read_type(reader, &attribute.value));
        let default = body.get_attribute("default").map(|attribute| reader.value(attribute));
        let kind = match (&written, &default) {
            (Some(kind), _) => *kind,
            (None, Some(Some(value))) => match value.kind() {
                Kind::Number => Some(VariableType::Number),
                Kind::Bool => Some(VariableType::Bool),
                _ => Some(VariableType::String),
            },
            (None, _) => None,
        };
        let default = default.map(|value| fit_default(reader, declared, kind, value));
        let description = reader.plain(body, "description").map(|text| text.text).unwrap_or_default();
        Plain { kind, default, description, secret }
    }
}

/// The type is a bare word, or that word in quotes.
fn read_type(reader: &mut Reader<'_>, expression: &Expression) -> Option<VariableType> {
    let word = match expression {
        Expression::Variable(word) => Some(word.as_str()),
        Expression::String(word) => Some(word.value().as_str()),
        _ => None,
    };
    let found = word.and_then(|word| VariableType::ALL.into_iter().find(|(name, _)| *name == word));
    if found.is_none() {
        let span = reader.document.span(expression);
        let finding = reader
            .finding(Code::VariableType, span, "the type of a variable is `string`, `number` or `bool`")
            .suggest(word.unwrap_or(""), VariableType::ALL.iter().map(|(name, _)| *name));
        reader.push(finding);
    }
    found.map(|(_, kind)| kind)
}

fn fit_default(
    reader: &mut Reader<'_>,
    declared: &Declared<'_>,
    kind: Option<VariableType>,
    value: Option<Value>,
) -> Option<Value> {
    let value = value?;
    let kind = kind?;
    let converted = kind.convert(&value);
    if let (None, Some(attribute)) = (&converted, declared.block.body.get_attribute("default")) {
        let name = &declared.name.text;
        let message = format!(
            "the default of variable \"{name}\" must be a {}, found {}",
            kind.word(),
            value.kind().name()
        );
        let span = reader.value_span(attribute);
        let finding = reader.finding(Code::AttributeType, span, message);
        reader.push(finding);
    }
    converted
}

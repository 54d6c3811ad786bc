//! Values that a person gives for variables.

use pikoci_model::diagnostic::Diagnostic as LocatedDiagnostic;
use serde_json::Value as Json;

use super::{Declarations, Declared, Given, Reader, VariableType};
use crate::diagnostic::{Code, Diagnostic};
use crate::parse::Document;
use crate::source::SourceText;
use crate::value::Value;

/// Reads a vars file: a JSON object of scalars.
///
/// # Errors
/// Says what the file holds instead.
pub fn parse_vars(file: &str, text: &str) -> Result<Given, Vec<LocatedDiagnostic>> {
    let source = SourceText::new(file, text);
    let refuse = |message: String| {
        let hint = "write a JSON object such as `{\"channel\": \"stable\", \"replicas\": 3}`";
        vec![Diagnostic::new(Code::VarsFile, &source, 0..0, message).hint(hint).located()]
    };
    match serde_json::from_str::<Json>(source.text()) {
        Ok(Json::Object(entries)) => {
            let nested: Vec<_> = entries
                .iter()
                .filter(|(_, value)| is_nested(value))
                .flat_map(|(name, _)| {
                    refuse(format!("the value of variable \"{name}\" is neither string, number nor bool"))
                })
                .collect();
            if nested.is_empty() { Ok(entries.into_iter().collect()) } else { Err(nested) }
        }
        Ok(_) => Err(refuse("the vars file is not an object".to_owned())),
        Err(error) => Err(refuse(format!("the vars file is not JSON: {error}"))),
    }
}

fn is_nested(value: &Json) -> bool {
    matches!(value, Json::Array(_) | Json::Object(_) | Json::Null)
}

/// Reports values for variables that do not exist.
pub(super) fn check_undeclared(
    document: &Document,
    declarations: &Declarations<'_>,
    given: &Given,
    lenient: bool,
    findings: &mut Vec<Diagnostic>,
) {
    let names = || declarations.variables.iter().map(|declared| declared.name.text.as_str());
    for name in given.keys() {
        if names().any(|declared| declared == name) {
            continue;
        }
        let message = format!("a value is given for variable \"{name}\", which is not declared");
        let finding =
            Diagnostic::new(Code::UndeclaredValue, document.source(), 0..0, message).suggest(name, names());
        findings.push(if lenient { finding.into_warning() } else { finding });
    }
}

/// A given value as the variable's type. The message names both types, never the value.
pub(super) fn convert(
    reader: &mut Reader<'_>,
    declared: &Declared<'_>,
    kind: VariableType,
    given: &Json,
) -> Option<Value> {
    let name = &declared.name.text;
    let span = declared.name.span.clone();
    if is_nested(given) {
        let message = format!("the value given for variable \"{name}\" is neither string, number nor bool");
        let finding = reader.finding(Code::VarsFile, span, message);
        reader.push(finding);
        return None;
    }
    let value = Value::from_json_value(given).ok();
    let converted = value.as_ref().and_then(|value| kind.convert(value));
    if converted.is_none() {
        let found = value.map_or("number out of range", |value| value.kind().name());
        let message = format!(
            "the value given for variable \"{name}\" must be a {}, found a {found} that cannot be converted",
            kind.word()
        );
        let finding = reader.finding(Code::ValueType, span, message);
        reader.push(finding);
    }
    converted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vars_file_is_a_flat_object() {
        let given = parse_vars("vars.json", r#"{"a": "x", "b": 2, "c": true}"#).unwrap();
        assert_eq!(given.len(), 3);
        for text in ["[1]", "{", "{\"a\": {}}", "{\"a\": null}"] {
            let errors = parse_vars("vars.json", text).unwrap_err();
            assert!(errors.iter().all(|error| error.code == "L024"), "{text}");
        }
    }
}

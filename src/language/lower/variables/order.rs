//! Secret-backed variables in the order of their needs.
//!
//! The path and key of a secret may hold other variables, secret ones too, and so may the connection of its secret type:
//! they are fetched layer by layer. A circle is found here.

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::structure::{Block, Body};
use hcl_edit::visit::{self, Visit};
use pikoci_model::text::{SecretRef, Text};

use super::{Declarations, Declared, Reader, Variables};
use crate::diagnostic::{Code, Diagnostic};
use crate::evaluate::{Scope, VariableAccess};
use crate::lower::{Name, TypeKind};
use crate::parse::Document;
use crate::value::Value;

/// Secret types that work without a path.
const WITHOUT_PATH: [&str; 3] = ["pikoci", "env", "file"];

/// Evaluates the secret-backed variables to which no value was given.
pub(super) fn secrets(
    document: &Document,
    declarations: &Declarations<'_>,
    secret: &[&Declared<'_>],
    surroundings: &Scope<'_>,
    variables: &mut Variables,
    findings: &mut Vec<Diagnostic>,
) {
    let needs: BTreeMap<&str, BTreeSet<String>> = secret
        .iter()
        .map(|declared| (declared.name.text.as_str(), needs_of(declarations, declared)))
        .collect();
    let mut waiting: Vec<&Declared<'_>> = secret.to_vec();
    while !waiting.is_empty() {
        let names: BTreeSet<&str> = waiting.iter().map(|other| other.name.text.as_str()).collect();
        let is_ready = |declared: &Declared<'_>| {
            needs
                .get(declared.name.text.as_str())
                .is_none_or(|needs| !needs.iter().any(|need| names.contains(need.as_str())))
        };
        let (ready, rest): (Vec<_>, Vec<_>) =
            waiting.iter().copied().partition(|declared| is_ready(declared));
        if ready.is_empty() {
            report_cycles(document, &rest, &needs, findings);
            variables.values.extend(rest.iter().map(|declared| (declared.name.text.clone(), None)));
            return;
        }
        for declared in ready {
            let value = {
                let scope = Scope { variables: VariableAccess::Known(&variables.values), ..*surroundings };
                let mut reader = Reader { document, scope: &scope, findings };
                reference(&mut reader, declared, &mut variables.secret_types)
            };
            variables.values.insert(declared.name.text.clone(), value);
        }
        waiting = rest;
    }
}

/// The reference that stands for the variable's value.
fn reference(
    reader: &mut Reader<'_>,
    declared: &Declared<'_>,
    secret_types: &mut Vec<Name>,
) -> Option<Value> {
    let block = secret_block(declared)?;
    let label = Name::label(reader.document, block, 0)?;
    let path = reader.text(&block.body, "path");
    let key = reader.text(&block.body, "key");
    let has = |name: &str| block.body.has_attribute(name);
    let span = reader.document.span(&block.ident);
    if !has("key") {
        let message = format!("the secret of variable \"{}\" needs a \"key\"", declared.name.text);
        let finding = reader.finding(Code::SecretWithoutKey, span.clone(), message);
        reader.push(finding);
    }
    if !has("path") && !WITHOUT_PATH.contains(&label.text.as_str()) {
        let message = format!("the secret of variable \"{}\" needs a \"path\"", declared.name.text);
        let finding = reader.finding(Code::MissingAttribute, span, message);
        reader.push(finding);
    }
    let secret_type = label.text.clone();
    secret_types.push(label);
    let path = if has("path") { path? } else { Text::default() };
    Some(Value::Text(Text::secret(SecretRef::Fetched { secret_type, path, key: key? })))
}

fn secret_block<'a>(declared: &Declared<'a>) -> Option<&'a Block> {
    declared.block.body.blocks().find(|block| block.ident.as_str() == "secret")
}

/// The variables that a secret needs: those in its block, and those in the declaration of its type.
fn needs_of(declarations: &Declarations<'_>, declared: &Declared<'_>) -> BTreeSet<String> {
    let Some(block) = secret_block(declared) else { return BTreeSet::new() };
    let mut mentions = Mentions::default();
    mentions.visit_body(&block.body);
    let label = block.labels.first().map_or("", |label| label.as_str());
    for (kind, declared) in &declarations.types {
        if *kind == TypeKind::Secret && declared.name.text == label {
            mentions.visit_attributes(&declared.block.body);
        }
    }
    mentions.names
}

/// Collects the names after `var.`.
#[derive(Default)]
struct Mentions {
    names: BTreeSet<String>,
}

impl Mentions {
    fn visit_attributes(&mut self, body: &Body) {
        for attribute in body.attributes() {
            self.visit_attr(attribute);
        }
    }
}

impl Visit for Mentions {
    fn visit_traversal(&mut self, traversal: &Traversal) {
        if let (Expression::Variable(root), Some(first)) = (&traversal.expr, traversal.operators.first())
            && root.as_str() == "var"
        {
            match first.value() {
                TraversalOperator::GetAttr(name) => {
                    self.names.insert(name.as_str().to_owned());
                }
                TraversalOperator::Index(Expression::String(name)) => {
                    self.names.insert(name.value().to_string());
                }
                _ => {}
            }
        }
        visit::visit_traversal(self, traversal);
    }
}

/// Reports each circle once, at the variable of it that stands first in the file.
fn report_cycles(
    document: &Document,
    waiting: &[&Declared<'_>],
    needs: &BTreeMap<&str, BTreeSet<String>>,
    findings: &mut Vec<Diagnostic>,
) {
    let mut reported: BTreeSet<String> = BTreeSet::new();
    for declared in waiting {
        let start = declared.name.text.as_str();
        if reported.contains(start) {
            continue;
        }
        let Some(chain) = chain(start, needs) else { continue };
        reported.extend(chain.iter().map(|name| (*name).to_owned()));
        let message = format!("secret variables need each other: {}", chain_text(&chain));
        findings.push(Diagnostic::new(
            Code::SecretCycle,
            document.source(),
            declared.name.span.clone(),
            message,
        ));
    }
}

/// A way from a variable back to itself.
fn chain<'a>(start: &'a str, needs: &'a BTreeMap<&str, BTreeSet<String>>) -> Option<Vec<&'a str>> {
    let mut paths: Vec<Vec<&str>> = vec![vec![start]];
    let mut visited: BTreeSet<&str> = BTreeSet::new();
    while let Some(path) = paths.pop() {
        let last = path.last()?;
        for need in needs.get(last).into_iter().flatten() {
            if need == start {
                return Some(path);
            }
            if visited.insert(need) {
                paths.push(path.iter().copied().chain([need.as_str()]).collect());
            }
        }
    }
    None
}

fn chain_text(chain: &[&str]) -> String {
    let circle = chain.iter().chain(chain.first()).map(|name| format!("\"{name}\""));
    circle.collect::<Vec<_>>().join(" -> ")
}

//! `var.name`, attributes, indices and splats.

use hcl_edit::Decorated;
use hcl_edit::expr::{Expression, Traversal, TraversalOperator};

use super::{Evaluator, VariableAccess};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::value::{Kind, Number, Value};

type Operators<'o> = &'o [Decorated<TraversalOperator>];

impl Evaluator<'_> {
    pub(super) fn traversal(&mut self, traversal: &Traversal) -> Option<Value> {
        let mut operators: Operators<'_> = &traversal.operators;
        let root = match &traversal.expr {
            Expression::Variable(name) if name.as_str() == "var" && !self.is_local("var") => {
                let (first, rest) = operators.split_first()?;
                operators = rest;
                self.variable(first)?
            }
            other => self.expression(other)?,
        };
        self.walk(root, operators)
    }

    fn is_local(&self, name: &str) -> bool {
        self.locals.iter().any(|(local, _)| local == name)
    }

    fn variable(&mut self, operator: &Decorated<TraversalOperator>) -> Option<Value> {
        let (name, span) = match operator.value() {
            TraversalOperator::GetAttr(name) => (name.as_str().to_owned(), self.span(name)),
            TraversalOperator::Index(index) => (self.key(index)?, self.span(index)),
            _ => return self.name("var", self.span(operator)),
        };
        let source = self.document.source();
        match self.scope.variables {
            VariableAccess::Known(variables) => match variables.get(&name) {
                Some(value) => value.clone(),
                None => {
                    let message = format!("variable \"{name}\" is not declared");
                    let finding = Diagnostic::new(Code::UnknownVariable, source, span, message)
                        .suggest(&name, variables.keys().map(String::as_str));
                    let finding = match finding.suggestion {
                        None => finding.hint(format!("declare it: `variable \"{name}\" {{}}`")),
                        Some(_) => finding,
                    };
                    self.push(finding);
                    None
                }
            },
            VariableAccess::Constant => {
                let message = format!("a default must be constant, but it refers to variable \"{name}\"");
                self.report(Code::DefaultNotConstant, span, message)
            }
            VariableAccess::Foreign => {
                let finding = Diagnostic::new(
                    Code::VariableInSource,
                    source,
                    span,
                    format!("variable \"{name}\" is not available in a fetched definition"),
                );
                self.push(finding.hint("declare a param, and use `$param_<name>` in the commands"));
                None
            }
        }
    }

    fn walk(&mut self, value: Value, operators: Operators<'_>) -> Option<Value> {
        let Some((operator, rest)) = operators.split_first() else { return Some(value) };
        let span = self.operator_span(operator);
        match operator.value() {
            TraversalOperator::GetAttr(name) => {
                let next = self.attribute(&value, name.as_str(), span)?;
                self.walk(next, rest)
            }
            TraversalOperator::LegacyIndex(index) => {
                let index = usize::try_from(*index.value()).unwrap_or(usize::MAX);
                let next = self.element(&value, &Value::from(index), span)?;
                self.walk(next, rest)
            }
            TraversalOperator::Index(index) => {
                let index = self.expression(index)?;
                let next = self.element(&value, &index, span)?;
                self.walk(next, rest)
            }
            TraversalOperator::FullSplat(_) => self.splat(value, rest),
            TraversalOperator::AttrSplat(_) => {
                let attributes = rest
                    .iter()
                    .take_while(|next| matches!(next.value(), TraversalOperator::GetAttr(_)))
                    .count();
                let (each, after) = rest.split_at(attributes);
                let list = self.splat(value, each)?;
                self.walk(list, after)
            }
        }
    }

    /// The operators of the rest go on each element; what is no collection counts as a list of itself.
    fn splat(&mut self, value: Value, each: Operators<'_>) -> Option<Value> {
        let items = match value {
            Value::Null => Vec::new(),
            Value::List(items) => items,
            Value::Set(items) => items.into_iter().collect(),
            other => vec![other],
        };
        items.into_iter().map(|item| self.walk(item, each)).collect::<Option<Vec<Value>>>().map(Value::List)
    }

    fn attribute(&mut self, value: &Value, name: &str, span: Span) -> Option<Value> {
        let Value::Object(entries) = value else {
            let message = format!("a {} has no attribute \"{name}\"", value.kind().name());
            return self.report(Code::BadCall, span, message);
        };
        if let Some(found) = entries.get(name) {
            return Some(found.clone());
        }
        let message = format!("the object has no attribute \"{name}\"");
        let finding = Diagnostic::new(Code::BadCall, self.document.source(), span, message)
            .suggest(name, entries.keys().map(String::as_str));
        self.push(finding);
        None
    }

    fn element(&mut self, value: &Value, index: &Value, span: Span) -> Option<Value> {
        match value {
            Value::List(items) => {
                let number = match index.to_number() {
                    Ok(number) => number,
                    Err(error) => {
                        self.refuse_conversion(&error, index, span);
                        return None;
                    }
                };
                match position(&number).and_then(|position| items.get(position)) {
                    Some(item) => Some(item.clone()),
                    None => {
                        let message =
                            format!("the list has {} elements, there is none at this index", items.len());
                        self.report(Code::FunctionFailed, span, message)
                    }
                }
            }
            Value::Object(_) => match index.to_text() {
                Ok(text) => match text.as_literal() {
                    Some(key) => self.attribute(value, key, span),
                    None => {
                        self.refuse_secret(span);
                        None
                    }
                },
                Err(error) => {
                    self.refuse_conversion(&error, index, span);
                    None
                }
            },
            other => {
                let list = Kind::List.name();
                let message =
                    format!("only a {list} or an object can be indexed, found {}", other.kind().name());
                self.report(Code::BadCall, span, message)
            }
        }
    }

    fn operator_span(&self, operator: &Decorated<TraversalOperator>) -> Span {
        match operator.value() {
            TraversalOperator::GetAttr(name) => self.span(name),
            TraversalOperator::Index(index) => self.span(index),
            _ => self.span(operator),
        }
    }
}

fn position(number: &Number) -> Option<usize> {
    number.to_i64().and_then(|number| usize::try_from(number).ok())
}

//! One arm for each kind of expression.

use std::collections::BTreeMap;

use hcl_edit::expr::{Array, Conditional, Expression, Object, ObjectKey};
use hcl_edit::{Formatted, Number as HclNumber};

use super::{Evaluator, VariableAccess};
use crate::diagnostic::{Code, Diagnostic};
use crate::lex::is_run_time_name;
use crate::source::Span;
use crate::value::{Number, Value};

/// Findings that are worth a report even in the branch of a conditional that is not taken.
const STATIC_CODES: [Code; 4] =
    [Code::UnknownVariable, Code::UnknownIdentifier, Code::RuntimeValue, Code::ReservedLoopName];

impl Evaluator<'_> {
    pub(super) fn expression(&mut self, expression: &Expression) -> Option<Value> {
        self.spend(1, expression)?;
        match expression {
            Expression::Null(_) => Some(Value::Null),
            Expression::Bool(value) => Some(Value::Bool(*value.value())),
            Expression::Number(number) => self.number(number, expression),
            Expression::String(text) => Some(Value::text(text.value().as_str())),
            Expression::Array(array) => self.array(array),
            Expression::Object(object) => self.object(object),
            Expression::StringTemplate(template) => self.quoted_template(template, expression),
            Expression::HeredocTemplate(heredoc) => self.heredoc_template(&heredoc.template, expression),
            Expression::Parenthesis(inner) => self.expression(inner.inner()),
            Expression::Variable(name) => self.name(name.as_str(), self.span(expression)),
            Expression::Conditional(conditional) => self.conditional(conditional),
            Expression::FuncCall(call) => self.call(call, expression),
            Expression::Traversal(traversal) => self.traversal(traversal),
            Expression::UnaryOp(operation) => self.unary(operation),
            Expression::BinaryOp(operation) => self.binary(operation),
            Expression::ForExpr(repetition) => self.for_expression(repetition, expression),
        }
    }

    /// The number as it was written: the parser's own form has fewer digits.
    fn number(&mut self, number: &Formatted<HclNumber>, expression: &Expression) -> Option<Value> {
        let written = match number.as_repr() {
            Some(written) => written.chars().filter(|c| !c.is_whitespace()).collect(),
            None => number.value().to_string(),
        };
        match written.parse::<Number>() {
            Ok(number) => Some(Value::Number(number)),
            Err(_) => {
                let span = self.span(expression);
                self.report(Code::FunctionFailed, span, "the number is out of range")
            }
        }
    }

    fn array(&mut self, array: &Array) -> Option<Value> {
        // All elements are looked at, so that all their mistakes are reported.
        let values: Vec<Option<Value>> = array.iter().map(|element| self.expression(element)).collect();
        values.into_iter().collect::<Option<Vec<Value>>>().map(Value::List)
    }

    fn object(&mut self, object: &Object) -> Option<Value> {
        let mut entries = BTreeMap::new();
        let mut complete = true;
        for (key, value) in object {
            let key = match key {
                ObjectKey::Ident(name) => Some(name.as_str().to_owned()),
                ObjectKey::Expression(expression) => self.key(expression),
            };
            let value = self.expression(value.expr());
            match (key, value) {
                (Some(key), Some(value)) => {
                    entries.insert(key, value);
                }
                _ => complete = false,
            }
        }
        complete.then_some(Value::Object(entries))
    }

    /// The key of an object: a text without secrets.
    pub(super) fn key(&mut self, expression: &Expression) -> Option<String> {
        let value = self.expression(expression)?;
        let text = self.converted(value.to_text(), &value, expression)?;
        match text.as_literal() {
            Some(key) => Some(key.to_owned()),
            None => {
                let span = self.span(expression);
                self.refuse_secret(span);
                None
            }
        }
    }

    /// A name that stands alone.
    pub(super) fn name(&mut self, name: &str, span: Span) -> Option<Value> {
        if let Some((_, value)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return Some(value.clone());
        }
        let source = self.document.source();
        let finding = match name {
            "var" => {
                Diagnostic::new(Code::UnknownIdentifier, source, span, "\"var\" needs the name of a variable")
                    .hint("write `var.name`")
            }
            "each" if matches!(self.scope.variables, VariableAccess::Constant) => Diagnostic::new(
                Code::DefaultNotConstant,
                source,
                span,
                "a default must be constant, but it refers to \"each\"",
            ),
            "each" => Diagnostic::new(
                Code::EachOutside,
                source,
                span,
                "\"each\" is known only in a job with instances",
            ),
            _ if is_run_time_name(name) => {
                let message =
                    format!("\"{name}\" is a run-time value: it is not known when the pipeline is saved");
                Diagnostic::new(Code::RuntimeValue, source, span, message)
                    .hint(format!("write `${{{name}}}` without spaces inside a string"))
            }
            _ => {
                let message = format!("\"{name}\" is unknown");
                let hint = format!(
                    "`${name}` or `$${{{name}}}` for a shell variable, `var.{name}` for a pipeline variable"
                );
                Diagnostic::new(Code::UnknownIdentifier, source, span, message)
                    .hint(hint)
                    .suggest(name, self.locals.iter().map(|(local, _)| local.as_str()))
            }
        };
        self.push(finding);
        None
    }

    fn conditional(&mut self, conditional: &Conditional) -> Option<Value> {
        let condition = self.expression(&conditional.cond_expr);
        let condition =
            condition.and_then(|value| self.converted(value.to_bool(), &value, &conditional.cond_expr));
        let (taken, other) = match condition {
            Some(true) => (&conditional.true_expr, &conditional.false_expr),
            Some(false) => (&conditional.false_expr, &conditional.true_expr),
            None => {
                self.only_names(&conditional.true_expr);
                self.only_names(&conditional.false_expr);
                return None;
            }
        };
        let value = self.expression(taken);
        self.only_names(other);
        value
    }

    /// Looks at an expression that is not needed, for names that nothing can make right.
    fn only_names(&mut self, expression: &Expression) {
        let before = self.findings.len();
        self.expression(expression);
        let mut index = 0;
        self.findings.retain(|finding| {
            index += 1;
            index <= before || STATIC_CODES.contains(&finding.code)
        });
    }
}

//! Expressions to values.
//!
//! An own evaluator over the spanned tree: conversions as HCL defines them, arithmetic that cannot panic, a budget instead
//! of endless work, and the exact place of whatever goes wrong. A secret is an opaque piece of text that may be moved but
//! not looked at.

mod budget;
mod call;
mod expression;
mod operator;
mod repetition;
mod scope;
mod template;
mod traversal;

pub use budget::Budget;
pub use scope::{Scope, VariableAccess};

use hcl_edit::Span as HclSpan;
use hcl_edit::expr::Expression;

use crate::diagnostic::{Code, Diagnostic};
use crate::parse::Document;
use crate::source::Span;
use crate::value::{ConvertError, Value};

/// Evaluates expressions of one file. What goes wrong is reported, and `None` means that it was.
pub struct Evaluator<'a> {
    document: &'a Document,
    scope: &'a Scope<'a>,
    findings: &'a mut Vec<Diagnostic>,
    locals: Vec<(String, Value)>,
    left: usize,
    exhausted: bool,
}

impl<'a> Evaluator<'a> {
    /// An evaluator for expressions of `document`.
    pub fn new(
        document: &'a Document,
        scope: &'a Scope<'a>,
        findings: &'a mut Vec<Diagnostic>,
    ) -> Evaluator<'a> {
        Evaluator {
            document,
            scope,
            findings,
            locals: Vec::new(),
            left: budget::PER_EXPRESSION,
            exhausted: false,
        }
    }

    /// The value of an expression.
    pub fn value(&mut self, expression: &Expression) -> Option<Value> {
        self.expression(expression)
    }

    fn report(&mut self, code: Code, span: Span, message: impl Into<String>) -> Option<Value> {
        self.push(Diagnostic::new(code, self.document.source(), span, message));
        None
    }

    fn push(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    fn span(&self, node: &impl HclSpan) -> Span {
        self.document.span(node)
    }

    /// Takes `cost` from what this expression, and all together, may cost.
    fn spend(&mut self, cost: usize, expression: &Expression) -> Option<()> {
        let in_all = self.scope.budget.take(cost);
        match self.left.checked_sub(cost).filter(|_| in_all) {
            Some(left) => {
                self.left = left;
                Some(())
            }
            None => {
                let first = !std::mem::replace(&mut self.exhausted, true);
                if first && (in_all || self.scope.budget.report_once()) {
                    let span = self.span(expression);
                    let whose =
                        if in_all { "the expression takes" } else { "the expressions of this file take" };
                    self.report(Code::FunctionFailed, span, format!("{whose} too long or too much memory"));
                }
                self.left = 0;
                None
            }
        }
    }

    /// Unwraps a conversion; says at `expression` what was needed instead.
    fn converted<T>(&mut self, result: Result<T, ConvertError>, given: &Value, at: &Expression) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let span = self.span(at);
                self.refuse_conversion(&error, given, span);
                None
            }
        }
    }

    fn refuse_conversion(&mut self, error: &ConvertError, given: &Value, span: Span) {
        match error {
            ConvertError::Secret => self.refuse_secret(span),
            ConvertError::Mismatch { expected, .. } => {
                let message = format!("{} is required, found {}", expected.name(), given.kind().name());
                self.report(Code::BadCall, span, message);
            }
        }
    }

    /// A secret's text is not known when the pipeline is saved.
    fn refuse_secret(&mut self, span: Span) {
        let finding = Diagnostic::new(
            Code::FunctionOnSecret,
            self.document.source(),
            span,
            "a secret can only be moved, not looked at: its value is not known when the pipeline is saved",
        );
        self.push(finding.hint("hand it to a command through `env` and transform it there"));
    }
}

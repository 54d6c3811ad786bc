//! Function calls.

use hcl_edit::expr::{Expression, FuncCall};

use super::Evaluator;
use crate::diagnostic::{Code, Diagnostic};
use crate::functions::{self, FnError};
use crate::value::Value;

impl Evaluator<'_> {
    pub(super) fn call(&mut self, call: &FuncCall, at: &Expression) -> Option<Value> {
        let name = call.name.name.as_str();
        let known = !call.name.is_namespaced() && functions::names().any(|known| known == name);
        let args = self.arguments(call);
        if !known {
            self.unknown_function(call);
            return None;
        }
        let args = args?;
        match functions::call(name, &args, self.scope.now) {
            Ok(value) => {
                self.spend(weight(&value), at)?;
                Some(value)
            }
            Err(error) => {
                self.refuse_call(call, name, &args, &error);
                None
            }
        }
    }

    fn arguments(&mut self, call: &FuncCall) -> Option<Vec<Value>> {
        let values: Vec<Option<Value>> = call.args.iter().map(|argument| self.expression(argument)).collect();
        let mut values: Vec<Value> = values.into_iter().collect::<Option<_>>()?;
        if call.args.expand_final() {
            let last = values.pop()?;
            match last.to_list() {
                Ok(items) => values.extend(items),
                Err(error) => {
                    let span = call.args.iter().last().map_or(0..0, |argument| self.span(argument));
                    self.refuse_conversion(&error, &last, span);
                    return None;
                }
            }
        }
        Some(values)
    }

    fn unknown_function(&mut self, call: &FuncCall) {
        let name = call.name.name.as_str();
        let span = self.span(&call.name.name);
        let finding = Diagnostic::new(
            Code::BadCall,
            self.document.source(),
            span,
            format!("there is no function \"{name}\""),
        );
        self.push(finding.suggest(name, functions::names()));
    }

    /// Says which argument is wrong, but never what its value is: a value may not be for everybody's eyes.
    fn refuse_call(&mut self, call: &FuncCall, name: &str, args: &[Value], error: &FnError) {
        let whole = self.span(call);
        let argument_span = |index: usize, evaluator: &Self| {
            let last = call.args.len().saturating_sub(1);
            call.args.get(index.min(last)).map_or(whole.clone(), |argument| evaluator.span(argument))
        };
        match error {
            FnError::Unknown => self.unknown_function(call),
            FnError::Arity { expected, found } => {
                let message = format!("function \"{name}\" takes {expected}, found {found}");
                self.report(Code::BadCall, whole, message);
            }
            FnError::Argument { index, expected, .. } => {
                let span = argument_span(*index, self);
                let found = args.get(*index).map_or("nothing", |value| value.kind().name());
                let number = index + 1;
                let message =
                    format!("function \"{name}\", argument {number}: {expected} is required, found {found}");
                self.report(Code::BadCall, span, message);
            }
            FnError::Malformed { index, notation, problem } => {
                let message =
                    format!("function \"{name}\", argument {}: this is no {notation}: {problem}", index + 1);
                self.report(Code::BadCall, argument_span(*index, self), message);
            }
            FnError::Secret { index } => {
                let span = argument_span(*index, self);
                let message = format!(
                    "function \"{name}\" would have to look into a secret, whose value is not known when the pipeline is saved"
                );
                let finding = Diagnostic::new(Code::FunctionOnSecret, self.document.source(), span, message);
                self.push(finding.hint("hand the secret to a command through `env` and transform it there"));
            }
            FnError::Failed(reason) => {
                self.report(Code::FunctionFailed, whole, format!("function \"{name}\": {reason}"));
            }
        }
    }
}

/// What a value costs: its elements and the length of its texts.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::Text(text) => 1 + text.as_literal().map_or(0, str::len) / 16,
        Value::List(items) => items.iter().map(weight).sum(),
        Value::Set(items) => items.iter().map(weight).sum(),
        Value::Object(entries) => entries.values().map(weight).sum(),
    }
}

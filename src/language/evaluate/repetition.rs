//! `for` expressions, and what they have in common with `%{ for }`.

use std::collections::BTreeMap;

use hcl_edit::expr::{Expression, ForExpr};
use hcl_edit::{Decorated, Ident};

use super::Evaluator;
use crate::diagnostic::{Code, Diagnostic};
use crate::lex::is_run_time_name;
use crate::value::Value;

/// The names that a loop binds.
pub(super) struct LoopNames {
    key: Option<String>,
    value: String,
}

impl Evaluator<'_> {
    pub(super) fn for_expression(&mut self, repetition: &ForExpr, at: &Expression) -> Option<Value> {
        let intro = &repetition.intro;
        let names = self.loop_names(intro.key_var.as_ref(), &intro.value_var)?;
        let items = self.items(&intro.collection_expr)?;
        match &repetition.key_expr {
            None => self.for_tuple(repetition, &names, items),
            Some(key) => self.for_object(repetition, key, &names, items, at),
        }
    }

    fn for_tuple(
        &mut self,
        repetition: &ForExpr,
        names: &LoopNames,
        items: Vec<(Value, Value)>,
    ) -> Option<Value> {
        let mut out = Vec::new();
        for (key, value) in items {
            let item = self.with_item(names, key, value, |evaluator| {
                if !evaluator.wanted(repetition)? {
                    return Some(None);
                }
                evaluator.expression(&repetition.value_expr).map(Some)
            })?;
            out.extend(item);
        }
        Some(Value::List(out))
    }

    fn for_object(
        &mut self,
        repetition: &ForExpr,
        key_expression: &Expression,
        names: &LoopNames,
        items: Vec<(Value, Value)>,
        at: &Expression,
    ) -> Option<Value> {
        let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (key, value) in items {
            let entry = self.with_item(names, key, value, |evaluator| {
                if !evaluator.wanted(repetition)? {
                    return Some(None);
                }
                let key = evaluator.key(key_expression)?;
                let value = evaluator.expression(&repetition.value_expr)?;
                Some(Some((key, value)))
            })?;
            let Some((key, value)) = entry else { continue };
            let group = groups.entry(key).or_default();
            if !group.is_empty() && !repetition.grouping {
                let finding = Diagnostic::new(
                    Code::FunctionFailed,
                    self.document.source(),
                    self.span(key_expression),
                    "two items have the same key",
                );
                self.push(finding.hint("add `...` after the value to collect them in a list"));
                return None;
            }
            group.push(value);
        }
        self.spend(groups.len(), at)?;
        let entries = groups.into_iter().map(|(key, mut values)| {
            let value =
                if repetition.grouping { Value::List(values) } else { values.pop().unwrap_or(Value::Null) };
            (key, value)
        });
        Some(Value::Object(entries.collect()))
    }

    fn wanted(&mut self, repetition: &ForExpr) -> Option<bool> {
        match &repetition.cond {
            Some(condition) => self.bool_of(&condition.expr),
            None => Some(true),
        }
    }

    /// The names that a loop binds; none of them may look like a run-time value, which the lexical rule would hide.
    pub(super) fn loop_names(
        &mut self,
        key: Option<&Decorated<Ident>>,
        value: &Decorated<Ident>,
    ) -> Option<LoopNames> {
        for name in key.into_iter().chain([value]) {
            if is_run_time_name(name.as_str()) {
                let message = format!(
                    "a loop cannot bind \"{}\": names of this form are run-time values",
                    name.as_str()
                );
                let span = self.span(name);
                let finding = Diagnostic::new(Code::ReservedLoopName, self.document.source(), span, message);
                self.push(finding.hint("use a lower-case name"));
                return None;
            }
        }
        Some(LoopNames { key: key.map(|name| name.as_str().to_owned()), value: value.as_str().to_owned() })
    }

    /// The items of a collection with their keys, in order.
    pub(super) fn items(&mut self, collection: &Expression) -> Option<Vec<(Value, Value)>> {
        let value = self.expression(collection)?;
        Some(match value {
            Value::List(items) => {
                items.into_iter().enumerate().map(|(index, item)| (Value::from(index), item)).collect()
            }
            Value::Set(items) => items.into_iter().map(|item| (item.clone(), item)).collect(),
            Value::Object(entries) => {
                entries.into_iter().map(|(key, item)| (Value::text(key), item)).collect()
            }
            other => {
                let message = format!("a list, set or object is required, found {}", other.kind().name());
                let span = self.span(collection);
                self.report(Code::BadCall, span, message);
                return None;
            }
        })
    }

    /// Runs `body` with the loop's names bound.
    pub(super) fn with_item<T>(
        &mut self,
        names: &LoopNames,
        key: Value,
        value: Value,
        body: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let outer = self.locals.len();
        self.locals.extend(names.key.clone().map(|name| (name, key)));
        self.locals.push((names.value.clone(), value));
        let result = body(self);
        self.locals.truncate(outer);
        result
    }
}

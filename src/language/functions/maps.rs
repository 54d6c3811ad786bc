//! Functions on maps and objects, and the length of anything.

use std::collections::BTreeMap;

use unicode_segmentation::UnicodeSegmentation;

use super::FnError;
use super::call::{Call, Function, Outcome, failed};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::exactly("keys", 1, |c| Ok(Value::texts(c.object(0)?.keys().cloned()))).moving_secrets(),
    Function::exactly("values", 1, |c| Ok(Value::List(c.object(0)?.values().cloned().collect())))
        .moving_secrets(),
    Function::exactly("length", 1, length),
    Function::exactly("lookup", 3, lookup).moving_secrets().taking_null(),
    Function::at_least("merge", 0, merge).moving_secrets().taking_null(),
    Function::exactly("transpose", 1, transpose),
    Function::exactly("zipmap", 2, zipmap).moving_secrets(),
];

fn length(call: &Call<'_>) -> Outcome {
    match call.value(0) {
        Value::List(items) => Ok(items.len().into()),
        Value::Set(items) => Ok(items.len().into()),
        Value::Object(items) => Ok(items.len().into()),
        Value::Text(_) => Ok(call.string(0)?.graphemes(true).count().into()),
        _ => Err(call.refuse(0, "list, set, map or string")),
    }
}

fn lookup(call: &Call<'_>) -> Outcome {
    let (items, key) = (call.object(0)?, call.string(1)?);
    Ok(items.get(&key).unwrap_or(call.value(2)).clone())
}

/// Later arguments win; null counts as an empty map.
fn merge(call: &Call<'_>) -> Outcome {
    let mut merged = BTreeMap::new();
    for index in 0..call.args.len() {
        if !call.value(index).is_null() {
            merged.extend(call.object(index)?.clone());
        }
    }
    Ok(Value::Object(merged))
}

fn transpose(call: &Call<'_>) -> Outcome {
    let mut swapped: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, names) in call.object(0)? {
        let names = names.elements().ok_or_else(|| not_lists(names))?;
        for name in names {
            let name = name.to_text().ok().and_then(|text| text.as_literal().map(str::to_owned));
            let name = name.ok_or_else(|| not_lists(&Value::Null))?;
            swapped.entry(name).or_default().push(Value::text(key.as_str()));
        }
    }
    Ok(Value::Object(swapped.into_iter().map(|(key, names)| (key, names.into())).collect()))
}

fn not_lists(found: &Value) -> FnError {
    FnError::Argument {
        index: 0,
        expected: "map of lists of strings".to_owned(),
        found: format!("an element that is {}", found.kind().name()),
    }
}

fn zipmap(call: &Call<'_>) -> Outcome {
    let (keys, values) = (call.strings(0)?, call.ordered(1)?);
    if keys.len() != values.len() {
        return Err(failed(format!("{} keys do not fit {} values", keys.len(), values.len())));
    }
    Ok(Value::Object(keys.into_iter().zip(values.iter().cloned()).collect()))
}

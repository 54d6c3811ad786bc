//! Functions on lists and sets.

use super::FnError;
use super::call::{Call, Function, Outcome, failed};
use crate::value::{Number, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::exactly("alltrue", 1, |c| truth(c, |all| all.iter().all(|v| *v == Some(true)))),
    Function::exactly("anytrue", 1, |c| truth(c, |all| all.contains(&Some(true)))),
    Function::exactly("chunklist", 2, chunklist).moving_secrets(),
    Function::at_least("coalesce", 1, coalesce).moving_secrets().taking_null(),
    Function::at_least("coalescelist", 1, coalescelist).moving_secrets().taking_null(),
    Function::exactly("compact", 1, compact),
    Function::at_least("concat", 1, concat).moving_secrets(),
    Function::exactly("distinct", 1, distinct),
    Function::exactly("flatten", 1, flatten).moving_secrets(),
    Function::exactly("reverse", 1, |c| {
        let mut items = c.list(0)?;
        items.reverse();
        Ok(items.into())
    })
    .moving_secrets(),
    Function::exactly("sort", 1, |c| {
        let mut items = c.strings(0)?;
        items.sort_unstable();
        Ok(Value::texts(items))
    }),
    Function::exactly("contains", 2, |c| Ok(c.list(0)?.contains(c.value(1)).into())).taking_null(),
    Function::exactly("element", 2, element).moving_secrets(),
    Function::exactly("one", 1, one).moving_secrets().taking_null(),
    Function::between("range", 1, Some(3), range),
    Function::exactly("slice", 3, slice).moving_secrets(),
    Function::exactly("sum", 1, sum),
];

/// Longest list that `range` makes.
const MAX_RANGE: usize = 1024;

fn truth(call: &Call<'_>, decide: fn(&[Option<bool>]) -> bool) -> Outcome {
    let as_bool = |item: &Value| match item {
        Value::Null => Ok(None),
        other => other.to_bool().map(Some).map_err(|_| FnError::Argument {
            index: 0,
            expected: "list of bool".to_owned(),
            found: format!("an element that is {}", item.kind().name()),
        }),
    };
    let all = call.list(0)?.iter().map(as_bool).collect::<Result<Vec<_>, _>>()?;
    Ok(decide(&all).into())
}

fn chunklist(call: &Call<'_>) -> Outcome {
    let (items, size) = (call.ordered(0)?, call.count(1)?);
    if size == 0 {
        return Err(FnError::Argument {
            index: 1,
            expected: "a number of at least 1".to_owned(),
            found: "0".to_owned(),
        });
    }
    Ok(Value::List(items.chunks(size).map(|chunk| chunk.to_vec().into()).collect()))
}

/// The first argument that is neither null nor an empty text. When scalars of different kinds
/// are given, the result is text, whichever is chosen.
fn coalesce(call: &Call<'_>) -> Outcome {
    let given: Vec<&Value> = call.args.iter().filter(|v| !v.is_null()).collect();
    let chosen = given
        .iter()
        .find(|value| !matches!(value, Value::Text(text) if text.is_empty()))
        .ok_or_else(|| failed("all arguments are null or empty"))?;
    let same_kind = given.iter().all(|value| value.kind() == chosen.kind());
    match chosen.to_text() {
        Ok(text) if !same_kind => Ok(text.into()),
        _ => Ok((*chosen).clone()),
    }
}

fn coalescelist(call: &Call<'_>) -> Outcome {
    for index in 0..call.args.len() {
        if !call.value(index).is_null() && !call.list(index)?.is_empty() {
            return Ok(call.value(index).clone());
        }
    }
    Err(failed("all lists are null or empty"))
}

fn compact(call: &Call<'_>) -> Outcome {
    let mut kept = Vec::new();
    for item in call.list(0)? {
        if item.is_null() {
            continue;
        }
        let text = item.to_text().map_err(|_| call.refuse(0, "list of strings"))?;
        if !text.is_empty() {
            kept.push(text.into());
        }
    }
    Ok(Value::List(kept))
}

fn concat(call: &Call<'_>) -> Outcome {
    let mut all = Vec::new();
    for index in 0..call.args.len() {
        all.extend_from_slice(call.ordered(index)?);
    }
    Ok(all.into())
}

fn distinct(call: &Call<'_>) -> Outcome {
    let mut seen = std::collections::BTreeSet::new();
    let items = call.ordered(0)?;
    Ok(Value::List(items.iter().filter(|item| seen.insert(*item)).cloned().collect()))
}

fn flatten(call: &Call<'_>) -> Outcome {
    let mut flat = Vec::new();
    flatten_into(call.list(0)?, &mut flat);
    Ok(flat.into())
}

fn flatten_into(items: Vec<Value>, flat: &mut Vec<Value>) {
    for item in items {
        match item {
            Value::List(inner) => flatten_into(inner, flat),
            Value::Set(inner) => flatten_into(inner.into_iter().collect(), flat),
            other => flat.push(other),
        }
    }
}

fn element(call: &Call<'_>) -> Outcome {
    let (items, index) = (call.ordered(0)?, call.count(1)?);
    if items.is_empty() {
        return Err(failed("the list is empty"));
    }
    Ok(items[index % items.len()].clone())
}

fn one(call: &Call<'_>) -> Outcome {
    if call.value(0).is_null() {
        return Ok(Value::Null);
    }
    match call.list(0)?.as_slice() {
        [] => Ok(Value::Null),
        [only] => Ok(only.clone()),
        more => Err(failed(format!("at most one element is allowed, found {}", more.len()))),
    }
}

/// From start (included) to end (excluded) by step, which is 1 or -1 when not given.
fn range(call: &Call<'_>) -> Outcome {
    let (start, end) = match call.args.len() {
        1 => (Number::zero(), call.number(0)?),
        _ => (call.number(0)?, call.number(1)?),
    };
    let downwards = end < start;
    let step = match call.args.len() {
        3 => call.number(2)?,
        _ => Number::from(if downwards { -1_i64 } else { 1 }),
    };
    match (step.signum(), downwards) {
        (0, _) => return Err(failed("the step must not be zero")),
        (1, true) => return Err(failed("with a positive step the end must not be below the start")),
        (-1, false) if start != end => {
            return Err(failed("with a negative step the end must not be above the start"));
        }
        _ => {}
    }
    let mut items = Vec::new();
    let mut current = start;
    while (downwards && current > end) || (!downwards && current < end) {
        if items.len() == MAX_RANGE {
            return Err(failed(format!("more than {MAX_RANGE} elements")));
        }
        items.push(Value::Number(current.clone()));
        current = current.add(&step).map_err(|e| failed(e.to_string()))?;
    }
    Ok(items.into())
}

fn slice(call: &Call<'_>) -> Outcome {
    let (items, from, to) = (call.ordered(0)?, call.count(1)?, call.count(2)?);
    if to > items.len() {
        return Err(failed(format!("the end {to} is behind the list's {} elements", items.len())));
    }
    if from > to {
        return Err(failed(format!("the start {from} is behind the end {to}")));
    }
    Ok(items[from..to].to_vec().into())
}

fn sum(call: &Call<'_>) -> Outcome {
    let items = call.list(0)?;
    if items.is_empty() {
        return Err(failed("an empty list has no sum"));
    }
    let mut total = Number::zero();
    for item in &items {
        let number = item.to_number().map_err(|_| FnError::Argument {
            index: 0,
            expected: "list of numbers".to_owned(),
            found: format!("an element that is {}", item.kind().name()),
        })?;
        total = total.add(&number).map_err(|e| failed(e.to_string()))?;
    }
    Ok(total.into())
}

//! Functions on sets. Lists are taken as sets; the elements of all arguments are brought to one
//! kind first, so that `1` and `"1"` are the same element when texts are among them.

use std::collections::BTreeSet;

use super::FnError;
use super::call::{Call, Function, Outcome, failed, refused};
use crate::value::Value;

type Set = BTreeSet<Value>;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::exactly("toset", 1, |c| c.value(0).to_set().map(Value::Set).map_err(|e| refused(0, e))),
    Function::at_least("setproduct", 2, setproduct),
    Function::at_least("setintersection", 1, |c| fold(c, |a, b| a & b)),
    Function::at_least("setunion", 1, |c| fold(c, |a, b| a | b)),
    Function::exactly("setsubtract", 2, |c| fold(c, |a, b| a - b)),
    Function::at_least("setsymmetricdifference", 1, |c| fold(c, |a, b| a ^ b)),
];

/// Largest product.
const MAX_PRODUCT: usize = 100_000;

fn fold(call: &Call<'_>, operation: fn(&Set, &Set) -> Set) -> Outcome {
    let mut sets = same_kind(call)?.into_iter();
    let first = sets.next().unwrap_or_default();
    Ok(Value::Set(sets.fold(first, |left, right| operation(&left, &right))))
}

/// The arguments as sets over one kind of element.
fn same_kind(call: &Call<'_>) -> Result<Vec<Set>, FnError> {
    let lists = (0..call.args.len()).map(|index| call.list(index)).collect::<Result<Vec<_>, _>>()?;
    let all = Value::List(lists.iter().flatten().cloned().collect()).to_set().map_err(|e| refused(0, e))?;
    let as_text = all.iter().any(|v| matches!(v, Value::Text(_)));
    let convert = |item: Value| match item.to_text() {
        Ok(text) if as_text => Value::Text(text),
        _ => item,
    };
    Ok(lists.into_iter().map(|list| list.into_iter().map(convert).collect()).collect())
}

/// All combinations, as lists: a list when any argument is one, else a set.
fn setproduct(call: &Call<'_>) -> Outcome {
    let lists = (0..call.args.len()).map(|index| call.list(index)).collect::<Result<Vec<_>, _>>()?;
    let size = lists.iter().try_fold(1_usize, |size, list| size.checked_mul(list.len()));
    if size.is_none_or(|size| size > MAX_PRODUCT) {
        return Err(failed(format!("more than {MAX_PRODUCT} combinations")));
    }
    let product = lists.iter().fold(vec![Vec::new()], |heads, list| {
        let extended = |head: &Vec<Value>| {
            let head = head.clone();
            list.iter().map(move |item| [head.clone(), vec![item.clone()]].concat())
        };
        heads.iter().flat_map(extended).collect()
    });
    let combinations = product.into_iter().map(Value::List);
    let ordered = call.args.iter().any(|arg| matches!(arg, Value::List(_)));
    Ok(if ordered { Value::List(combinations.collect()) } else { Value::Set(combinations.collect()) })
}

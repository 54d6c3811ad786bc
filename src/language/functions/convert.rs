//! Explicit conversions. Null stays null.

use super::FnError;
use super::call::{Call, Function, Outcome, refused};
use crate::value::{ConvertError, Kind, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::exactly("tobool", 1, |c| convert(c, |v| v.to_bool().map(Value::Bool))).taking_null(),
    Function::exactly("tonumber", 1, |c| convert(c, |v| v.to_number().map(Value::Number))).taking_null(),
    Function::exactly("tostring", 1, |c| convert(c, |v| v.to_text().map(Value::Text)))
        .taking_null()
        .moving_secrets(),
    Function::exactly("tolist", 1, |c| convert(c, tolist)).taking_null().moving_secrets(),
    Function::exactly("tomap", 1, |c| convert(c, tomap)).taking_null().moving_secrets(),
];

fn convert(call: &Call<'_>, to: fn(&Value) -> Result<Value, ConvertError>) -> Outcome {
    match call.value(0) {
        Value::Null => Ok(Value::Null),
        value => to(value).map_err(|error: ConvertError| -> FnError { refused(0, error) }),
    }
}

fn tolist(value: &Value) -> Result<Value, ConvertError> {
    Ok(Value::List(Value::unified(&value.to_list()?)?))
}

fn tomap(value: &Value) -> Result<Value, ConvertError> {
    let Value::Object(items) = value else { return Err(value.mismatch(Kind::Object)) };
    let values: Vec<Value> = items.values().cloned().collect();
    Ok(Value::Object(items.keys().cloned().zip(Value::unified(&values)?).collect()))
}

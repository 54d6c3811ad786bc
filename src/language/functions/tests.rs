//! What each function gives for ordinary input, at its edges, and for wrong input.

mod collections;
mod limits;
mod scalars;
mod text;

use chrono::{DateTime, Utc};
use pikoci_model::text::{SecretRef, Text};

use super::{FnError, call, names};
use crate::value::Value;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn secret() -> Value {
    Text::secret(SecretRef::Given { variable: "password".into() }).into()
}

/// The diagnostic an error becomes.
fn code(error: &FnError) -> &'static str {
    match error {
        FnError::Unknown | FnError::Arity { .. } | FnError::Argument { .. } | FnError::Malformed { .. } => {
            "L036"
        }
        FnError::Secret { .. } => "L035",
        FnError::Failed(_) => "L037",
    }
}

/// Calls `name` with arguments written as a JSON list; an object `{"set": […]}` is a set.
fn run(name: &str, args: &str) -> Result<Value, FnError> {
    let Value::List(args) = Value::from_json(args).unwrap() else { panic!("{args} is no list") };
    let args: Vec<Value> = args.iter().map(with_sets).collect();
    call(name, &args, now())
}

fn with_sets(value: &Value) -> Value {
    match value {
        Value::Object(items) if items.len() == 1 && items.contains_key("set") => {
            Value::Set(items["set"].to_set().unwrap())
        }
        other => other.clone(),
    }
}

#[track_caller]
fn check(cases: &[(&str, &str, &str)]) {
    for (name, args, expected) in cases {
        match run(name, args) {
            Ok(value) => assert_eq!(value.to_json().unwrap(), *expected, "{name}{args}"),
            Err(error) => assert_eq!(format!("{} {error}", code(&error)), *expected, "{name}{args}"),
        }
    }
}

#[test]
fn each_name_is_there_once() {
    let all: Vec<&str> = names().collect();
    let distinct: std::collections::BTreeSet<&str> = names().collect();
    assert_eq!((all.len(), distinct.len()), (76, 76));
}

#[test]
fn wrong_calls_say_what_is_expected_and_found() {
    check(&[
        ("uper", "[]", "L036 there is no function of this name"),
        ("upper", "[]", "L036 takes 1 argument, found 0"),
        ("replace", r#"["a"]"#, "L036 takes 3 arguments, found 1"),
        ("range", "[]", "L036 takes 1 to 3 arguments, found 0"),
        ("max", "[]", "L036 takes at least 1 argument, found 0"),
        ("timestamp", "[1]", "L036 takes no arguments, found 1"),
        ("abs", r#"["x"]"#, "L036 argument 1: number is required, found string \"x\""),
        ("upper", "[null]", "L036 argument 1: a value is required, found null"),
    ]);
}

//! What no function does: look into a secret, fill the memory, panic.

use super::super::{FnError, call, names};
use super::{code, now, secret};
use crate::value::Value;

#[test]
fn secrets_pass_only_through_functions_that_move_them() {
    let movers = [
        ("format", vec!["%s!".into(), secret()]),
        ("formatlist", vec!["%s".into(), Value::List(vec![secret()])]),
        ("join", vec!["-".into(), Value::List(vec!["a".into(), secret()])]),
        ("concat", vec![Value::List(vec![secret()])]),
        ("coalesce", vec![Value::Null, secret()]),
        ("merge", vec![Value::Object([("a".to_owned(), secret())].into())]),
        ("lookup", vec![Value::Object([("a".to_owned(), secret())].into()), "a".into(), Value::Null]),
        ("element", vec![Value::List(vec![secret()]), 0_i64.into()]),
        ("flatten", vec![Value::List(vec![secret()])]),
        ("slice", vec![Value::List(vec![secret()]), 0_i64.into(), 1_i64.into()]),
        ("tolist", vec![Value::List(vec![secret()])]),
        ("tomap", vec![Value::Object([("a".to_owned(), secret())].into())]),
        ("tostring", vec![secret()]),
        ("values", vec![Value::Object([("a".to_owned(), secret())].into())]),
        ("zipmap", vec![Value::texts(["a"]), Value::List(vec![secret()])]),
    ];
    for (name, args) in movers {
        assert!(call(name, &args, now()).unwrap().contains_secret(), "{name}");
    }
    let readers = [
        ("upper", vec![secret()]),
        ("base64encode", vec![secret()]),
        ("length", vec![secret()]),
        ("jsonencode", vec![Value::List(vec![secret()])]),
        ("regex", vec!["x".into(), secret()]),
        ("format", vec!["%5s".into(), secret()]),
        ("format", vec!["%q".into(), secret()]),
        ("format", vec![secret()]),
        ("zipmap", vec![Value::List(vec![secret()]), Value::texts(["a"])]),
        ("lookup", vec![Value::Object([].into()), secret(), Value::Null]),
        ("sort", vec![Value::List(vec![secret()])]),
        ("tobool", vec![secret()]),
    ];
    for (name, args) in readers {
        assert_eq!(call(name, &args, now()).map_err(|e| code(&e)), Err("L035"), "{name}");
    }
}

#[test]
fn a_short_expression_cannot_fill_the_memory() {
    let long = Value::text("a\n".repeat(100_000));
    let many = Value::List(vec![long.clone(); 100]);
    let calls = [
        ("replace", vec![long.clone(), "".into(), long.clone()]),
        ("regexreplace", vec![long.clone(), "a".into(), long.clone()]),
        ("indent", vec![1000_i64.into(), long.clone()]),
        ("join", vec![long.clone(), many.clone()]),
        ("format", vec!["%[1]s".repeat(100).into(), long.clone()]),
        ("formatlist", vec!["%s".into(), many]),
        ("csvdecode", vec![format!("{}\n{}", "a".repeat(100_000), "x\n".repeat(200)).into()]),
        ("csvdecode", vec![long]),
    ];
    for (name, args) in calls {
        let error = call(name, &args, now()).unwrap_err();
        assert_eq!(error, FnError::Failed("the result is larger than 16777216 bytes".into()), "{name}");
    }
}

#[test]
fn no_function_panics_on_arguments_of_the_wrong_kind() {
    let kinds = [
        Value::Null,
        true.into(),
        (-3_i64).into(),
        "x".into(),
        Value::List(vec![1_i64.into(), Value::Null, "a".into()]),
        Value::Set([1_i64.into()].into()),
        Value::Object([("a".to_owned(), Value::Null)].into()),
        secret(),
    ];
    for name in names() {
        for first in &kinds {
            for second in &kinds {
                for third in &kinds {
                    let args = [first.clone(), second.clone(), third.clone()];
                    for count in 0..=3 {
                        drop(call(name, &args[..count], now()));
                    }
                }
            }
        }
    }
}

//! What each function gives for ordinary input, at its edges, and for wrong input.

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
        FnError::Unknown | FnError::Arity { .. } | FnError::Argument { .. } => "L036",
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

#[test]
fn strings() {
    check(&[
        ("chomp", r#"["a\r\n\n"]"#, r#""a""#),
        ("chomp", r#"["a\nb"]"#, r#""a\nb""#),
        ("endswith", r#"["pikoci", "ci"]"#, "true"),
        ("startswith", r#"["pikoci", "ci"]"#, "false"),
        ("strcontains", r#"["pikoci", "ko"]"#, "true"),
        ("indent", r#"[2, "a\nb\n"]"#, r#""a\n  b\n  ""#),
        ("indent", r#"[-1, "a"]"#, "L036 argument 1: a number that is not negative is required, found -1"),
        ("join", r#"["-", ["a", 1], [true]]"#, r#""a-1-true""#),
        ("join", r#"["-", []]"#, r#""""#),
        (
            "join",
            r#"["-", [null]]"#,
            "L036 argument 2: list of strings is required, found an element that is null",
        ),
        ("join", r#"["-", "a"]"#, "L036 argument 2: list or set is required, found string"),
        ("lower", r#"["ÄB"]"#, r#""äb""#),
        ("upper", r#"["äb"]"#, r#""ÄB""#),
        ("upper", "[5]", r#""5""#),
        ("upper", "[[]]", "L036 argument 1: string is required, found list"),
        ("title", r#"["hello wörld-wide it_is"]"#, r#""Hello Wörld-Wide It_is""#),
        ("strrev", r#"["ae\u0301o"]"#, "\"oe\u{301}a\""),
        ("trimspace", r#"[" \t a b \n"]"#, r#""a b""#),
        ("replace", r#"["a.b.c", ".", "/"]"#, r#""a/b/c""#),
        ("replace", r#"["abc", "/[a-z]/", "x"]"#, r#""abc""#),
        ("split", r#"[",", "a,b,,c"]"#, r#"["a","b","","c"]"#),
        ("split", r#"[",", ""]"#, r#"[""]"#),
        ("split", r#"["", "abc"]"#, r#"["a","b","c"]"#),
        ("strlen", r#"["e\u0301👨‍👩‍👧"]"#, "2"),
        ("substr", r#"["hello", 1, 3]"#, r#""ell""#),
        ("substr", r#"["hello", -3, -1]"#, r#""llo""#),
        ("substr", r#"["hello", -30, 2]"#, r#""he""#),
        ("substr", r#"["hello", 9, 1]"#, r#""""#),
        ("substr", r#"["hello", 2, 0]"#, r#""""#),
        ("substr", r#"["hello", 0.5, 1]"#, "L036 argument 2: a whole number is required, found 0.5"),
        ("trim", r#"["?!a?b!", "!?"]"#, r#""a?b""#),
        ("trimprefix", r#"["aab", "a"]"#, r#""ab""#),
        ("trimsuffix", r#"["a.git", ".git"]"#, r#""a""#),
        ("trimsuffix", r#"["a", ".git"]"#, r#""a""#),
    ]);
}

#[test]
fn format() {
    check(&[
        ("format", r#"["%s-%d", "a", 3]"#, r#""a-3""#),
        ("format", r#"["100%%"]"#, r#""100%""#),
        ("format", r#"["%5s|%-5s|%05d|%+d", "a", "b", 42, 7]"#, r#""    a|b    |00042|+7""#),
        ("format", r#"["%.2f %f %.0f", 0.125, 1, 2.5]"#, r#""0.12 1.000000 2""#),
        ("format", r#"["%t %q", "true", "a\"b"]"#, r#""true \"a\\\"b\"""#),
        ("format", r#"["%v %v %v %v", 1, "x", [1, "a"], null]"#, r#""1 x [1,\"a\"] null""#),
        ("format", r#"["%#v", "x"]"#, r#""\"x\"""#),
        ("format", r#"["%x %X %b %o %#x", 255, 255, 5, 8, 16]"#, r#""ff FF 101 10 0x10""#),
        ("format", r#"["%[2]s %[1]s", "a", "b"]"#, r#""b a""#),
        ("format", r#"["%[2]s %s", "a", "b", "c"]"#, r#""b c""#),
        ("format", r#"["%d", "12"]"#, r#""12""#),
        ("format", r#"["%d", 1.9]"#, r#""1""#),
        ("format", r#"["%d", -1.9]"#, r#""-1""#),
        (
            "format",
            r#"["%e %g %g %.3g", 1234.5, 0.25, 10000000, 1234.5]"#,
            r#""1.234500e+03 0.25 1e+07 1.23e+03""#,
        ),
        ("format", r#"["%.3s", "straße"]"#, r#""str""#),
        ("format", r#"["%v", 1000000000000000000000]"#, r#""1000000000000000000000""#),
        ("format", r#"["%s"]"#, "L037 `%s` needs argument 1, 0 are given"),
        ("format", r#"["a", 1]"#, "L037 1 arguments are given, the format uses 0"),
        (
            "format",
            r#"["%y", 1]"#,
            "L036 argument 1: a format is required, found unknown verb `%y`; write `%%` for a percent sign",
        ),
        ("format", r#"["%"]"#, "L036 argument 1: a format is required, found `%` ends before its verb"),
        (
            "format",
            r#"["%[0]s", 1]"#,
            "L036 argument 1: a format is required, found `[0]` is no position, they begin at 1",
        ),
        ("format", r#"["%d", "x"]"#, "L036 argument 2: for `%d` a number is required, found string \"x\""),
        ("format", r#"["%s", [1]]"#, "L036 argument 2: for `%s` a string is required, found list"),
        (
            "format",
            r#"["%99999d", 1]"#,
            "L036 argument 1: a format is required, found `99999` is above the greatest width and precision, 1000",
        ),
        ("formatlist", r#"["%s:%d", ["a", "b"], 1]"#, r#"["a:1","b:1"]"#),
        ("formatlist", r#"["%s%s", ["a", "b"], ["c", "d"]]"#, r#"["ac","bd"]"#),
        ("formatlist", r#"["%s", "a"]"#, r#"["a"]"#),
        ("formatlist", r#"["%s", []]"#, "[]"),
        ("formatlist", r#"["%s%s", ["a"], ["c", "d"]]"#, "L037 argument 2 has 1 elements, argument 3 has 2"),
    ]);
}

#[test]
fn lists() {
    check(&[
        ("alltrue", "[[]]", "true"),
        ("alltrue", r#"[[true, "true"]]"#, "true"),
        ("alltrue", "[[true, null]]", "false"),
        ("anytrue", "[[]]", "false"),
        ("anytrue", "[[false, null, true]]", "true"),
        ("anytrue", "[[1]]", "L036 argument 1: list of bool is required, found an element that is number"),
        ("chunklist", "[[1, 2, 3], 2]", "[[1,2],[3]]"),
        ("chunklist", "[[1], 0]", "L036 argument 2: a number of at least 1 is required, found 0"),
        ("coalesce", r#"[null, "", "a"]"#, r#""a""#),
        ("coalesce", r#"[null, 5, "a"]"#, r#""5""#),
        ("coalesce", "[null, 5, 6]", "5"),
        ("coalesce", r#"[null, ""]"#, "L037 all arguments are null or empty"),
        ("coalescelist", "[[], null, [1]]", "[1]"),
        ("coalescelist", "[[]]", "L037 all lists are null or empty"),
        ("compact", r#"[["a", "", null, 1]]"#, r#"["a","1"]"#),
        ("concat", "[[1], [], [2, [3]]]", "[1,2,[3]]"),
        ("concat", r#"[[1], "a"]"#, "L036 argument 2: list is required, found string"),
        ("distinct", r#"[["b", "a", "b", 1, "1"]]"#, r#"["b","a",1,"1"]"#),
        ("flatten", r#"[[[1, [2]], {"set": [3]}, []]]"#, r#"[1,2,{"set":[3]}]"#),
        ("reverse", "[[1, 2]]", "[2,1]"),
        ("sort", r#"[["b", "a", "B", 1]]"#, r#"["1","B","a","b"]"#),
        ("contains", r#"[["a", "b"], "b"]"#, "true"),
        ("contains", r#"[["1"], 1]"#, "false"),
        ("contains", r#"[{"set": ["a"]}, "a"]"#, "true"),
        ("element", r#"[["a", "b"], 3]"#, r#""b""#),
        ("element", r#"[["a"], -1]"#, "L036 argument 2: a number that is not negative is required, found -1"),
        ("element", "[[], 0]", "L037 the list is empty"),
        ("one", "[[]]", "null"),
        ("one", "[[7]]", "7"),
        ("one", r#"[{"set": [7]}]"#, "7"),
        ("one", "[[7, 8]]", "L037 at most one element is allowed, found 2"),
        ("range", "[3]", "[0,1,2]"),
        ("range", "[-2]", "[0,-1]"),
        ("range", "[1, 3]", "[1,2]"),
        ("range", "[5, 1, -2]", "[5,3]"),
        ("range", "[0, 1, 0.5]", "[0,0.5]"),
        ("range", "[0]", "[]"),
        ("range", "[1, 3, 0]", "L037 the step must not be zero"),
        ("range", "[3, 1, 1]", "L037 with a positive step the end must not be below the start"),
        ("range", "[1, 3, -1]", "L037 with a negative step the end must not be above the start"),
        ("range", "[1025]", "L037 more than 1024 elements"),
        ("slice", "[[1, 2, 3], 1, 2]", "[2]"),
        ("slice", "[[1], 0, 2]", "L037 the end 2 is behind the list's 1 elements"),
        ("slice", "[[1], 1, 0]", "L037 the start 1 is behind the end 0"),
        ("sum", r#"[[1, "2.5"]]"#, "3.5"),
        ("sum", "[[]]", "L037 an empty list has no sum"),
    ]);
    assert_eq!(run("range", "[1024]").unwrap().elements().unwrap().len(), 1024);
}

#[test]
fn maps() {
    check(&[
        ("keys", r#"[{"b": 1, "a": 2}]"#, r#"["a","b"]"#),
        ("values", r#"[{"b": 1, "a": 2}]"#, "[2,1]"),
        ("length", r#"[{"b": 1}]"#, "1"),
        ("length", "[[1, 2]]", "2"),
        ("length", r#"["äö"]"#, "2"),
        ("length", "[5]", "L036 argument 1: list, set, map or string is required, found number"),
        ("lookup", r#"[{"a": 1}, "a", 2]"#, "1"),
        ("lookup", r#"[{"a": 1}, "b", null]"#, "null"),
        ("merge", r#"[{"a": 1, "b": 1}, null, {"b": 2}]"#, r#"{"a":1,"b":2}"#),
        ("merge", "[]", "{}"),
        ("transpose", r#"[{"a": ["x", "y"], "b": ["x"]}]"#, r#"{"x":["a","b"],"y":["a"]}"#),
        (
            "transpose",
            r#"[{"a": 1}]"#,
            "L036 argument 1: map of lists of strings is required, found an element that is number",
        ),
        ("zipmap", r#"[["a", "b"], [1, 2]]"#, r#"{"a":1,"b":2}"#),
        ("zipmap", r#"[["a"], []]"#, "L037 1 keys do not fit 0 values"),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("abs", "[-2.5]", "2.5"),
        ("ceil", "[-0.5]", "0"),
        ("floor", "[-0.5]", "-1"),
        ("signum", r#"["-7"]"#, "-1"),
        ("log", "[8, 2]", "3"),
        ("log", "[0, 2]", "L037 the result is not a finite number"),
        ("pow", "[2, 10]", "1024"),
        ("pow", "[4, 0.5]", "2"),
        ("pow", "[10, 400]", "L037 the result is not a finite number"),
        ("max", r#"[1, "12", 3]"#, "12"),
        ("min", "[1, -0.5]", "-0.5"),
        ("parseint", r#"["ff", 16]"#, "255"),
        ("parseint", r#"["-FF", 16]"#, "-255"),
        ("parseint", r#"["aA", 62]"#, "656"),
        ("parseint", r#"["100000000000000000000", 10]"#, "100000000000000000000"),
        ("parseint", r#"["2", 2]"#, "L037 \"2\" is no whole number in base 2"),
        ("parseint", r#"["", 10]"#, "L037 \"\" is no whole number in base 10"),
        ("parseint", r#"["1", 63]"#, "L036 argument 2: a base from 2 to 62 is required, found 63"),
    ]);
}

#[test]
fn encoding() {
    check(&[
        ("base64encode", r#"["häß"]"#, r#""aMOkw58=""#),
        ("base64decode", r#"["aMOkw58="]"#, r#""häß""#),
        ("base64decode", r#"["/w=="]"#, "L037 the decoded bytes are no UTF-8 text"),
        (
            "csvdecode",
            r#"["a,b\n1,\"x, \"\"y\"\"\"\r\n\n2,\n"]"#,
            r#"[{"a":"1","b":"x, \"y\""},{"a":"2","b":""}]"#,
        ),
        ("csvdecode", r#"["a\n\"x\ny\"\n"]"#, r#"[{"a":"x\ny"}]"#),
        ("csvdecode", r#"["a"]"#, "[]"),
        ("csvdecode", r#"[""]"#, "L037 the header line is missing"),
        ("csvdecode", r#"["a,a\n"]"#, "L037 column \"a\" is named twice"),
        ("csvdecode", r#"["a,b\n1"]"#, "L037 line 2: 1 fields, the header has 2"),
        ("csvdecode", r#"["a\n\"x"]"#, "L037 line 2: a quote is not closed"),
        ("csvdecode", r#"["a\nx\"y"]"#, "L037 line 2: a quote inside a field that is not quoted"),
        ("csvdecode", r#"["a\n\"x\"y"]"#, "L037 line 2: text behind a closing quote"),
        ("jsondecode", r#"["{\"b\": [1.50, null]}"]"#, r#"{"b":[1.5,null]}"#),
        (
            "jsondecode",
            r#"["{"]"#,
            "L037 the text is no JSON: EOF while parsing an object at line 1 column 1",
        ),
        ("jsonencode", r#"[{"b": 1, "a": [true, "<&>"]}]"#, r#""{\"a\":[true,\"<&>\"],\"b\":1}""#),
        ("jsonencode", "[null]", r#""null""#),
        ("urlencode", r#"["a b/ü~"]"#, r#""a+b%2F%C3%BC~""#),
    ]);
    assert!(matches!(run("base64decode", r#"["%"]"#), Err(FnError::Failed(_))));
}

#[test]
fn time() {
    let date = r#""2006-01-02T15:04:05-07:00""#;
    let cases = [
        ("YYYY-MM-DD hh:mm:ss", "2006-01-02 15:04:05"),
        ("YY M D h H m s", "06 1 2 15 3 4 5"),
        ("EEEE EEE MMMM MMM", "Monday Mon January Jan"),
        ("HH AA aa", "03 PM pm"),
        ("Z ZZZ ZZZZ ZZZZZ", "-07:00 -0700 -0700 -07:00"),
        ("'at' h 'o''clock'", "at 15 o'clock"),
        ("''", ""),
    ];
    for (format, expected) in cases {
        let format = serde_json::Value::from(format);
        let args = format!("[{format}, {date}]");
        assert_eq!(run("formatdate", &args).unwrap(), Value::text(expected), "{args}");
    }
    check(&[
        ("formatdate", r#"["Z ZZZ ZZZZ", "2006-01-02T15:04:05Z"]"#, r#""Z UTC +0000""#),
        (
            "formatdate",
            r#"["yy", "2006-01-02T15:04:05Z"]"#,
            "L036 argument 1: a date format is required, found `yy`, which is no token; quote literal letters: 'yy'",
        ),
        (
            "formatdate",
            r#"["'a", "2006-01-02T15:04:05Z"]"#,
            "L036 argument 1: a date format is required, found a quote that is not closed",
        ),
        (
            "formatdate",
            r#"["D", "2006-01-02"]"#,
            "L036 argument 2: a timestamp like 2006-01-02T15:04:05Z is required, found string \"2006-01-02\"",
        ),
        ("timeadd", r#"["2017-11-22T00:00:00Z", "1h30m"]"#, r#""2017-11-22T01:30:00Z""#),
        ("timeadd", r#"["2017-11-22T00:00:00+02:00", "-1.5s"]"#, r#""2017-11-21T23:59:58+02:00""#),
        ("timeadd", r#"["2017-11-22T00:00:00Z", "0"]"#, r#""2017-11-22T00:00:00Z""#),
        (
            "timeadd",
            r#"["2017-11-22T00:00:00Z", "1d"]"#,
            "L036 argument 2: a duration like 1h30m or -10s is required, found string \"1d\"",
        ),
        (
            "timeadd",
            r#"["2017-11-22T00:00:00Z", ""]"#,
            "L036 argument 2: a duration like 1h30m or -10s is required, found string \"\"",
        ),
        ("timestamp", "[]", r#""2023-11-14T22:13:20Z""#),
    ]);
}

#[test]
fn regular_expressions() {
    check(&[
        ("regex", r#"["[a-z]+", "53453abc"]"#, r#""abc""#),
        ("regex", r#"["v([0-9]+)", "v12"]"#, r#""12""#),
        ("regex", r#"["(\\d+)-(\\d+)(x)?", "1-2"]"#, r#"["1","2",null]"#),
        ("regex", r#"["(?P<major>\\d+)\\.(?P<minor>\\d+)", "1.2"]"#, r#"{"major":"1","minor":"2"}"#),
        ("regex", r#"["a", "b"]"#, "L037 the pattern does not match the text"),
        ("regex", r#"["(", "b"]"#, "L036 argument 1: a regular expression is required, found unclosed group"),
        (
            "regex",
            r#"["(?P<a>x)(y)", "xy"]"#,
            "L036 argument 1: a regular expression whose groups are all named or all unnamed is required, found both",
        ),
        ("regexall", r#"["[a-z]", "a1b"]"#, r#"["a","b"]"#),
        ("regexall", r#"["([a-z])\\d", "a1b2c"]"#, r#"["a","b"]"#),
        ("regexall", r#"["x", "a"]"#, "[]"),
        ("regexreplace", r#"["a1b2", "([a-z])(\\d)", "$2$1"]"#, r#""1a2b""#),
        ("regexreplace", r#"["ab", "(?P<x>a)", "${x}_"]"#, r#""a_b""#),
    ]);
}

#[test]
fn sets() {
    check(&[
        ("toset", r#"[["b", "a", "b", 1]]"#, r#"["1","a","b"]"#),
        ("toset", r#"["a"]"#, "L036 argument 1: set is required, found string \"a\""),
        ("setproduct", r#"[["a", "b"], [1, 2]]"#, r#"[["a",1],["a",2],["b",1],["b",2]]"#),
        ("setproduct", "[[1], []]", "[]"),
        ("setproduct", "[[1]]", "L036 takes at least 2 arguments, found 1"),
        ("setintersection", "[[1, 2], [2, 3]]", "[2]"),
        ("setunion", "[[2, 1], [3]]", "[1,2,3]"),
        ("setsubtract", "[[1, 2], [2]]", "[1]"),
        ("setsubtract", r#"[[1, 2], ["2"]]"#, r#"["1"]"#),
        ("setsymmetricdifference", "[[1, 2], [2, 3]]", "[1,3]"),
    ]);
}

#[test]
fn conversions() {
    check(&[
        ("tobool", r#"["true"]"#, "true"),
        ("tobool", "[1]", "L036 argument 1: bool is required, found number"),
        ("tobool", "[null]", "null"),
        ("tonumber", r#"["1e3"]"#, "1000"),
        ("tonumber", r#"["x"]"#, "L036 argument 1: number is required, found string \"x\""),
        ("tostring", "[true]", r#""true""#),
        ("tostring", "[[]]", "L036 argument 1: string is required, found list"),
        ("tolist", r#"[{"set": ["b", "a"]}]"#, r#"["a","b"]"#),
        ("tolist", r#"[["a", 1]]"#, r#"["a","1"]"#),
        ("tomap", r#"[{"a": 1, "b": "x"}]"#, r#"{"a":"1","b":"x"}"#),
        ("tomap", "[[1]]", "L036 argument 1: object is required, found list"),
    ]);
}

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

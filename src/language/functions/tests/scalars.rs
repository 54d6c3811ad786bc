//! Functions on numbers, encodings, moments and conversions.

use super::super::FnError;
use super::{check, run};
use crate::value::Value;

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
            "L036 argument 1 is no date format: the letters from character 1 on are no token; put text into single quotes",
        ),
        (
            "formatdate",
            r#"["'a", "2006-01-02T15:04:05Z"]"#,
            "L036 argument 1 is no date format: a quote that is not closed",
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
fn conversions() {
    check(&[
        ("tobool", r#"["true"]"#, "true"),
        ("tobool", "[1]", "L036 argument 1: bool is required, found number"),
        ("tobool", "[null]", "null"),
        ("tonumber", r#"["1e3"]"#, "1000"),
        (
            "tonumber",
            r#"["1e-9223372036854775808"]"#,
            "L036 argument 1: number is required, found string \"1e-9223372036854775808\"",
        ),
        ("tonumber", r#"["x"]"#, "L036 argument 1: number is required, found string \"x\""),
        ("tostring", "[true]", r#""true""#),
        ("tostring", "[[]]", "L036 argument 1: string is required, found list"),
        ("tolist", r#"[{"set": ["b", "a"]}]"#, r#"["a","b"]"#),
        ("tolist", r#"[["a", 1]]"#, r#"["a","1"]"#),
        ("tomap", r#"[{"a": 1, "b": "x"}]"#, r#"{"a":"1","b":"x"}"#),
        ("tomap", "[[1]]", "L036 argument 1: object is required, found list"),
    ]);
}

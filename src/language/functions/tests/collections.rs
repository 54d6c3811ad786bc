//! Functions on lists, maps and sets.

use super::{check, run};

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

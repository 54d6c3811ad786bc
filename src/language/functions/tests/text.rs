//! Functions on text.

use super::check;

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
            "L036 argument 1 is no format: at character 1, the verb is unknown; write `%%` for a percent sign",
        ),
        (
            "format",
            r#"["%"]"#,
            "L036 argument 1 is no format: at character 1, the format ends before its verb",
        ),
        (
            "format",
            r#"["%[0]s", 1]"#,
            "L036 argument 1 is no format: at character 1, between the brackets is no position, they begin at 1",
        ),
        (
            "format",
            r#"["%[18446744073709551615]s%s", 1]"#,
            "L036 argument 1 is no format: at character 1, a position is above the greatest, 1000000",
        ),
        ("format", r#"["%[1000000]s%s", 1]"#, "L037 `%[1000000]s` needs argument 1000000, 1 are given"),
        ("format", r#"["%d", "x"]"#, "L036 argument 2: for `%d` a number is required, found string \"x\""),
        ("format", r#"["%s", [1]]"#, "L036 argument 2: for `%s` a string is required, found list"),
        (
            "format",
            r#"["%99999d", 1]"#,
            "L036 argument 1 is no format: at character 1, a number is above the greatest width and precision, 1000",
        ),
        ("formatlist", r#"["%s:%d", ["a", "b"], 1]"#, r#"["a:1","b:1"]"#),
        ("formatlist", r#"["%s%s", ["a", "b"], ["c", "d"]]"#, r#"["ac","bd"]"#),
        ("formatlist", r#"["%s", "a"]"#, r#"["a"]"#),
        ("formatlist", r#"["%s", []]"#, "[]"),
        ("formatlist", r#"["%s%s", ["a"], ["c", "d"]]"#, "L037 argument 2 has 1 elements, argument 3 has 2"),
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
        ("regex", r#"["(", "b"]"#, "L036 argument 1 is no regular expression: unclosed group"),
        (
            "regex",
            r#"["(?P<a>x)(y)", "xy"]"#,
            "L036 argument 1 is no regular expression: some groups have a name and others none",
        ),
        ("regexall", r#"["[a-z]", "a1b"]"#, r#"["a","b"]"#),
        ("regexall", r#"["([a-z])\\d", "a1b2c"]"#, r#"["a","b"]"#),
        ("regexall", r#"["x", "a"]"#, "[]"),
        ("regexreplace", r#"["a1b2", "([a-z])(\\d)", "$2$1"]"#, r#""1a2b""#),
        ("regexreplace", r#"["ab", "(?P<x>a)", "${x}_"]"#, r#""a_b""#),
    ]);
}

//! The worker's own `$NAME` expansion, for the few places that have no shell: runner templates, step attributes.
//!
//! One pass: a substituted value is never expanded again. Nothing in the arguments of `exec` comes here.

/// What becomes of a name that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It vanishes: runner templates.
    Empty,
    /// It stays as written: attributes and messages.
    Kept,
}

/// One piece of an expandable text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Literal(&'a str),
    Dollar,
    Name { name: &'a str, written: &'a str },
}

/// Replaces `$name` and `${name}`; `$$` becomes `$`; shell operators inside braces are left as written.
pub(crate) fn expand(text: &str, unknown: Unknown, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in (Pieces { rest: text }) {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Dollar => out.push('$'),
            Piece::Name { name, written } => match (lookup(name), unknown) {
                (Some(value), _) => out.push_str(&value),
                (None, Unknown::Empty) => {}
                (None, Unknown::Kept) => out.push_str(written),
            },
        }
    }
    out
}

/// The name, if the text is exactly one reference.
pub(crate) fn sole_name(text: &str) -> Option<&str> {
    let mut pieces = Pieces { rest: text };
    match (pieces.next(), pieces.next()) {
        (Some(Piece::Name { name, .. }), None) => Some(name),
        _ => None,
    }
}

/// The names that step attributes may use: those a build defines, never the worker's own environment.
pub(crate) fn is_build_name(name: &str) -> bool {
    name == "WORKDIR" || ["BUILD_", "INPUT_", "GET_", "TASK_"].iter().any(|family| name.starts_with(family))
}

struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let text = self.rest;
        if text.is_empty() {
            return None;
        }
        let Some(after) = text.strip_prefix('$') else {
            let end = text.find('$').unwrap_or(text.len());
            self.rest = &text[end..];
            return Some(Piece::Literal(&text[..end]));
        };
        let (piece, length) = reference(text, after);
        self.rest = &text[length..];
        Some(piece)
    }
}

/// The piece that begins with the `$` before `after`, and its length.
fn reference<'a>(text: &'a str, after: &'a str) -> (Piece<'a>, usize) {
    if after.starts_with('$') {
        return (Piece::Dollar, 2);
    }
    if let Some(inside) = after.strip_prefix('{') {
        return match inside.split_once('}') {
            Some((name, _)) if !name.is_empty() && name_length(name) == name.len() => {
                let length = name.len() + 3;
                (Piece::Name { name, written: &text[..length] }, length)
            }
            _ => (Piece::Literal(&text[..1]), 1),
        };
    }
    match name_length(after) {
        0 => (Piece::Literal(&text[..1]), 1),
        length => (Piece::Name { name: &after[..length], written: &text[..=length] }, length + 1),
    }
}

fn name_length(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Option<String> {
        match name {
            "A" => Some("1".into()),
            "A_B" => Some("$A".into()),
            "E" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn the_longest_name_is_taken_in_one_pass() {
        let cases = [
            ("x $A_B-$A", "x $A-1"),
            ("${A}_B ${E}|", "1_B |"),
            ("$$A $ $- 5$", "$A $ $- 5$"),
            ("$NO ${NO}", "$NO ${NO}"),
            ("${A:-x} ${} ${A", "${A:-x} ${} ${A"),
            ("ü$Aü", "ü1ü"),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(text, Unknown::Kept, known), expected, "{text}");
        }
        assert_eq!(expand("<$NO>", Unknown::Empty, known), "<>");
    }

    #[test]
    fn a_sole_reference_is_told_from_text() {
        assert_eq!((sole_name("$env"), sole_name("${args}")), (Some("env"), Some("args")));
        assert_eq!((sole_name("$a$b"), sole_name("-$a"), sole_name("$$")), (None, None, None));
    }
}

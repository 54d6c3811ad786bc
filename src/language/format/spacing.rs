//! Blanks between the tokens of a line.

use crate::lex::{Token, TokenKind};

/// The tokens with the blanks that belong between them.
pub(super) fn join(text: &str, tokens: &[Token]) -> String {
    let mut out = String::new();
    for (index, token) in tokens.iter().enumerate() {
        if let Some(previous) = index.checked_sub(1).map(|index| &tokens[index]) {
            let before = index.checked_sub(2).map(|index| &tokens[index]);
            if blank_between(text, before, previous, token) {
                out.push(' ');
            }
        }
        out.push_str(text[token.span.clone()].trim_end());
    }
    out
}

/// Whether a blank stands between two tokens. Where the language leaves it open, one stands where some stood.
fn blank_between(text: &str, before: Option<&Token>, left: &Token, right: &Token) -> bool {
    let (l, r) = (&text[left.span.clone()], &text[right.span.clone()]);
    let written = left.span.end < right.span.start;
    match (l, r) {
        ("{", "}") | ("(" | "[", _) | (_, ")" | "]" | ",") => false,
        (".", _) | (_, "." | "...") => false,
        (",", _) | ("{", _) | (_, "{" | "}") => true,
        _ if left.kind == TokenKind::Assign || right.kind == TokenKind::Assign => true,
        _ if is_comment(left) || is_comment(right) => true,
        ("!", _) => false,
        ("-", _) if is_unary(text, before) => false,
        ("?" | ":", _) | (_, "?" | ":") => true,
        ("==" | "!=" | "<=" | ">=" | "&&" | "||" | "=>", _) => true,
        (_, "==" | "!=" | "<=" | ">=" | "&&" | "||" | "=>") => true,
        _ => written,
    }
}

fn is_comment(token: &Token) -> bool {
    matches!(token.kind, TokenKind::LineComment | TokenKind::BlockComment)
}

/// Whether a minus after this token is a sign.
fn is_unary(text: &str, before: Option<&Token>) -> bool {
    before.is_none_or(|before| match before.kind {
        TokenKind::Assign | TokenKind::Open | TokenKind::Comma => true,
        TokenKind::Operator => !matches!(&text[before.span.clone()], "." | "*"),
        _ => false,
    })
}

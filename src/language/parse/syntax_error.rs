//! What the HCL parser says, in terms of what was written.

use crate::diagnostic::Code;
use crate::lex::{Lexed, Problem, Token, TokenKind};
use crate::source::Span;

/// Turns the parser's message at `at` into a problem with a place and, where the mistake is known, a hint.
pub(super) fn translate(text: &str, lexed: &Lexed, at: usize, parser_message: &str) -> Problem {
    let next = lexed.tokens.iter().find(|token| token.span.end > at);
    let span = next.map_or(at..at, |token| token.span.start.max(at)..token.span.end);
    let span = if &text[span.clone()] == "\n" { span.start..span.start } else { span };

    if parser_message.contains("unique attribute key") {
        let message = format!("attribute \"{}\" is given twice", &text[span.clone()]);
        return Problem { code: Code::Duplicate, span, message, hint: None };
    }
    if parser_message.contains("64 nested levels") {
        return syntax(span, "more than 64 nested levels", None);
    }
    if parser_message.contains("128 chained") {
        return syntax(span, "more than 128 chained operators", Some("use parentheses or a function"));
    }
    if let Some(opening) = single_line_block(text, &lexed.tokens, at) {
        return Problem {
            code: Code::SingleLineBlock,
            span: opening..span.end.max(opening + 1),
            message: "a block on one line holds at most one attribute and no block".to_owned(),
            hint: Some("put each attribute and each nested block on its own line"),
        };
    }
    let found = found(text, next.filter(|token| token.span.end > at), &span);
    let expected = expected(parser_message);
    let hint = match expected.as_str() {
        "expected `{`" => Some("an attribute is written `name = value`, a block `name \"label\" {`"),
        _ => hint(text, next),
    };
    syntax(span, format!("{expected}, found {found}"), hint)
}

fn syntax(span: Span, message: impl Into<String>, hint: Option<&'static str>) -> Problem {
    Problem { code: Code::Syntax, span, message: message.into(), hint }
}

/// Where the block opens that stands on one line around `at` and holds too much for that.
fn single_line_block(text: &str, tokens: &[Token], at: usize) -> Option<usize> {
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut previous: Option<&Token> = None;
    for token in tokens.iter().filter(|token| token.span.start >= line_start) {
        if token.span.start >= at {
            break;
        }
        match token.kind {
            TokenKind::Open => {
                let after_label = previous.is_some_and(|previous| {
                    matches!(previous.kind, TokenKind::Identifier | TokenKind::String)
                });
                open.push((token.span.start, after_label && &text[token.span.clone()] == "{"));
            }
            TokenKind::Close => {
                open.pop();
            }
            _ => {}
        }
        previous = Some(token);
    }
    let (opening, is_block) = open.last().copied()?;
    let first_after = tokens.iter().find(|token| token.span.start > opening)?;
    let on_one_line = first_after.span.start < at || opens_block(tokens, at);
    (is_block && on_one_line && !broken_attribute(text, tokens, opening, at)).then_some(opening)
}

/// Whether labels and a brace stand at `at`.
fn opens_block(tokens: &[Token], at: usize) -> bool {
    let from = tokens.partition_point(|token| token.span.end <= at);
    tokens[from..]
        .iter()
        .find(|token| !matches!(token.kind, TokenKind::String | TokenKind::Identifier))
        .is_some_and(|token| token.kind == TokenKind::Open)
}

/// Whether the block holds one attribute only, which is wrong in itself: a value is missing or broken.
fn broken_attribute(text: &str, tokens: &[Token], opening: usize, at: usize) -> bool {
    let last = tokens.iter().rfind(|token| token.span.start > opening && token.span.end <= at);
    match last {
        Some(token) => {
            matches!(token.kind, TokenKind::Assign | TokenKind::Operator | TokenKind::Comma)
                || (token.kind == TokenKind::Identifier
                    && !opens_block(tokens, at)
                    && !text[..at].contains('='))
        }
        None => false,
    }
}

fn found(text: &str, next: Option<&Token>, span: &Span) -> String {
    match next {
        None => "the end of the file".to_owned(),
        Some(token) => match token.kind {
            TokenKind::Newline => "the end of the line".to_owned(),
            TokenKind::String => "a string".to_owned(),
            TokenKind::Heredoc => "a heredoc".to_owned(),
            _ => format!("\"{}\"", text[span.clone()].chars().take(40).collect::<String>()),
        },
    }
}

/// What would have been right, in the words of the language.
fn expected(parser_message: &str) -> String {
    let (subject, expectation) = parser_message.split_once("; ").unwrap_or(("", parser_message));
    match subject {
        "invalid expression" => return "expected a value".to_owned(),
        "invalid structure" => return "expected `=` and a value, or labels and `{`".to_owned(),
        "invalid block body" => return "expected the end of the line, an attribute or `}`".to_owned(),
        _ => {}
    }
    match expectation {
        "expected newline or eof" => "expected the end of the line".to_owned(),
        "unexpected token" => "expected a block or an attribute".to_owned(),
        other => other.to_owned(),
    }
}

fn hint(text: &str, next: Option<&Token>) -> Option<&'static str> {
    match next.map(|token| &text[token.span.clone()])? {
        ":" | "=>" => Some("write `name = value`"),
        "'" => Some("strings stand in double quotes"),
        "," => Some("attributes of a block stand on lines of their own, without commas"),
        _ => None,
    }
}

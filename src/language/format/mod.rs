//! The canonical layout of a pipeline file.
//!
//! It works on tokens, line by line: two blanks for each level, `=` and trailing comments of neighbouring lines aligned, at
//! most one blank line. Comments, strings and heredocs stay byte for byte, so the meaning cannot change.

mod align;
mod indent;
mod spacing;

use crate::compile;
use crate::diagnostic::Diagnostic;
use crate::lex::{self, Token, TokenKind};
use crate::parse::Document;

/// Lays a file out.
///
/// # Errors
/// Every syntax error.
pub fn format(file: &str, bytes: &[u8]) -> Result<String, Vec<Diagnostic>> {
    let source = compile::decode(file, bytes)?;
    Document::parse(&source)?;
    let text = source.text();
    let tokens = lex::lex(text).tokens;
    let mut lines = lines(text, &tokens);
    indent::indent(&mut lines);
    align::assignments(&mut lines);
    align::comments(&mut lines);
    Ok(print(&lines))
}

/// A line of the output: what stands before `=`, after it, and the comment at its end.
#[derive(Debug, Default)]
struct Line {
    /// Levels of indentation.
    level: usize,
    /// The text up to the comment, or up to `=` when there is one to align.
    head: String,
    /// `= …`, when the line is an assignment.
    assignment: Option<String>,
    /// A comment after other text.
    comment: Option<String>,
    /// Brackets that the line opens and closes, in order.
    brackets: Vec<Bracket>,
}

/// One bracket, and whether nothing but closing brackets stands before it on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Open,
    Close { leading: bool },
}

impl Line {
    fn is_blank(&self) -> bool {
        self.head.is_empty() && self.assignment.is_none() && self.comment.is_none()
    }

    /// Whether a string or comment in it goes on over further lines.
    fn has_inner_lines(&self) -> bool {
        self.head.contains('\n') || self.assignment.as_ref().is_some_and(|text| text.contains('\n'))
    }
}

/// The lines of a text, without more than one blank line in a row.
fn lines(text: &str, tokens: &[Token]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for tokens in tokens.split(|token| token.kind == TokenKind::Newline) {
        let line = line(text, tokens);
        let follows_blank = lines.last().is_none_or(Line::is_blank);
        if !(line.is_blank() && follows_blank) {
            lines.push(line);
        }
    }
    while lines.last().is_some_and(Line::is_blank) {
        lines.pop();
    }
    lines
}

fn line(text: &str, tokens: &[Token]) -> Line {
    let mut line = Line { brackets: brackets(tokens), ..Line::default() };
    let (code, comment) = match tokens.split_last() {
        Some((last, code)) if last.kind == TokenKind::LineComment && !code.is_empty() => (code, Some(last)),
        _ => (tokens, None),
    };
    line.comment = comment.map(|comment| text[comment.span.clone()].trim_end().to_owned());
    match code {
        [name, assign, ..]
            if assign.kind == TokenKind::Assign
                && matches!(name.kind, TokenKind::Identifier | TokenKind::String) =>
        {
            line.head = spacing::join(text, &code[..1]);
            line.assignment = Some(spacing::join(text, &code[1..]));
        }
        code => line.head = spacing::join(text, code),
    }
    line
}

fn brackets(tokens: &[Token]) -> Vec<Bracket> {
    let mut leading = true;
    let mut brackets = Vec::new();
    for token in tokens {
        match token.kind {
            TokenKind::Open => brackets.push(Bracket::Open),
            TokenKind::Close => brackets.push(Bracket::Close { leading }),
            TokenKind::Comma => continue,
            _ => {}
        }
        leading &= token.kind == TokenKind::Close;
    }
    brackets
}

fn print(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        if !line.is_blank() {
            out.push_str(&" ".repeat(2 * line.level));
            out.push_str(&line.head);
            out.push_str(line.assignment.as_deref().unwrap_or(""));
            out.push_str(line.comment.as_deref().unwrap_or(""));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, laid_out: &str) {
        let once = format("f.hcl", written.as_bytes()).map_err(|findings| findings[0].message.clone());
        assert_eq!(once.as_deref(), Ok(laid_out));
        let twice = format("f.hcl", laid_out.as_bytes()).map_err(|findings| findings[0].message.clone());
        assert_eq!(twice.as_deref(), Ok(laid_out), "not stable");
    }

    #[test]
    fn blocks_are_indented_and_assignments_aligned() {
        check(
            "job \"a\"   {\nget \"git\" \"app\" { trigger=true }\n  concurrency =1\n      tags= [ \"x\",\"y\" ]\n}\n",
            "job \"a\" {\n  get \"git\" \"app\" { trigger = true }\n  concurrency = 1\n  tags        = [\"x\", \"y\"]\n}\n",
        );
    }

    #[test]
    fn a_lone_carriage_return_is_a_blank() {
        check("x {\na = 1\n\r  }\n", "x {\n  a = 1\n}\n");
    }

    #[test]
    fn comments_are_kept_and_aligned() {
        check(
            "# top\n\n\n\njob \"a\" { // why\n/* in\n  here */\nconcurrency = 1 # one\ntimeout=\"10s\"    # ten\n\n}\n\n\n",
            "# top\n\njob \"a\" { // why\n  /* in\n  here */\n  concurrency = 1     # one\n  timeout     = \"10s\" # ten\n\n}\n",
        );
    }

    #[test]
    fn heredocs_keep_their_text() {
        let written = "task \"a\" {\nrun \"exec\" {\npath=\"sh\"\nargs = [\"-c\", <<-EOT\n   a =  1\n\n\n  b\n  EOT\n]\n}\n}\n";
        let laid_out = "task \"a\" {\n  run \"exec\" {\n    path = \"sh\"\n    args = [\"-c\", <<-EOT\n   a =  1\n\n\n  b\n  EOT\n    ]\n  }\n}\n";
        check(written, laid_out);
    }

    #[test]
    fn expressions_get_single_blanks() {
        check(
            "x {\na = var.b==1&&! c ?  {for k,v in m: k=>v...}: -1\nb = f( 1 , [ 2 ] , { a = 1,b: 2 } )\nc = l[ 0 ].x[*].y\nd = {}\ne = {\nf=1\n}\n}\n",
            "x {\n  a = var.b == 1 && !c ? { for k, v in m : k => v... } : -1\n  b = f(1, [2], { a = 1, b : 2 })\n  c = l[0].x[*].y\n  d = {}\n  e = {\n    f = 1\n  }\n}\n",
        );
    }

    #[test]
    fn several_brackets_of_one_line_indent_once() {
        check(
            "x {\na = f([\n1,\n2,\n])\nb = [{\nc = 1\n}, {\nd = 2\n}]\n}\n",
            "x {\n  a = f([\n    1,\n    2,\n  ])\n  b = [{\n    c = 1\n  }, {\n    d = 2\n  }]\n}\n",
        );
    }

    #[test]
    fn what_does_not_parse_is_refused() {
        assert!(format("f.hcl", b"job \"a\" {\n").is_err());
    }
}

//! The tokens of a pipeline file.

use super::{Lexer, Problem};
use crate::diagnostic::Code;
use crate::source::Span;

/// A stretch of the text that belongs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its bytes.
    pub span: Span,
}

/// The kinds of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A name or keyword.
    Identifier,
    /// A number.
    Number,
    /// A quoted string with its quotes and everything in it.
    String,
    /// A heredoc from `<<` to its closing marker.
    Heredoc,
    /// `# …` or `// …`, without the line's end.
    LineComment,
    /// `/* … */`.
    BlockComment,
    /// The end of a line.
    Newline,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// `,`
    Comma,
    /// `=` alone.
    Assign,
    /// Any other operator or sign.
    Operator,
}

/// Signs of two or three characters that must not be torn apart.
const LONG_OPERATORS: [&str; 9] = ["...", "==", "!=", "<=", ">=", "&&", "||", "=>", "::"];

impl Lexer<'_> {
    /// The next token; `None` at the end.
    pub(super) fn next_token(&mut self) -> Option<Token> {
        // A carriage return without its line feed is a blank for the parser, too.
        self.skip_until(|c| !matches!(c, ' ' | '\t' | '\r'));
        let start = self.at;
        let first = self.peek()?;
        let kind = self.token_kind(first);
        if self.at == start {
            self.bump();
        }
        Some(Token { kind, span: start..self.at })
    }

    fn token_kind(&mut self, first: char) -> TokenKind {
        match first {
            '\n' => self.single(TokenKind::Newline),
            '"' => self.quoted(),
            '(' | '[' | '{' => self.single(TokenKind::Open),
            ')' | ']' | '}' => self.single(TokenKind::Close),
            ',' => self.single(TokenKind::Comma),
            '#' => self.line_comment(),
            '/' if self.starts_with("//") => self.line_comment(),
            '/' if self.starts_with("/*") => self.block_comment(),
            '<' if self.heredoc_opens() => self.heredoc(),
            c if c.is_ascii_digit() => {
                self.skip_until(|c| !(c.is_ascii_alphanumeric() || c == '.'));
                TokenKind::Number
            }
            c if is_name_start(c) => {
                self.skip_until(|c| !is_name_continue(c));
                TokenKind::Identifier
            }
            _ => self.operator(),
        }
    }

    fn single(&mut self, kind: TokenKind) -> TokenKind {
        self.bump();
        kind
    }

    fn operator(&mut self) -> TokenKind {
        if let Some(long) = LONG_OPERATORS.iter().find(|long| self.starts_with(long)) {
            self.advance(long.len());
            return TokenKind::Operator;
        }
        let assign = self.starts_with("=");
        self.bump();
        if assign { TokenKind::Assign } else { TokenKind::Operator }
    }

    fn line_comment(&mut self) -> TokenKind {
        self.skip_until(|c| c == '\n');
        TokenKind::LineComment
    }

    fn block_comment(&mut self) -> TokenKind {
        let start = self.at;
        match self.rest().find("*/") {
            Some(end) => self.advance(end + 2),
            None => {
                self.at = self.limit;
                self.syntax(start..start + 2, "the comment is not closed", Some("close it with `*/`"));
            }
        }
        TokenKind::BlockComment
    }
}

/// Whether a name may begin with this.
pub(super) fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// Whether a name may go on with this.
pub(super) fn is_name_continue(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// Words that open a block at the top level only: where one stands inside of another block, that one was not closed.
const TOP_LEVEL_ONLY: [&str; 7] =
    ["variable", "resource_type", "resource", "runner_type", "secret_type", "service_type", "job"];

/// The first bracket without its partner.
pub(super) fn check_brackets(text: &str, tokens: &[Token]) -> Option<Problem> {
    let mut open: Vec<&Token> = Vec::new();
    let mut suspect: Option<&Token> = None;
    let mut line_begins = true;
    for token in tokens {
        let word = &text[token.span.clone()];
        match token.kind {
            TokenKind::Open => open.push(token),
            TokenKind::Close => match open.pop() {
                Some(opening) if closing_of(&text[opening.span.clone()]) == word => {}
                Some(opening) => {
                    let found = &text[opening.span.clone()];
                    let message = format!("\"{found}\" is closed by \"{word}\"");
                    return Some(problem(opening.span.start..token.span.end, message));
                }
                None => return Some(problem(token.span.clone(), format!("\"{word}\" closes nothing"))),
            },
            TokenKind::Identifier if line_begins && suspect.is_none() && TOP_LEVEL_ONLY.contains(&word) => {
                suspect = opens_block(tokens, token).then(|| open.last().copied()).flatten();
            }
            _ => {}
        }
        line_begins = token.kind == TokenKind::Newline;
    }
    let opening = open.last().map(|last| suspect.unwrap_or(last))?;
    let what = if text[opening.span.clone()] == *"{" {
        "the block is not closed"
    } else {
        "the bracket is not closed"
    };
    Some(problem(opening.span.clone(), what.to_owned()))
}

fn problem(span: Span, message: String) -> Problem {
    Problem { code: Code::Syntax, span, message, hint: None }
}

fn closing_of(opening: &str) -> &'static str {
    match opening {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

/// Whether `word` is followed by labels and an opening brace.
fn opens_block(tokens: &[Token], word: &Token) -> bool {
    let after = tokens.partition_point(|token| token.span.start <= word.span.start);
    tokens[after..]
        .iter()
        .find(|token| token.kind != TokenKind::String && token.kind != TokenKind::Identifier)
        .is_some_and(|token| token.kind == TokenKind::Open)
}

//! The lexical pass: tokens, the dollar rules, and what the HCL parser would wrongly accept.
//!
//! One walk over the text finds where strings, heredocs, interpolations and comments begin and end. From it come the edits
//! that make run-time references literal for an HCL parser (see [`shell`]), the exact places of what is not closed, and the
//! tokens that the formatter lays out.

mod heredoc;
mod shell;
mod template;
mod token;

pub use shell::is_run_time_name;
pub use token::{Token, TokenKind};

use crate::diagnostic::Code;
use crate::source::Span;

/// A change to the text before an HCL parser sees it: at `at`, `delete` bytes give way to `insert`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// Byte offset in the source text.
    pub at: usize,
    /// How many bytes go.
    pub delete: usize,
    /// What comes in their place.
    pub insert: &'static str,
}

/// Something that is lexically wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its number; almost always that of a syntax error.
    pub code: Code,
    /// Where.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<&'static str>,
}

/// What the lexical pass found.
#[derive(Debug, Default)]
pub struct Lexed {
    /// All tokens, comments and newlines included; a string or a heredoc is one token.
    pub tokens: Vec<Token>,
    /// The edits, by position.
    pub edits: Vec<Edit>,
    /// What is wrong, by position.
    pub problems: Vec<Problem>,
    /// Whether every bracket outside of strings has its partner.
    pub balanced: bool,
}

/// How deep strings may nest in interpolations before the walk leaves the rest to the parser, which then says so.
const MAX_NESTING: usize = 96;

/// After this many problems a walk that would have to begin again gives up.
const MAX_PROBLEMS: usize = 20;

/// Walks the text once.
#[must_use]
pub fn lex(text: &str) -> Lexed {
    let mut lexer =
        Lexer { text, at: 0, limit: text.len(), edits: Vec::new(), problems: Vec::new(), nesting: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next_token() {
        tokens.push(token);
    }
    let Lexer { mut edits, mut problems, .. } = lexer;
    let unbalanced = token::check_brackets(text, &tokens);
    let balanced = unbalanced.is_none();
    problems.extend(unbalanced);
    edits.sort_by_key(|edit| edit.at);
    problems.sort_by_key(|problem| problem.span.start);
    Lexed { tokens, edits, problems, balanced }
}

/// The walk. `at` never passes `limit`, which is the end of the heredoc that is being read, or of the text.
struct Lexer<'a> {
    text: &'a str,
    at: usize,
    limit: usize,
    edits: Vec<Edit>,
    problems: Vec<Problem>,
    nesting: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..self.limit).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn starts_with(&self, prefix: &str) -> bool {
        self.rest().starts_with(prefix)
    }

    fn advance(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.limit);
    }

    /// Steps over one character; does nothing at the end.
    fn bump(&mut self) {
        let width = self.peek().map_or(0, char::len_utf8);
        self.advance(width);
    }

    /// Moves to the next character for which `stop` holds, or to the end.
    fn skip_until(&mut self, stop: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(stop).unwrap_or(rest.len());
    }

    fn syntax(&mut self, span: Span, message: impl Into<String>, hint: Option<&'static str>) {
        self.problems.push(Problem { code: Code::Syntax, span, message: message.into(), hint });
    }

    fn insert(&mut self, at: usize, insert: &'static str) {
        self.edits.push(Edit { at, delete: 0, insert });
    }
}

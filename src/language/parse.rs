//! Text in, spanned HCL tree out.
//!
//! The tree keeps the place of every expression, so that each later phase can point at what it speaks of. After a syntax
//! error each top-level statement is parsed by itself, so that one run shows more than the first mistake.

mod syntax_error;

use std::sync::Arc;

use hcl_edit::Span as HclSpan;
use hcl_edit::structure::Body;

use crate::diagnostic::{Code, Diagnostic};
use crate::dollar::{self, PositionMap};
use crate::lex::{self, Lexed, Problem, Token, TokenKind};
use crate::source::{SourceText, Span};

/// The largest pipeline file.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

/// More syntax errors than this are not looked for.
const MAX_SYNTAX_ERRORS: usize = 20;

/// A parsed file: the tree, and the way from its spans to the text.
#[derive(Debug)]
pub struct Document {
    source: Arc<SourceText>,
    map: PositionMap,
    body: Body,
}

impl Document {
    /// Parses a file.
    ///
    /// # Errors
    /// Every lexical and syntax error that was found.
    pub fn parse(source: &Arc<SourceText>) -> Result<Document, Vec<Diagnostic>> {
        let text = source.text();
        if text.len() > MAX_FILE_BYTES {
            let message = "the file is larger than 4 MiB";
            return Err(vec![Diagnostic::new(Code::Syntax, source, 0..0, message)]);
        }
        let lexed = lex::lex(text);
        if lexed.problems.is_empty() {
            match parse_text(text, &lexed) {
                Ok((body, map)) => return Ok(Document { source: source.clone(), map, body }),
                Err(problem) if lexed.tokens.is_empty() => return Err(vec![diagnostic(source, 0, problem)]),
                Err(_) => {}
            }
        }
        Err(all_problems(source, lexed))
    }

    /// The text that was parsed.
    #[must_use]
    pub fn source(&self) -> &Arc<SourceText> {
        &self.source
    }

    /// The top level.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The place of a node in the text as written.
    #[must_use]
    pub fn span(&self, node: &impl HclSpan) -> Span {
        self.map.span(node.span().unwrap_or(0..0))
    }
}

/// Parses one text that is lexically right.
fn parse_text(text: &str, lexed: &Lexed) -> Result<(Body, PositionMap), Problem> {
    let (prepared, map) = dollar::apply(text, &lexed.edits);
    match hcl_edit::parser::parse_body(&prepared) {
        Ok(body) => Ok((body, map)),
        Err(error) => {
            let at = map.written(error.location().offset());
            Err(syntax_error::translate(text, lexed, at, error.message()))
        }
    }
}

/// The lexical problems, and the first syntax error of each top-level statement without one.
fn all_problems(source: &Arc<SourceText>, lexed: Lexed) -> Vec<Diagnostic> {
    let statements = if lexed.balanced { statements(&lexed.tokens) } else { Vec::new() };
    let mut found = Vec::new();
    for statement in statements {
        let from = lexed.problems.partition_point(|problem| problem.span.start < statement.start);
        if lexed.problems.get(from).is_some_and(|problem| problem.span.start < statement.end) {
            continue;
        }
        let text = &source.text()[statement.clone()];
        if let Err(problem) = parse_text(text, &lex::lex(text)) {
            found.push(diagnostic(source, statement.start, problem));
        }
        if found.len() >= MAX_SYNTAX_ERRORS {
            break;
        }
    }
    found.extend(
        lexed.problems.into_iter().take(MAX_SYNTAX_ERRORS).map(|problem| diagnostic(source, 0, problem)),
    );
    found
}

fn diagnostic(source: &Arc<SourceText>, offset: usize, problem: Problem) -> Diagnostic {
    let span = problem.span.start + offset..problem.span.end + offset;
    let diagnostic = Diagnostic::new(problem.code, source, span, problem.message);
    match problem.hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// The stretches between line ends that are in no bracket.
fn statements(tokens: &[Token]) -> Vec<Span> {
    let mut statements = Vec::new();
    let mut depth = 0_usize;
    let mut start = None;
    let mut end = 0;
    for token in tokens {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            TokenKind::Newline if depth == 0 => {
                statements.extend(start.take().map(|start| start..token.span.end));
                continue;
            }
            _ => {}
        }
        start.get_or_insert(token.span.start);
        end = token.span.end;
    }
    statements.extend(start.map(|start| start..end));
    statements
}

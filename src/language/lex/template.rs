//! Quoted strings, interpolations and directives.

use super::shell::{self, Meaning};
use super::{Lexer, MAX_NESTING, MAX_PROBLEMS, TokenKind};

/// What holds the template that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// A quoted string: backslash escapes, ends at a quote, cannot pass a line's end.
    Quoted,
    /// A heredoc: no escapes, ends where the walk's limit is.
    Heredoc,
}

impl Lexer<'_> {
    /// A quoted string, from quote to quote.
    pub(super) fn quoted(&mut self) -> TokenKind {
        let start = self.at;
        let mut over_lines = None;
        self.bump();
        loop {
            match self.peek() {
                Some('"') => {
                    self.bump();
                    return TokenKind::String;
                }
                Some('\\') => self.escape(),
                Some('$' | '%') => {
                    let marker = self.at;
                    if !self.marker(Holder::Quoted) && matches!(self.peek(), Some('\n') | None) {
                        return TokenKind::String;
                    }
                    if self.text[marker..self.at].contains('\n') {
                        over_lines.get_or_insert(marker);
                    }
                }
                Some('\n') | None => {
                    match over_lines {
                        Some(marker) => self.unclosed_expression(marker),
                        None => {
                            let hint = "close it with `\"`, or use a heredoc for text of several lines";
                            self.syntax(start..self.at, "the string is not closed on its line", Some(hint));
                        }
                    }
                    return TokenKind::String;
                }
                Some(_) => self.bump(),
            }
        }
    }

    /// A backslash in a quoted string and what it escapes.
    fn escape(&mut self) {
        let start = self.at;
        self.bump();
        match self.peek() {
            Some('n' | 'r' | 't' | '"' | '\\' | 'u' | 'U') => self.bump(),
            Some('\n') | None => {}
            Some(other) => {
                self.bump();
                let hint = match other {
                    '$' => "write `$`; only `${` is special, and `$${` makes it literal",
                    _ => {
                        "escapes are \\n \\r \\t \\\" \\\\ \\uXXXX \\UXXXXXXXX; write `\\\\` for a backslash"
                    }
                };
                self.syntax(start..self.at, format!("\"\\{other}\" is not an escape"), Some(hint));
            }
        }
    }

    /// A `$` or `%` in a template: an escape, an interpolation, a directive, or just itself. Whether it was closed.
    pub(super) fn marker(&mut self, holder: Holder) -> bool {
        if self.starts_with("$${") || self.starts_with("%%{") {
            self.advance(3);
        } else if self.starts_with("${") {
            return self.dollar_brace(holder);
        } else if self.starts_with("%{") {
            return self.expression();
        } else {
            self.bump();
        }
        true
    }

    /// An unescaped `${`: a run-time reference becomes literal, anything else is HCL.
    fn dollar_brace(&mut self, holder: Holder) -> bool {
        match shell::meaning(&self.text[self.at + 2..self.limit]) {
            Meaning::RunTime => self.run_time_reference(holder),
            Meaning::Expression => self.expression(),
        }
    }

    /// `${ … }` or `%{ … }` as HCL, to its closing brace. Where there is none, goes to the line's end.
    fn expression(&mut self) -> bool {
        let start = self.at;
        let problems_before = self.problems.len();
        if self.nesting >= MAX_NESTING {
            self.advance(2);
            return true;
        }
        self.nesting += 1;
        self.advance(2);
        let mut open = 1_usize;
        while open > 0 {
            let Some(token) = self.next_token() else { break };
            match &self.text[token.span] {
                "{" => open += 1,
                "}" => open -= 1,
                _ => {}
            }
        }
        self.nesting -= 1;
        if open > 0 {
            self.problems.truncate(problems_before);
            self.unclosed_expression(start);
        }
        open == 0
    }

    /// Reports an interpolation, and goes back to the end of its line: what was read beyond was not meant to be in it.
    ///
    /// One within another stays where it is, so that no text is read again and again.
    fn unclosed_expression(&mut self, start: usize) {
        let hint = "close it with `}`, or write `$${` for a literal `${`";
        self.syntax(start..start + 2, "the interpolation is not closed", Some(hint));
        if self.problems.len() >= MAX_PROBLEMS {
            self.at = self.limit;
        } else if self.nesting == 0 {
            self.at = start;
            self.skip_until(|c| c == '\n');
        }
    }

    /// `${NAME…}` that a shell will see: escapes it for the HCL parser up to the matching brace.
    fn run_time_reference(&mut self, holder: Holder) -> bool {
        let start = self.at;
        self.insert(start, "$");
        self.advance(2);
        let mut open = 1_usize;
        let mut in_quotes = false;
        while open > 0 {
            match self.shell_char(holder) {
                ShellChar::End => {
                    let hint = "close it with `}`";
                    self.syntax(
                        start..start + 2,
                        "`${` has no matching `}` before the end of the string",
                        Some(hint),
                    );
                    return false;
                }
                ShellChar::Quote => in_quotes = !in_quotes,
                ShellChar::Open if !in_quotes => open += 1,
                ShellChar::Close if !in_quotes => open -= 1,
                ShellChar::Open | ShellChar::Close | ShellChar::Other => {}
            }
        }
        true
    }

    /// Steps over what is one character to the shell and says what it does to the count of braces.
    fn shell_char(&mut self, holder: Holder) -> ShellChar {
        let Some(c) = self.decoded(holder) else { return ShellChar::End };
        match c {
            '\\' => {
                // The shell's own escape: what follows does not count, in whatever way it is written.
                if self.decoded(holder).is_none() {
                    return ShellChar::End;
                }
                ShellChar::Other
            }
            '\'' => ShellChar::Quote,
            '{' => ShellChar::Open,
            '}' => ShellChar::Close,
            _ => ShellChar::Other,
        }
    }

    /// The next character as it will be after HCL's escapes; escapes a nested marker. `None` at the template's end.
    fn decoded(&mut self, holder: Holder) -> Option<char> {
        let c = self.peek()?;
        match (holder, c) {
            (Holder::Quoted, '"' | '\n') => return None,
            (Holder::Quoted, '\\') => {
                self.bump();
                let escaped = self.peek()?;
                self.bump();
                // Of the escapes, only a backslash and the quote mean something to the shell here.
                return Some(if escaped == '\\' { '\\' } else { 'x' });
            }
            _ => {}
        }
        if self.starts_with("$${") {
            self.advance(3);
            return Some('{');
        }
        if self.starts_with("${") {
            return Some(self.nested_dollar_brace());
        }
        if self.starts_with("%{") {
            self.insert(self.at, "%");
            self.advance(2);
            return Some('{');
        }
        self.bump();
        Some(c)
    }

    /// A `${` inside of a run-time reference: literal again (an opening brace), or HCL (nothing to the shell yet).
    fn nested_dollar_brace(&mut self) -> char {
        match shell::meaning(&self.text[self.at + 2..self.limit]) {
            Meaning::RunTime => {
                self.insert(self.at, "$");
                self.advance(2);
                '{'
            }
            Meaning::Expression => {
                self.expression();
                'x'
            }
        }
    }
}

/// What a character is to the search for the matching brace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShellChar {
    Open,
    Close,
    Quote,
    Other,
    End,
}

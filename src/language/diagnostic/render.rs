//! A diagnostic as a person reads it.

use std::fmt::{self, Write as _};

use super::Diagnostic;

/// A source line longer than this is cut around the place.
const MAX_SHOWN: usize = 160;

impl fmt::Display for Diagnostic {
    /// The head line, the source line with a caret under the place, and the hint:
    ///
    /// ```text
    /// pipeline.hcl:3,7-12: error L012: resource "git.ap" is not declared (did you mean "git.app"?)
    ///   |
    /// 3 |   get "git" "ap" {}
    ///   |       ^^^^^
    ///   = hint: …
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}: {}", self.place, self.severity(), self.code, self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, " (did you mean \"{suggestion}\"?)")?;
        }
        write_excerpt(f, self)?;
        if let Some(hint) = &self.hint {
            let gutter = " ".repeat(self.place.start().line.to_string().len());
            write!(f, "\n{gutter} = hint: {hint}")?;
        }
        Ok(())
    }
}

fn write_excerpt(f: &mut fmt::Formatter<'_>, diagnostic: &Diagnostic) -> fmt::Result {
    let (start, end) = (diagnostic.place.start(), diagnostic.place.end());
    let line: Vec<char> = diagnostic.place.source.line(start.line).chars().collect();
    if line.iter().all(|c| c.is_whitespace()) {
        return Ok(());
    }
    let first = start.column - 1;
    let last = if end.line == start.line { end.column - 1 } else { line.len() };
    let from = if line.len() <= MAX_SHOWN { 0 } else { first.saturating_sub(MAX_SHOWN / 2).min(line.len() - MAX_SHOWN) };
    let to = line.len().min(from + MAX_SHOWN);

    let number = start.line.to_string();
    let gutter = " ".repeat(number.len());
    write!(f, "\n{gutter} |\n{number} | ")?;
    for c in &line[from..to] {
        f.write_char(*c)?;
    }
    write!(f, "\n{gutter} | ")?;
    for c in &line[from..first.clamp(from, to)] {
        f.write_char(if *c == '\t' { '\t' } else { ' ' })?;
    }
    let carets = last.min(to).saturating_sub(first).max(1);
    write!(f, "{}", "^".repeat(carets))
}

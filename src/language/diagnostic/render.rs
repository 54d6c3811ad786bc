//! A finding as a person reads it.

use std::fmt::Write as _;

use pikoci_model::diagnostic::{Diagnostic, Severity};

/// A source line longer than this is cut around the place.
const MAX_SHOWN: usize = 160;

/// The head line, the source line with a caret under the place, and the hint:
///
/// ```text
/// pipeline.hcl:3,7-10: error L012: resource "git.ap" is not declared (did you mean "git.app"?)
///   |
/// 3 |   get "git" "ap" {}
///   |       ^^^
///   = hint: …
/// ```
#[must_use]
pub fn render(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let Diagnostic { file, line, column, end_line, end_column, code, message, suggestion, hint, .. } =
        diagnostic;
    let end = if line == end_line { end_column.to_string() } else { format!("{end_line},{end_column}") };
    let mut out = format!("{file}:{line},{column}-{end}: {severity} {code}: {message}");
    if !suggestion.is_empty() {
        let _ = write!(out, " (did you mean \"{suggestion}\"?)");
    }
    out.push_str(&excerpt(diagnostic));
    if !hint.is_empty() {
        let _ = write!(out, "\n{} = hint: {hint}", gutter(diagnostic));
    }
    out
}

/// As wide as the line's number.
fn gutter(diagnostic: &Diagnostic) -> String {
    " ".repeat(diagnostic.line.to_string().len())
}

fn excerpt(diagnostic: &Diagnostic) -> String {
    let line: Vec<char> = diagnostic.source_line.chars().collect();
    if line.iter().all(|c| c.is_whitespace()) {
        return String::new();
    }
    let column = |column: u32| usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    let first = column(diagnostic.column);
    let one_line = diagnostic.line == diagnostic.end_line;
    let last = if one_line { column(diagnostic.end_column) } else { line.len() };
    let from = if line.len() <= MAX_SHOWN {
        0
    } else {
        first.saturating_sub(MAX_SHOWN / 2).min(line.len() - MAX_SHOWN)
    };
    let to = line.len().min(from + MAX_SHOWN);

    let shown: String = line[from..to].iter().collect();
    // Tabs stay tabs, so that the caret stands under the place however wide they are.
    let before: String =
        line[from..first.clamp(from, to)].iter().map(|c| if *c == '\t' { '\t' } else { ' ' }).collect();
    let carets = "^".repeat(last.min(to).saturating_sub(first).max(1));
    let gutter = gutter(diagnostic);
    format!("\n{gutter} |\n{} | {shown}\n{gutter} | {before}{carets}", diagnostic.line)
}

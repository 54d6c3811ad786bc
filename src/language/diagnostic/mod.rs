//! What is wrong with a pipeline, where, and what would be right.
//!
//! Every phase collects diagnostics and goes on as far as it can, so that one look at the output shows all there is to
//! mend. A message never contains a secret or the value of a variable.

mod code;
mod render;
mod suggestion;

use std::sync::Arc;

pub use code::Code;
pub use pikoci_model::diagnostic::Severity;
pub use render::render;
pub use suggestion::nearest;

use crate::source::{Place, SourceText, Span};

/// One finding, with its place in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of finding it is.
    pub code: Code,
    /// Whether it refuses the pipeline: as the code says, unless the caller is lenient about it.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What is wrong, as one line that names the culprit in quotes.
    pub message: String,
    /// What would be right, as one line.
    pub hint: Option<String>,
    /// The name that was probably meant.
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// A finding at a stretch of a source.
    #[must_use]
    pub fn new(code: Code, source: &Arc<SourceText>, span: Span, message: impl Into<String>) -> Diagnostic {
        let place = Place { source: source.clone(), span };
        let severity = if code.is_warning() { Severity::Warning } else { Severity::Error };
        Diagnostic { code, severity, place, message: message.into(), hint: None, suggestion: None }
    }

    /// Makes an error a warning.
    #[must_use]
    pub fn into_warning(mut self) -> Diagnostic {
        self.severity = Severity::Warning;
        self
    }

    /// Adds what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the nearest of the names that would have been right, if one is near.
    #[must_use]
    pub fn suggest<'a>(mut self, given: &str, names: impl IntoIterator<Item = &'a str>) -> Diagnostic {
        self.suggestion = nearest(given, names).map(str::to_owned);
        self
    }

    /// Adds the name that would be right.
    #[must_use]
    pub fn suggestion(mut self, name: impl Into<String>) -> Diagnostic {
        self.suggestion = Some(name.into());
        self
    }

    /// The finding as it leaves this crate: with lines and columns instead of a span.
    #[must_use]
    pub fn located(&self) -> pikoci_model::diagnostic::Diagnostic {
        let (start, end) = (self.place.start(), self.place.end());
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let line = self.place.source.line(start.line);
        // A finding at the very beginning, of no length, is about the file as a whole.
        let shown = self.place.span.end > 0 && line.len() <= MAX_LINE;
        pikoci_model::diagnostic::Diagnostic {
            code: self.code.to_string(),
            severity: self.severity,
            message: self.message.clone(),
            file: self.place.source.name().to_owned(),
            line: count(start.line),
            column: count(start.column),
            end_line: count(end.line),
            end_column: count(end.column),
            suggestion: self.suggestion.clone().unwrap_or_default(),
            hint: self.hint.clone().unwrap_or_default(),
            source_line: if shown { line.to_owned() } else { String::new() },
        }
    }
}

/// A source line longer than this, in bytes, is not handed on.
const MAX_LINE: usize = 4096;

/// Sorts by file, position and code, and drops repetitions: what a person reads from top to bottom.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| key(a).cmp(&key(b)));
    diagnostics.dedup();
}

fn key(diagnostic: &Diagnostic) -> (&str, usize, usize, Code, &str) {
    let place = &diagnostic.place;
    (place.source.name(), place.span.start, place.span.end, diagnostic.code, &diagnostic.message)
}

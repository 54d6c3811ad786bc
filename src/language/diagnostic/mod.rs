//! What is wrong with a pipeline, where, and what would be right.
//!
//! Every phase collects diagnostics and goes on as far as it can, so that one look at the output shows all there is to
//! mend. A message never contains a secret or the value of a variable.

mod code;
mod render;
mod suggestion;

use std::fmt;
use std::sync::Arc;

pub use code::Code;
pub use suggestion::nearest;

use crate::source::{Place, SourceText, Span};

/// Whether a finding makes the pipeline invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pipeline is refused.
    Error,
    /// The pipeline is valid.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// One finding. `Display` prints it in full, with the source line and a caret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of finding it is.
    pub code: Code,
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
        Diagnostic { code, place, message: message.into(), hint: None, suggestion: None }
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

    /// Error or warning; the code decides.
    #[must_use]
    pub fn severity(&self) -> Severity {
        if self.code.is_warning() { Severity::Warning } else { Severity::Error }
    }
}

/// Sorts by file, position and code, and drops repetitions: what a person reads from top to bottom.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| key(a).cmp(&key(b)));
    diagnostics.dedup();
}

fn key(diagnostic: &Diagnostic) -> (&str, usize, usize, Code, &str) {
    let place = &diagnostic.place;
    (place.source.name(), place.span.start, place.span.end, diagnostic.code, &diagnostic.message)
}

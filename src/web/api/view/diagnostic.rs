//! Findings in a pipeline file.

use pikoci_model::diagnostic::{Diagnostic, Severity};
use serde::Serialize;
use utoipa::ToSchema;

/// One finding in a pipeline file. Lines and columns count from 1; the end is exclusive.
#[derive(Serialize, ToSchema)]
#[schema(as = Diagnostic)]
pub(crate) struct DiagnosticView {
    /// Stable code.
    #[schema(example = "L012")]
    code: String,
    /// `error` or `warning`.
    #[schema(example = "error")]
    severity: &'static str,
    /// What is wrong.
    message: String,
    /// The file.
    file: String,
    /// Where it begins.
    line: u32,
    /// Where it begins.
    column: u32,
    /// Where it ends.
    end_line: u32,
    /// Where it ends.
    end_column: u32,
    /// The name that was probably meant; may be empty.
    suggestion: String,
    /// What would be right; may be empty.
    hint: String,
    /// The line itself.
    source_line: String,
}

impl From<&Diagnostic> for DiagnosticView {
    fn from(found: &Diagnostic) -> Self {
        Self {
            code: found.code.clone(),
            severity: match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: found.message.clone(),
            file: found.file.clone(),
            line: found.line,
            column: found.column,
            end_line: found.end_line,
            end_column: found.end_column,
            suggestion: found.suggestion.clone(),
            hint: found.hint.clone(),
            source_line: found.source_line.clone(),
        }
    }
}

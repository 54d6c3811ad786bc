//! What is wrong with a pipeline file, and where.

use serde::{Deserialize, Serialize};

/// Whether it refuses the pipeline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The pipeline is refused.
    Error,
    /// It is accepted.
    Warning,
}

/// One finding. Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Diagnostic {
    /// `L012`, `W001`: stable.
    pub code: String,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in words; never a secret or a variable's value.
    pub message: String,
    /// The file as the user named it.
    pub file: String,
    /// Where it begins.
    pub line: u32,
    /// Where it begins.
    pub column: u32,
    /// Where it ends.
    pub end_line: u32,
    /// Where it ends.
    pub end_column: u32,
    /// For near misses the name that was probably meant, else empty.
    pub suggestion: String,
    /// What would be right, as one line, or empty.
    #[serde(default)]
    pub hint: String,
    /// The line itself, for the caret below it.
    pub source_line: String,
}

//! From a pipeline file to a [`Pipeline`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{diagnostic::Diagnostic, pipeline::Pipeline, text::SecretValue};

/// What is to be compiled.
#[derive(Clone, Debug)]
pub struct CompileRequest {
    /// The file's name as diagnostics show it.
    pub file: String,
    /// Its bytes; checked for size and encoding.
    pub source: Vec<u8>,
    /// Values that a person gave, by variable name; scalars.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// What `timestamp()` gives.
    pub now: DateTime<Utc>,
    /// Unresolved references are warnings: the file is a fragment.
    pub fragment: bool,
    /// Values for undeclared variables are warnings: it is only being validated.
    pub lenient_vars: bool,
    /// Whether remote sources may be fetched.
    pub fetch: bool,
    /// Also report what is declared and never used (`W006`).
    pub strict: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// The pipeline, if there is no error among the diagnostics.
    pub pipeline: Option<Pipeline>,
    /// Every finding, sorted by position.
    pub diagnostics: Vec<Diagnostic>,
    /// Given values of secret-backed variables, by name; never in the pipeline itself.
    pub given_secrets: BTreeMap<String, SecretValue>,
}

/// Compiles and formats pipeline files. Reads nothing but its arguments and, if allowed, remote sources.
#[async_trait]
pub trait Compiler: Send + Sync + 'static {
    /// Compiles; never fails as such.
    async fn compile(&self, request: CompileRequest) -> Compilation;

    /// The file in canonical form, comments kept.
    ///
    /// # Errors
    /// Syntax errors, all of them.
    fn format(&self, file: &str, source: &[u8]) -> Result<String, Vec<Diagnostic>>;

    /// A finding as a person reads it: `FILE:LINE,COL-COL: error L012: …`, the line, a caret, the hint.
    fn render(&self, diagnostic: &Diagnostic) -> String;
}

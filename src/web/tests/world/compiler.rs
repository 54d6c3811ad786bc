//! A compiler whose language is the JSON of the model: it compiles what is right and finds what is wrong.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pikoci_model::{
    diagnostic::{Diagnostic, Severity},
    pipeline::Pipeline,
    port::{Compilation, CompileRequest, Compiler},
};

pub struct JsonCompiler;

/// Compiles, or says where it is wrong.
pub fn compile(file: &str, source: &[u8]) -> Result<Pipeline, Vec<Diagnostic>> {
    serde_json::from_slice(source).map_err(|error| {
        let (line, column) = (error.line().max(1) as u32, error.column().max(1) as u32);
        vec![Diagnostic {
            code: "L002".into(),
            severity: Severity::Error,
            message: error.to_string(),
            file: file.into(),
            line,
            column,
            end_line: line,
            end_column: column + 1,
            suggestion: String::new(),
            hint: String::new(),
            source_line: String::from_utf8_lossy(source).lines().next().unwrap_or_default().into(),
        }]
    })
}

#[async_trait]
impl Compiler for JsonCompiler {
    async fn compile(&self, request: CompileRequest) -> Compilation {
        let (pipeline, diagnostics) = match compile(&request.file, &request.source) {
            Ok(pipeline) => (Some(pipeline), Vec::new()),
            Err(found) => (None, found),
        };
        Compilation { pipeline, diagnostics, given_secrets: BTreeMap::new() }
    }

    fn format(&self, _: &str, source: &[u8]) -> Result<String, Vec<Diagnostic>> {
        compile("", source).map(|pipeline| serde_json::to_string_pretty(&pipeline).unwrap())
    }

    fn render(&self, diagnostic: &Diagnostic) -> String {
        diagnostic.message.clone()
    }
}

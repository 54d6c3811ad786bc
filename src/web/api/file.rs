//! A pipeline file in a request.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use pikoci_model::port::{Compilation, CompileRequest};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{refused::Refused, site::Site};

/// A file to be compiled and not saved.
#[derive(Deserialize, ToSchema)]
pub(crate) struct FileRequest {
    /// The file, base64.
    #[schema(format = Byte)]
    config: String,
    /// Values of its variables.
    #[serde(default)]
    #[schema(required = false, value_type = Object)]
    vars: BTreeMap<String, Value>,
}

/// A pipeline file from its base64 form; line breaks in it do no harm.
pub(super) fn file(config: &str) -> Result<Vec<u8>, Refused> {
    let compact: String = config.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|error| Refused::malformed(format!("`config` is not base64: {error}")))
}

/// Compiles a file that is not saved.
pub(super) async fn compile(
    site: &Site,
    request: &FileRequest,
    lenient: bool,
) -> Result<Compilation, Refused> {
    Ok(compile_source(site, file(&request.config)?, request.vars.clone(), lenient).await)
}

/// Compiles a file with these values.
pub(super) async fn compile_source(
    site: &Site,
    source: Vec<u8>,
    vars: BTreeMap<String, Value>,
    lenient: bool,
) -> Compilation {
    let request = CompileRequest {
        file: "pipeline.hcl".to_owned(),
        source,
        vars,
        now: site.deps.clock.now(),
        fragment: false,
        lenient_vars: lenient,
        fetch: true,
        strict: false,
    };
    site.deps.compiler.compile(request).await
}

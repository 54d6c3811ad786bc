//! Standard output: JSON indented by two, or bytes as they are.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde_json::Value;

use super::Failure;

/// Prints a value.
pub(super) fn json(value: &Value) -> Result<ExitCode, Failure> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| Failure::failed(error.to_string()))?;
    text.push(b'\n');
    bytes(&text)
}

/// Prints bytes, and sees to it that they are out.
pub(super) fn bytes(bytes: &[u8]) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map(|()| ExitCode::SUCCESS)
        .map_err(|error| Failure::failed(format!("standard output: {error}")))
}

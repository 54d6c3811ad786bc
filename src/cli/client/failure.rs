//! Failures with their exit codes.

use std::process::ExitCode;

use serde_json::Value;

use super::print;
use crate::cli::console;

const FAILED: u8 = 1;
pub(super) const USAGE: u8 = 2;
const AUTHENTICATION: u8 = 3;
const NOT_FOUND: u8 = 4;
const CONFLICT: u8 = 5;

/// Why a command is not done.
#[derive(Debug)]
pub(super) struct Failure {
    exit: u8,
    message: String,
    /// The server's answer, where there is one.
    answer: Option<Value>,
}

impl Failure {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self { exit: FAILED, message: message.into(), answer: None }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { exit: USAGE, message: message.into(), answer: None }
    }

    /// A refusal of the server.
    pub(super) fn refused(status: u16, answer: Option<Value>) -> Self {
        let said = answer.as_ref().and_then(|answer| answer["error"].as_str()).unwrap_or_default();
        let message = match said {
            "" => format!("the server answered {status}"),
            said => said.to_owned(),
        };
        let exit = match status {
            400 | 422 => USAGE,
            401 | 403 => AUTHENTICATION,
            404 => NOT_FOUND,
            409 => CONFLICT,
            _ => FAILED,
        };
        Self { exit, message, answer }
    }

    /// Whether trying again may help: the server was not reached, or cannot answer now.
    pub(super) fn is_passing(&self) -> bool {
        self.exit == FAILED
    }

    /// The words alone.
    pub(super) fn said(&self) -> &str {
        &self.message
    }

    /// Adds what a person should know besides.
    pub(super) fn with(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    /// The findings of a refused pipeline file, one block each.
    pub(super) fn findings(&self) -> Vec<&Value> {
        let errors = self.answer.as_ref().and_then(|answer| answer["errors"].as_array());
        errors.map(|errors| errors.iter().collect()).unwrap_or_default()
    }

    /// Says it: the answer's JSON on standard output, the words on standard error.
    pub(super) fn report(&self) -> ExitCode {
        if let Some(answer) = &self.answer {
            // Nothing helps if standard output is gone.
            let _ = print::json(answer);
        }
        console::error(&self.message);
        ExitCode::from(self.exit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_its_exit_code() {
        for (status, exit) in
            [(400, 2), (401, 3), (403, 3), (404, 4), (409, 5), (422, 2), (429, 1), (500, 1), (503, 1)]
        {
            assert_eq!(Failure::refused(status, None).exit, exit, "{status}");
        }
        let answer = serde_json::json!({"error": "job \"x\" is paused", "code": "A409"});
        assert_eq!(Failure::refused(409, Some(answer)).message, "job \"x\" is paused");
    }
}

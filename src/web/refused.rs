//! Refusals: a status, a stable code, and words that say what was wrong and what would be right.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use pikoci_model::{
    diagnostic::Diagnostic,
    port::{Refusal, StoreError},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::view::DiagnosticView;

/// Why a request is not done.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) errors: Vec<Diagnostic>,
    /// Seconds after which another try makes sense.
    pub(crate) retry_after: Option<u64>,
}

/// The body of every refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = Refusal)]
pub(crate) struct RefusalBody {
    /// What was wrong.
    error: String,
    /// `A` and the status: `A404`.
    #[schema(example = "A404")]
    code: String,
    /// Every finding in a pipeline file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<DiagnosticView>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new(), retry_after: None }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// A defect of ours: the reason goes to the log, the asker learns only that there was one.
    pub(crate) fn defect(reason: &dyn fmt::Display) -> Self {
        tracing::error!(%reason, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server made a mistake; its log says more")
    }

    /// What a status says by itself.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let message = match status {
            StatusCode::METHOD_NOT_ALLOWED => "this method is not possible here".to_owned(),
            StatusCode::NOT_FOUND => "there is nothing at this address".to_owned(),
            StatusCode::PAYLOAD_TOO_LARGE => "the body has more than 8 MiB".to_owned(),
            other => other.canonical_reason().unwrap_or("refused").to_lowercase(),
        };
        Self::new(status, message)
    }

    pub(crate) fn code(&self) -> String {
        format!("A{}", self.status.as_u16())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            response.insert_header(("retry-after", seconds.to_string()));
        }
        response.json(RefusalBody {
            error: self.message.clone(),
            code: self.code(),
            errors: self.errors.iter().map(DiagnosticView::from).collect(),
        })
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        if !error.is_passing() {
            return Self::defect(&error);
        }
        tracing::warn!(%error, "the store cannot answer");
        let mut refused = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the database cannot be used right now; try again shortly",
        );
        refused.retry_after = Some(1);
        refused
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::NotFound(_) => Self::not_found(message),
            Refusal::Conflict(_) => Self::new(StatusCode::CONFLICT, message),
            Refusal::Invalid(_) => Self::invalid(message),
            Refusal::Pipeline(errors) => Self { errors, ..Self::invalid(message) },
            Refusal::Store(error) => error.into(),
            Refusal::Stopping => Self::new(StatusCode::SERVICE_UNAVAILABLE, message),
        }
    }
}

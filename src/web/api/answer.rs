//! The envelope of every answer.

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// `{"data": …, "error": ""}`, for lists with `meta`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Answer<T> {
    /// What was asked for.
    data: T,
    /// Always empty here; refusals have no `data`.
    error: &'static str,
    /// Where this part of a list lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    meta: Option<Meta>,
}

/// Where a part of a list lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Meta {
    /// There are older ones.
    pub(crate) has_more: bool,
    /// Ask for `before` this for older ones.
    pub(crate) oldest_id: Option<i64>,
    /// Ask for `after` this for newer ones.
    pub(crate) newest_id: Option<i64>,
}

/// 200 with data.
pub(crate) fn json(data: impl Serialize) -> HttpResponse {
    with_status(StatusCode::OK, data)
}

/// 201 with what was made.
pub(crate) fn created(data: impl Serialize) -> HttpResponse {
    with_status(StatusCode::CREATED, data)
}

/// Data with another status.
pub(crate) fn with_status(status: StatusCode, data: impl Serialize) -> HttpResponse {
    HttpResponse::build(status).json(Answer { data, error: "", meta: None })
}

/// A part of a list.
pub(crate) fn list(data: impl Serialize, meta: Meta) -> HttpResponse {
    HttpResponse::Ok().json(Answer { data, error: "", meta: Some(meta) })
}

/// It is done; there is nothing more to say.
#[derive(Serialize, ToSchema)]
pub(crate) struct Done {}

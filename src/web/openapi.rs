//! The description of the interface, generated from the operations themselves.

use actix_web::{HttpResponse, get};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Server,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{api, face::API_PREFIX};

/// The OpenAPI 3.1 document of this server's interface.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = api::Operations::openapi();
    Frame.modify(&mut document);
    document
}

/// What stands around the operations.
struct Frame;

impl Modify for Frame {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        document.info.title = "PikoCI".to_owned();
        document.info.description = Some(
            "Answers are `{\"data\": …, \"error\": \"\"}`, refusals `{\"error\": \"…\", \"code\": \"A404\"}`. \
             Durations are nanoseconds, times RFC 3339 in UTC, pipeline files base64."
                .to_owned(),
        );
        document.info.version = env!("CARGO_PKG_VERSION").to_owned();
        document.servers = Some(vec![Server::new(API_PREFIX)]);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::Http(bearer));
    }
}

/// This document.
#[utoipa::path(tag = "server", responses((status = 200, content_type = "application/json", body = Object)))]
#[get("/openapi.json")]
pub(crate) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().json(document())
}

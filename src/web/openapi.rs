//! The description of the interface, generated from the operations themselves.

use actix_web::{HttpResponse, get};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Server,
        path::Operation,
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
        for item in document.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
            operations.into_iter().flatten().for_each(name_by_tag);
        }
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::Http(bearer));
    }
}

/// Many operations are called `get`; `builds.get` is one.
fn name_by_tag(operation: &mut Operation) {
    let tag = operation.tags.as_ref().and_then(|tags| tags.first()).cloned().unwrap_or_default();
    operation.operation_id = operation.operation_id.take().map(|name| format!("{tag}.{name}"));
}

/// This document.
#[utoipa::path(tag = "server", responses((status = 200, content_type = "application/json", body = Object)))]
#[get("/openapi.json")]
pub(crate) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().json(document())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::document;

    #[test]
    fn every_operation_has_its_own_name_and_a_sentence() {
        let mut names = BTreeSet::new();
        for (path, item) in &document().paths.paths {
            for operation in [&item.get, &item.post, &item.put, &item.delete].into_iter().flatten() {
                assert!(names.insert(operation.operation_id.clone().unwrap()), "{path}: {names:?}");
                assert!(operation.summary.as_ref().is_some_and(|summary| !summary.is_empty()), "{path}");
            }
        }
    }
}

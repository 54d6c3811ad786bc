//! What is at no address, and which methods an address has.

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError, dev::ResourceDef, http::StatusCode, http::header::ALLOW,
};

use crate::{face::API_PREFIX, openapi::document, refused::Refused};

/// Every address with its methods.
static ADDRESSES: LazyLock<Vec<(ResourceDef, String)>> = LazyLock::new(|| {
    let methods = |item: &utoipa::openapi::PathItem| {
        let all = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)];
        all.iter()
            .filter(|(_, operation)| operation.is_some())
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    document()
        .paths
        .paths
        .iter()
        .map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item)))
        .collect()
});

/// 405 where the address has other methods, else 404.
pub(crate) async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Refused> {
    let path = request.path();
    let path = path.strip_prefix(API_PREFIX).unwrap_or(path);
    let Some((_, methods)) = ADDRESSES.iter().find(|(address, _)| address.is_match(path)) else {
        return Err(Refused::of_status(StatusCode::NOT_FOUND));
    };
    let refused = Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} is not possible here, only {methods}", request.method()),
    );
    let mut response = refused.error_response();
    if let Ok(value) = methods.parse() {
        response.headers_mut().insert(ALLOW, value);
    }
    Ok(response)
}

//! The files that pages load, and the way in.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, LOCATION, VARY},
    },
    web::{self, Path, ServiceConfig},
};

use crate::{
    assets::{self, Asset},
    auth::{MAIN_TEAM, login::login_page},
    refused::Refused,
};

/// Routes that are for browsers only.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(login_page)
        .route("/", web::get().to(home))
        .route("/assets/{name}", web::get().to(asset))
        .route("/favicon.svg", web::get().to(icon))
        .route("/favicon.ico", web::get().to(icon));
}

async fn home() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, format!("/teams/{MAIN_TEAM}/pipelines"))).finish()
}

async fn asset(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, Refused> {
    let found = assets::find(&name).ok_or_else(|| Refused::of_status(StatusCode::NOT_FOUND))?;
    Ok(file(&request, found, "public, max-age=31536000, immutable"))
}

async fn icon(request: HttpRequest) -> HttpResponse {
    file(&request, assets::favicon(), "public, max-age=86400")
}

/// The file, as it was compressed once. `identity` keeps it from being compressed again.
fn file(request: &HttpRequest, asset: &'static Asset, cache: &'static str) -> HttpResponse {
    let accepted =
        request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes_gzip = accepted.split(',').any(|coding| matches!(coding.trim(), "gzip" | "*"));
    let (coding, body): (_, &'static [u8]) =
        if takes_gzip { ("gzip", &asset.gzip) } else { ("identity", asset.body) };
    HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((CONTENT_ENCODING, coding))
        .insert_header((CACHE_CONTROL, cache))
        .insert_header((VARY, "accept-encoding"))
        .body(body)
}

//! The page of a refusal; or, for who is not logged in, the way to the login and back.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{Method, StatusCode, header::LOCATION},
};

use super::{frame, html};
use crate::{
    auth::Asker,
    page::{Crumb, ErrorPage, Frame, render_error},
    refused::Refused,
    site::Site,
};

/// A refusal for a person.
pub(crate) async fn refusal(
    site: &Site,
    request: &HttpRequest,
    refused: &Refused,
    name: &str,
) -> HttpResponse {
    let asker = Asker::read(request).await.ok();
    let is_guest = asker.as_ref().is_none_or(|asker| asker.session.is_none());
    if refused.status == StatusCode::UNAUTHORIZED && request.method() == Method::GET && is_guest {
        let next = asker.map(|asker| asker.address).unwrap_or_default();
        let login = format!("/login?next={}", encoded(&next));
        return HttpResponse::SeeOther().insert_header((LOCATION, login)).finish();
    }
    let around = asker.map_or_else(Frame::default, |asker| frame(site, &asker, ""));
    let page = ErrorPage {
        frame: Frame { crumbs: vec![Crumb::here(refused.code())], ..around },
        status: refused.status.as_u16(),
        code: refused.code(),
        message: said(refused),
        advice: String::new(),
        request_id: name.to_owned(),
    };
    let mut response = html(refused.status, render_error(&page));
    if let Some(wait) = refused.error_response().headers().get("retry-after") {
        response.headers_mut().insert(actix_web::http::header::RETRY_AFTER, wait.clone());
    }
    response
}

fn said(refused: &Refused) -> String {
    let mut said = refused.message.clone();
    for found in &refused.errors {
        said.push_str(&format!(
            "\n{}:{}:{}: {} {}",
            found.file, found.line, found.column, found.code, found.message
        ));
    }
    said
}

/// Percent-encoded for a query: everything but what is certainly harmless.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn an_address_survives_in_a_query() {
        assert_eq!(encoded("/a b?x=1&y=ä"), "/a%20b%3Fx%3D1%26y%3D%C3%A4");
    }
}

//! A request that changes something: who asks, and the body, from JSON or from a form.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::{StatusCode, header::CONTENT_TYPE},
    web::Bytes,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Asker;
use crate::refused::Refused;

/// The largest body, in bytes.
pub(crate) const MAX_BODY: usize = 8 * 1024 * 1024;

/// Who asks for a change, and with which values. To have one is proof that the request was not forged.
#[derive(Debug)]
pub(crate) struct Act<T> {
    pub(crate) asker: Asker,
    pub(crate) body: T,
}

pub(super) fn csrf_header(request: &HttpRequest) -> Option<&str> {
    request.headers().get("x-csrf-token").and_then(|value| value.to_str().ok())
}

impl<T: DeserializeOwned + 'static> FromRequest for Act<T> {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let bytes = bytes.await.map_err(|error| unreadable(&error))?;
            let (values, csrf) = if is_form(&request) { form(&bytes)? } else { (json(&bytes)?, None) };
            refuse_other_site(&request)?;
            let asker = Asker::read(&request).await?;
            asker.refuse_forged(csrf_header(&request).or(csrf.as_deref()))?;
            let body = serde_json::from_value(Value::Object(values)).map_err(|error| {
                Refused::malformed(format!("the body is not what is expected here: {error}"))
            })?;
            Ok(Self { asker, body })
        })
    }
}

/// A browser says when a page of another site sends a form. A login needs this: there is no session to forge yet, but
/// one could be slipped in.
fn refuse_other_site(request: &HttpRequest) -> Result<(), Refused> {
    let is_other = request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if is_other { Err(Refused::forbidden("a page of another site may not do this")) } else { Ok(()) }
}

fn unreadable(error: &actix_web::Error) -> Refused {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => Refused::of_status(StatusCode::PAYLOAD_TOO_LARGE),
        _ if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE => {
            Refused::of_status(StatusCode::PAYLOAD_TOO_LARGE)
        }
        _ => Refused::malformed(format!("the body cannot be read: {error}")),
    }
}

fn is_form(request: &HttpRequest) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// No body at all is an empty object: most operations need nothing.
fn json(bytes: &[u8]) -> Result<Map<String, Value>, Refused> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(_) => Err(Refused::malformed("the body must be a JSON object")),
        Err(error) => Err(Refused::malformed(format!("the body is not JSON: {error}"))),
    }
}

/// The fields of a form, and its CSRF token.
fn form(bytes: &[u8]) -> Result<(Map<String, Value>, Option<String>), Refused> {
    let fields: Vec<(String, String)> = fields_of(bytes)?;
    let mut values = Map::new();
    let mut csrf = None;
    for (name, value) in fields {
        if name == "csrf" {
            csrf = Some(value);
        } else {
            values.insert(name, Value::String(value));
        }
    }
    Ok((values, csrf))
}

fn fields_of(bytes: &[u8]) -> Result<Vec<(String, String)>, Refused> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refused::malformed("the form is not UTF-8"))?;
    actix_web::web::Query::<Vec<(String, String)>>::from_query(text)
        .map(actix_web::web::Query::into_inner)
        .map_err(|error| Refused::malformed(format!("the form cannot be read: {error}")))
}

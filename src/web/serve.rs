//! The server: routes, what stands around every answer, and an orderly stop.

use std::{io, net::TcpListener, panic::AssertUnwindSafe, sync::Arc};

use actix_web::{
    App, HttpServer, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServerHandle, ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
            HeaderValue,
        },
    },
    middleware::{Compress, Next, from_fn},
    web::{self, Data},
};
use futures::FutureExt;
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use crate::{
    api, assets,
    auth::MAX_BODY,
    deps::WebDeps,
    face::{API_PREFIX, Face},
    refused::Refused,
    show,
    site::Site,
};

/// How long open requests may take when the server stops, in seconds. Streams end at once.
const STOP_SECONDS: u64 = 5;

/// A running web server.
#[derive(Debug)]
pub struct WebServer {
    handle: ServerHandle,
    running: JoinHandle<io::Result<()>>,
    closing: watch::Sender<bool>,
}

impl WebServer {
    /// Stops in order: no new connection, streams end and tell their readers to come back, open requests are answered.
    /// Whoever wants streams to show the end of builds ends the builds first.
    pub async fn stop(self) {
        self.closing.send_replace(true);
        self.handle.stop(true).await;
        if let Err(error) = self.running.await {
            tracing::warn!(%error, "the web server did not end in order");
        }
    }
}

/// Serves on this socket until [`WebServer::stop`]. Must be called inside a tokio runtime.
///
/// # Errors
/// The socket cannot be used.
pub async fn serve(listener: TcpListener, deps: WebDeps) -> io::Result<WebServer> {
    let threads = deps.settings.threads.max(1);
    let (closing, closed) = watch::channel(false);
    let site: Data<Site> = Data::from(Site::new(deps, closed));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(site.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .app_data(
                web::PathConfig::default()
                    .error_handler(|_, _| Refused::of_status(StatusCode::NOT_FOUND).into()),
            )
            .app_data(web::QueryConfig::default().error_handler(|error, _| {
                Refused::malformed(format!("the query cannot be read: {error}")).into()
            }))
            .wrap(Compress::default())
            .wrap(from_fn(around))
            .service(
                web::scope(API_PREFIX).configure(api::routes).default_service(web::to(api::nothing_here)),
            )
            .configure(api::routes)
            .configure(show::routes)
            .default_service(web::to(api::nothing_here))
    })
    .workers(threads)
    .disable_signals()
    // An event that waits for the acknowledgement of the one before comes 40 ms late.
    .tcp_nodelay(true)
    .shutdown_timeout(STOP_SECONDS)
    .listen(listener)?
    .run();
    let handle = server.handle();
    Ok(WebServer { handle, running: tokio::spawn(server), closing })
}

/// What stands around every request: its name, its count, the page of a refusal, and headers that protect the reader.
async fn around(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let site = request.app_data::<Data<Site>>().map(|data| Arc::clone(data));
    let name = request_name(request.headers());
    let method = request.method().clone();
    if method == Method::HEAD {
        // Answered like GET, without the body.
        request.head_mut().method = Method::GET;
    }
    let began = site.as_ref().map(|site| site.deps.clock.monotonic());
    // A request that is held on to here could not be routed; handlers' errors are responses by now.
    let response = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(response) => response?.map_into_boxed_body(),
        Err(_) => {
            tracing::error!(request = ?name, %method, "a handler panicked");
            return Err(Refused::defect(&"a handler panicked").into());
        }
    };
    let mut response = with_page(response, site.as_deref(), &name).await;
    if let (Some(site), Some(began)) = (&site, began) {
        site.metrics.observe(&method, response.status(), site.deps.clock.monotonic().saturating_sub(began));
    }
    if response.status().is_server_error() {
        // The pattern, not the path: a webhook's path is its secret.
        let pattern = response.request().match_pattern().unwrap_or_default();
        tracing::error!(request = ?name, %method, pattern, status = response.status().as_u16(), "a request failed");
    }
    protect(response.headers_mut(), &name);
    Ok(if method == Method::HEAD { response.map_body(|_, _| BoxBody::new(())) } else { response })
}

/// The identifier of the request: the one it came with, if that is harmless, else a new one.
fn request_name(headers: &HeaderMap) -> HeaderValue {
    let harmless = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(b))
    };
    let given = headers.get(REQUEST_ID).filter(harmless).cloned();
    given.unwrap_or_else(|| {
        HeaderValue::from_str(&Uuid::now_v7().to_string()).unwrap_or(HeaderValue::from_static("unnamed"))
    })
}

/// A refusal as its reader needs it: JSON, a page, or the login and then back.
async fn with_page(
    response: ServiceResponse<BoxBody>,
    site: Option<&Site>,
    name: &HeaderValue,
) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let ours = response.response().error().and_then(|error| error.as_error::<Refused>()).cloned();
    if ours.is_none()
        && response.headers().contains_key(CONTENT_TYPE)
        && response.response().error().is_none()
    {
        return response;
    }
    let refused = ours.unwrap_or_else(|| Refused::of_status(status));
    let (request, _) = response.into_parts();
    let answer = match (Face::of(&request), site) {
        (Face::Html, Some(site)) => {
            show::refusal(site, &request, &refused, name.to_str().unwrap_or_default()).await
        }
        _ => refused.error_response(),
    };
    ServiceResponse::new(request, answer)
}

const REQUEST_ID: &str = "x-request-id";

/// Headers for every answer: its name, and what a browser must not do with it.
fn protect(headers: &mut HeaderMap, name: &HeaderValue) {
    let policy = match headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default() {
        kind if kind.starts_with("text/html") => assets::CONTENT_SECURITY_POLICY,
        kind if kind.starts_with("image/svg") => {
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        }
        _ => "default-src 'none'; frame-ancestors 'none'",
    };
    let fixed = [
        (CONTENT_SECURITY_POLICY, policy),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
        (HeaderName::from_static("referrer-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (header, value) in fixed {
        headers.insert(header, HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    // `identity` only said that nothing may be compressed; it is no coding that belongs in an answer.
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "identity") {
        headers.remove(CONTENT_ENCODING);
    }
    headers.insert(HeaderName::from_static(REQUEST_ID), name.clone());
}

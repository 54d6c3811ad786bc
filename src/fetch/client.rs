//! Requests under a policy.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Once};
use std::{error::Error, thread};

use bytes::Bytes;
pub use reqwest::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response, Url};

use crate::address::is_public;
use crate::error::{Failure, FetchError};
use crate::policy::FetchPolicy;

/// The body of an answer with status 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The URL that answered, after redirects.
    pub url: String,
    /// The body.
    pub body: Bytes,
}

/// A request to an HTTP interface.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, PUT, …
    pub method: Method,
    /// Where to.
    pub url: String,
    /// Header names and values. They are not sent on to another host by a redirect.
    pub headers: Vec<(String, String)>,
    /// Body to send.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A GET without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: Method::GET, url: url.into(), headers: Vec::new(), body: None }
    }
}

/// An answer with any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The URL that answered, after redirects.
    pub url: String,
    /// The body.
    pub body: Bytes,
}

/// Gets `url`, blocking the calling thread. May be called from anywhere, also from within an
/// async runtime: the work is done on a thread of its own.
///
/// # Errors
/// See [`Failure`]; every status but 200 is one.
pub fn fetch(policy: &FetchPolicy, url: &str) -> Result<Fetched, FetchError> {
    blocking(url, fetch_async(policy, url))
}

/// Gets `url`.
///
/// # Errors
/// See [`Failure`]; every status but 200 is one.
pub async fn fetch_async(policy: &FetchPolicy, url: &str) -> Result<Fetched, FetchError> {
    let answer = send_async(policy, &Request::get(url)).await?;
    match answer.status {
        200 => Ok(Fetched { url: answer.url, body: answer.body }),
        status => Err(FetchError { url: shown(url), failure: Failure::Status(status) }),
    }
}

/// Sends a request, blocking the calling thread, which may be one of an async runtime.
///
/// # Errors
/// See [`Failure`]; no status is an error.
pub fn send(policy: &FetchPolicy, request: &Request) -> Result<Answer, FetchError> {
    blocking(&request.url, send_async(policy, request))
}

/// Sends a request. Only a GET follows redirects.
///
/// # Errors
/// See [`Failure`]; no status is an error.
pub async fn send_async(policy: &FetchPolicy, request: &Request) -> Result<Answer, FetchError> {
    let result = tokio::time::timeout(policy.total_timeout, follow(policy, request)).await;
    let result = result.unwrap_or(Err(Failure::Timeout(policy.total_timeout)));
    result.map_err(|failure| FetchError { url: shown(&request.url), failure })
}

fn blocking<T: Send>(
    url: &str,
    work: impl Future<Output = Result<T, FetchError>> + Send,
) -> Result<T, FetchError> {
    let fail = |reason: String| FetchError { url: shown(url), failure: Failure::Setup(reason) };
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|e| fail(e.to_string()))?.block_on(work)
    };
    thread::scope(|scope| {
        scope.spawn(run).join().unwrap_or_else(|_| Err(fail("the client panicked".to_owned())))
    })
}

async fn follow(policy: &FetchPolicy, request: &Request) -> Result<Answer, Failure> {
    let mut url = Url::parse(&request.url).map_err(|_| Failure::InvalidUrl)?;
    let origin = url.origin();
    for _ in 0..=policy.max_redirects {
        let response = exchange(policy, request, &url, url.origin() == origin).await?;
        if request.method != Method::GET || !response.status().is_redirection() {
            return answer(policy, response).await;
        }
        url = redirect_target(&url, &response)?;
    }
    Err(Failure::TooManyRedirects(policy.max_redirects))
}

/// One request to one host. `same_origin`: the headers are meant for it.
async fn exchange(
    policy: &FetchPolicy,
    request: &Request,
    url: &Url,
    same_origin: bool,
) -> Result<Response, Failure> {
    check(policy, url)?;
    let mut builder = client(policy, url)?.request(request.method.clone(), url.clone());
    if same_origin {
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
    }
    if let Some(body) = &request.body {
        builder = builder.body(body.clone());
    }
    builder.send().await.map_err(|error| transport_failure(url, &error))
}

/// What can be said of a URL before a name is resolved.
fn check(policy: &FetchPolicy, url: &Url) -> Result<(), Failure> {
    match url.scheme() {
        "https" => {}
        "http" if policy.allow_insecure => {}
        other => return Err(Failure::Scheme(other.to_owned())),
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Failure::InvalidUrl)?;
    if !policy.allows_host(host) {
        return Err(Failure::HostNotAllowed(host.to_owned()));
    }
    // Literal addresses are never given to the resolver.
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) if !policy.allow_private && !is_public(address) => Err(Failure::PrivateAddress(address)),
        _ => Ok(()),
    }
}

fn redirect_target(from: &Url, response: &Response) -> Result<Url, Failure> {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let target = from.join(location).ok().filter(|_| !location.is_empty());
    match target {
        Some(target) if target.scheme() == "https" || from.scheme() == "http" => Ok(target),
        _ => Err(Failure::Redirect(shown(location))),
    }
}

async fn answer(policy: &FetchPolicy, mut response: Response) -> Result<Answer, Failure> {
    let url = response.url().clone();
    let status = response.status().as_u16();
    let too_large = Failure::TooLarge(policy.max_bytes);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport_failure(&url, &error))? {
        if body.len() + chunk.len() > policy.max_bytes {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, url: shown(url.as_str()), body: body.into() })
}

/// A client for one hop. For http it needs no certificates, so a machine without any can still
/// speak to its own services.
fn client(policy: &FetchPolicy, url: &Url) -> Result<Client, Failure> {
    static PROVIDER: Once = Once::new();
    // The program may have installed a provider already; either is fine.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let setup = |error: reqwest::Error| Failure::Setup(innermost(&error));
    let roots = policy.extra_roots.iter().map(|pem| Certificate::from_pem(pem));
    let roots = roots.collect::<Result<Vec<_>, _>>().map_err(setup)?;
    let builder = Client::builder()
        .user_agent(concat!("pikoci/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(policy.connect_timeout)
        .redirect(Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(GuardedResolver { allow_private: policy.allow_private }));
    let builder =
        if url.scheme() == "https" { builder.tls_certs_merge(roots) } else { builder.tls_certs_only([]) };
    builder.build().map_err(setup)
}

/// Resolves names and gives only addresses that may be connected to, so that what was checked
/// is what is used.
struct GuardedResolver {
    allow_private: bool,
}

/// A name resolved to nothing but addresses that are not public.
#[derive(Debug, thiserror::Error)]
#[error("the address {0} is not public")]
struct OnlyPrivate(IpAddr);

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the host `{0}` cannot be found")]
struct NoAddress(String);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: io::Result<Vec<SocketAddr>> =
                tokio::net::lookup_host((name.as_str(), 0)).await.map(Iterator::collect);
            let all = found.map_err(|_| NoAddress(name.as_str().to_owned()))?;
            let (allowed, refused): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|address| allow_private || is_public(address.ip()));
            match (allowed.is_empty(), refused.first()) {
                (true, Some(address)) => Err(OnlyPrivate(address.ip()).into()),
                (true, None) => Err(NoAddress(name.as_str().to_owned()).into()),
                (false, _) => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

fn transport_failure(url: &Url, error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(OnlyPrivate(address)) = current.downcast_ref() {
            return Failure::PrivateAddress(*address);
        }
        if let Some(NoAddress(host)) = current.downcast_ref() {
            return Failure::UnknownHost(host.clone());
        }
        cause = current.source();
    }
    let host = url.host_str().unwrap_or_default();
    if error.is_connect() && error.is_timeout() {
        return Failure::Transport(format!("connecting to {host} took too long"));
    }
    Failure::Transport(innermost(error))
}

/// The root cause alone: the outer layers only repeat the URL.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

/// A URL for messages: without user and password.
fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            // Both fail only for URLs that cannot have a user.
            let cleared = parsed.set_username("").and_then(|()| parsed.set_password(None));
            if cleared.is_ok() { parsed.to_string() } else { parsed.scheme().to_owned() }
        }
        _ => url.to_owned(),
    }
}

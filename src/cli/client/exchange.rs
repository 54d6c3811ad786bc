//! One request and its answer.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

use super::{Failure, Target};

/// Longer than any operation of the server takes; streams have no limit.
const LIMIT: Duration = Duration::from_secs(120);
const CONNECT: Duration = Duration::from_secs(10);

/// A connection to a server.
pub(super) struct Exchange {
    client: Client,
    pub(super) target: Target,
}

impl Exchange {
    pub(super) fn new(target: Target) -> Result<Self, Failure> {
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .user_agent(concat!("pikoci/", env!("CARGO_PKG_VERSION")));
        let client = client.build().map_err(|error| Failure::failed(said(&error)))?;
        Ok(Self { client, target })
    }

    /// A request below `/api/v1`.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1{path}", self.target.url));
        match &self.target.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it; a refusal is a failure.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let answer = response.json::<Value>().await.ok();
        let failure = Failure::refused(status, answer);
        Err(match status {
            401 => failure.with(" (pikoci client login)"),
            _ => failure,
        })
    }

    /// Nothing was answered: where it was asked, and why not.
    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let url = &self.target.url;
        if !error.is_connect() {
            return Failure::failed(format!("{url}: {}", said(error)));
        }
        let mut innermost: &dyn std::error::Error = error;
        while let Some(inner) = innermost.source() {
            innermost = inner;
        }
        Failure::failed(format!("no server answers at {url}: {innermost} (--url or PIKOCI_URL name another)"))
    }

    /// The data of a JSON answer.
    pub(super) async fn data(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let response = self.send(request.timeout(LIMIT)).await?;
        let mut answer: Value = response.json().await.map_err(|error| Failure::failed(said(&error)))?;
        Ok(answer["data"].take())
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.data(self.request(Method::GET, path)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.data(self.request(Method::POST, path).json(body)).await
    }
}

/// An error with what caused it: the outer words alone say only that sending failed. Never a token: none is in an
/// address.
pub(super) fn said(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        cause = inner.source();
    }
    said
}

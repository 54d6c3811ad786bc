//! A client of the API.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

use crate::Fallible;

const PIPELINE: &str = "/api/v1/teams/main/pipelines/faults";
/// A server that is hit by a fault may never answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A logged-in client. Another start of the same server knows its token.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    token: String,
}

impl Client {
    pub fn login(url: &str, password: &str) -> Fallible<Self> {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let mut client = Self { agent: config.build().into(), url: url.to_owned(), token: String::new() };
        let answer = client.post("/login", &json!({ "username": "admin", "password": password }))?;
        client.token = answer["jwt"].as_str().ok_or("the login answered no token")?.to_owned();
        Ok(client)
    }

    /// The same client of the same server, started again elsewhere.
    pub fn at(self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self }
    }

    /// Starts a build; gives `job/number` and its id.
    pub fn trigger(&self, job: &str) -> Fallible<(String, u64)> {
        let build = self.post(&format!("{PIPELINE}/jobs/{job}/trigger"), &json!({}))?;
        let number = build["build_number"].as_str().ok_or("a build without number")?;
        Ok((format!("{job}/{number}"), build["id"].as_u64().unwrap_or_default()))
    }

    pub fn cancel(&self, build: &str) -> Fallible<()> {
        self.post(&format!("{}/cancel", path(build)), &json!({})).map(|_| ())
    }

    /// A build with the services of all its runs.
    pub fn build(&self, build: &str) -> Fallible<Value> {
        let mut last = self.get(&format!("{}?include=steps", path(build)))?;
        for run in 1..last["runs"].as_u64().unwrap_or(1) {
            let mut earlier = self.get(&format!("{}?include=steps&run={run}", path(build)))?;
            if let (Some(all), Some(more)) =
                (last["services"].as_array_mut(), earlier["services"].as_array_mut())
            {
                all.append(more);
            }
        }
        Ok(last)
    }

    fn get(&self, path: &str) -> Fallible<Value> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        data(request.call().map_err(|error| format!("GET {path}: {error}"))?)
    }

    fn post(&self, path: &str, body: &Value) -> Fallible<Value> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("Accept", "application/json");
        let request = if self.token.is_empty() {
            request
        } else {
            request.header("Authorization", format!("Bearer {}", self.token))
        };
        data(request.send_json(body).map_err(|error| format!("POST {path}: {error}"))?)
    }
}

fn path(build: &str) -> String {
    let (job, number) = build.split_once('/').unwrap_or((build, ""));
    format!("{PIPELINE}/jobs/{job}/builds/{number}")
}

fn data(response: Response<Body>) -> Fallible<Value> {
    let status = response.status();
    let text = response.into_body().read_to_string().map_err(|error| error.to_string())?;
    let mut answer: Value = serde_json::from_str(&text).map_err(|_| format!("{status}: {text}"))?;
    if status.is_success() { Ok(answer["data"].take()) } else { Err(format!("{status}: {text}")) }
}

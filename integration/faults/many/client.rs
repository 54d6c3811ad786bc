//! A client of several servers: whichever answers.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

use super::job::Job;
use crate::Fallible;

const PIPELINE: &str = "/api/v1/teams/main/pipelines/many";
/// A server that is hit by a fault may never answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Until servers that are started answer.
const START: Duration = Duration::from_secs(60);

/// Logged in; all servers know its token.
pub struct Client {
    agent: Agent,
    urls: Vec<String>,
    token: String,
    turn: AtomicUsize,
}

impl Client {
    /// Waits until all answer, and logs in.
    ///
    /// # Errors
    /// They do not.
    pub fn login(urls: &[String], password: &str) -> Fallible<Self> {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let agent: Agent = config.build().into();
        let deadline = Instant::now() + START;
        for url in urls {
            while !agent.get(format!("{url}/health")).call().is_ok_and(|answer| answer.status() == 200) {
                if Instant::now() > deadline {
                    return Err(format!("{url} does not answer"));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        let turn = AtomicUsize::new(0);
        let mut client = Self { agent, urls: urls.to_vec(), token: String::new(), turn };
        let login = json!({ "username": "admin", "password": password });
        let answer = client.post("/login", &login)?;
        client.token = answer["jwt"].as_str().ok_or("the login answered no token")?.to_owned();
        Ok(client)
    }

    /// Asks for a build; its number.
    ///
    /// # Errors
    /// Nobody took it, as far as is known.
    pub fn trigger(&self, job: Job) -> Fallible<u64> {
        let build = self.post(&format!("{PIPELINE}/jobs/{}/trigger", job.name()), &json!({}))?;
        number(&build).ok_or_else(|| "a build without number".to_owned())
    }

    /// The newest builds of a job, the newest first; those before a row.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn builds(&self, job: Job, limit: usize, before: Option<i64>) -> Fallible<Vec<Value>> {
        let before = before.map(|row| format!("&before={row}")).unwrap_or_default();
        let path = format!("{PIPELINE}/jobs/{}/builds?limit={limit}{before}", job.name());
        let mut answer = self.get(&path)?;
        Ok(answer.as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    pub fn build(&self, job: Job, number: u64) -> Fallible<Value> {
        self.get(&format!("{PIPELINE}/jobs/{}/builds/{number}", job.name()))
    }

    /// The whole log of the task in a run.
    pub fn log(&self, job: Job, number: u64, run: u64) -> Fallible<Vec<u8>> {
        let path = format!("{PIPELINE}/jobs/{}/builds/{number}/logs?step=0&run={run}", job.name());
        let response = self.any(|url| self.authorised(self.agent.get(format!("{url}{path}"))).call())?;
        let status = response.status();
        let bytes = response.into_body().into_with_config().limit(1 << 30).read_to_vec();
        let bytes = bytes.map_err(|error| format!("GET {path}: {error}"))?;
        if status.is_success() { Ok(bytes) } else { Err(format!("GET {path}: {status}")) }
    }

    fn get(&self, path: &str) -> Fallible<Value> {
        data(self.any(|url| self.authorised(self.agent.get(format!("{url}{path}"))).call())?)
    }

    fn post(&self, path: &str, body: &Value) -> Fallible<Value> {
        data(self.any(|url| {
            let request = self.agent.post(format!("{url}{path}")).header("Accept", "application/json");
            self.authorised(request).send_json(body)
        })?)
    }

    /// Asks one server after the other, beginning with another one each time.
    fn any(&self, ask: impl Fn(&str) -> Result<Response<Body>, ureq::Error>) -> Fallible<Response<Body>> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut said = String::new();
        for place in 0..self.urls.len() {
            let url = &self.urls[(first + place) % self.urls.len()];
            match ask(url) {
                Ok(answer) if !answer.status().is_server_error() => return Ok(answer),
                Ok(answer) => said = format!("{url}: {}", answer.status()),
                Err(error) => said = format!("{url}: {error}"),
            }
        }
        Err(said)
    }

    fn authorised<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        if self.token.is_empty() {
            request
        } else {
            request.header("Authorization", format!("Bearer {}", self.token))
        }
    }
}

/// The number of a build within its job.
pub fn number(build: &Value) -> Option<u64> {
    build["build_number"].as_str()?.parse().ok()
}

fn data(response: Response<Body>) -> Fallible<Value> {
    let status = response.status();
    let text = response.into_body().read_to_string().map_err(|error| error.to_string())?;
    let mut answer: Value = serde_json::from_str(&text).map_err(|_| format!("{status}: {text}"))?;
    if status.is_success() { Ok(answer["data"].take()) } else { Err(format!("{status}: {text}")) }
}

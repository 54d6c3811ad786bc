//! A client of the API that watches streams.

use std::{
    io::{BufRead, BufReader},
    time::Duration,
};

use serde_json::{Value, json};
use ureq::{Agent, Body, BodyReader, http::Response};

use crate::Fallible;

/// The pipeline of every measure.
const PIPELINE: &str = "/teams/main/pipelines/bench";
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A logged-in client. Its connections are kept open between requests.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// A build that was started.
pub struct Started {
    job: String,
    pub number: String,
}

/// The stream of a build.
pub struct Watch {
    of: String,
    lines: BufReader<BodyReader<'static>>,
}

/// One event of a stream.
pub struct Event {
    pub name: String,
    pub data: Value,
}

impl Client {
    pub fn login(url: &str, username: &str, password: &str) -> Fallible<Self> {
        let agent = Agent::config_builder().timeout_global(Some(PATIENCE)).build().into();
        let mut client = Self { agent, url: url.to_owned(), token: None };
        let answer = client.post("/login", &json!({ "username": username, "password": password }))?;
        let token = answer["jwt"].as_str().ok_or("the login answered no token")?;
        client.token = Some(token.to_owned());
        Ok(client)
    }

    fn post(&self, path: &str, body: &Value) -> Fallible<Value> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("Accept", "application/json");
        let request = match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        };
        data(request.send_json(body).map_err(|error| format!("POST {path}: {error}"))?)
    }

    fn get(&self, path: &str, accept: &str) -> Fallible<Response<Body>> {
        let request = self.agent.get(format!("{}{path}", self.url)).header("Accept", accept);
        let request = match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        };
        Ok(request.call().map_err(|error| format!("GET {path}: {error}"))?)
    }

    /// Starts a build.
    pub fn trigger(&self, job: &str) -> Fallible<Started> {
        let answer = self.post(&format!("{PIPELINE}/jobs/{job}/trigger"), &json!({}))?;
        let number =
            answer["build_number"].as_str().ok_or_else(|| format!("a build without a number: {answer}"))?;
        Ok(Started { job: job.to_owned(), number: number.to_owned() })
    }

    /// Asks for a build's end.
    pub fn cancel(&self, build: &Started) -> Fallible<()> {
        self.post(&format!("{}/cancel", build.path()), &json!({})).map(drop)
    }

    /// A build as it is now.
    pub fn build(&self, build: &Started) -> Fallible<Value> {
        data(self.get(&build.path(), "application/json")?)
    }

    /// How many workers the server knows.
    pub fn workers(&self) -> Fallible<usize> {
        Ok(data(self.get("/workers", "application/json")?)?.as_array().map_or(0, Vec::len))
    }

    /// Watches a build from its beginning.
    pub fn watch(&self, build: &Started) -> Fallible<Watch> {
        self.watch_after(build, 0)
    }

    /// Watches a build without its log.
    pub fn watch_states(&self, build: &Started) -> Fallible<Watch> {
        self.watch_after(build, i64::MAX)
    }

    fn watch_after(&self, build: &Started, after: i64) -> Fallible<Watch> {
        let response = self.get(&format!("{}/events?after={after}", build.path()), "text/event-stream")?;
        Ok(Watch { of: build.path(), lines: BufReader::new(response.into_body().into_reader()) })
    }
}

impl Started {
    fn path(&self) -> String {
        format!("{PIPELINE}/jobs/{}/builds/{}", self.job, self.number)
    }
}

impl Watch {
    /// The next event.
    pub fn next(&mut self) -> Fallible<Event> {
        let (mut name, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            if self.lines.read_line(&mut line)? == 0 {
                return Err("the stream ended before the build".into());
            }
            match line.trim_end().split_once(": ") {
                Some(("event", word)) => name = word.to_owned(),
                Some(("data", data)) => return Ok(Event { name, data: serde_json::from_str(data)? }),
                _ => {}
            }
        }
    }

    /// The next event of this name.
    pub fn until(&mut self, name: &str) -> Fallible<Value> {
        loop {
            let event = self.next()?;
            if event.name == name {
                return Ok(event.data);
            }
            if event.name == "end" {
                return Err(format!("{} ended without `{name}`: {}", self.of, event.data).into());
            }
        }
    }

    /// Waits for the build's end, which has to be this one.
    pub fn end(&mut self, status: &str) -> Fallible<()> {
        let end = self.until("end")?;
        if end["status"] == status { Ok(()) } else { Err(format!("{} ended as {end}", self.of).into()) }
    }
}

fn data(mut response: Response<Body>) -> Fallible<Value> {
    let mut answer: Value = response.body_mut().read_json()?;
    Ok(answer["data"].take())
}

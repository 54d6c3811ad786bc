//! The HTTP API, as a client sees it.

use std::io::{BufRead, BufReader, Read};

use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

use super::deadline::{PATIENCE, until};

/// A logged-in client.
#[derive(Clone)]
pub struct Api {
    agent: Agent,
    base: String,
    token: String,
}

/// An answer: status and JSON.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Raw {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Api {
    /// Nobody in particular.
    pub fn anonymous(base: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let config = config.max_redirects_will_error(false).timeout_connect(Some(PATIENCE));
        Self {
            agent: config.build().into(),
            base: base.trim_end_matches('/').to_owned(),
            token: String::new(),
        }
    }

    /// Logs in.
    pub fn login(base: &str, username: &str, password: &str) -> Self {
        let mut api = Self::anonymous(base);
        let answer = api.post("/login", &json!({ "username": username, "password": password }));
        assert_eq!(answer.status, 200, "{}", answer.body);
        api.token = answer.body["data"]["jwt"].as_str().unwrap().to_owned();
        api
    }

    pub fn get(&self, path: &str) -> Answer {
        let request = self.agent.get(self.url(path)).header("Accept", "application/json");
        answer(self.authorised(request).call().unwrap())
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.post(self.url(path)).header("Accept", "application/json");
        answer(self.authorised(request).send_json(body).unwrap())
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.put(self.url(path)).header("Accept", "application/json");
        answer(self.authorised(request).send_json(body).unwrap())
    }

    /// Any method, with or without a JSON body; the answer as it came.
    pub fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> Raw {
        let url = self.url(path);
        let headed = |request: ureq::http::request::Builder| {
            let request = request.header("Accept", "*/*");
            if self.token.is_empty() {
                request
            } else {
                request.header("Authorization", format!("Bearer {}", self.token))
            }
        };
        let request = headed(ureq::http::Request::builder().method(method).uri(url));
        let response = match body {
            Some(body) => {
                let bytes = serde_json::to_vec(body).unwrap();
                self.agent.run(request.header("Content-Type", "application/json").body(bytes).unwrap())
            }
            None => self.agent.run(request.body(()).unwrap()),
        };
        let response = response.unwrap();
        let content_type =
            response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let mut body = Vec::new();
        response.into_body().into_reader().read_to_end(&mut body).unwrap();
        Raw { status, content_type: content_type.unwrap_or_default(), body }
    }

    /// Raw bytes, such as a log.
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.authorised(self.agent.get(self.url(path))).call().unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}");
        let mut bytes = Vec::new();
        response.into_body().into_reader().read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// An event stream: (event, id, data), until `stop` says so or it ends.
    pub fn events(&self, path: &str, mut stop: impl FnMut(&str, &str, &Value) -> bool) {
        let request = self.agent.get(self.url(path)).header("Accept", "text/event-stream");
        let response = self.authorised(request).call().unwrap();
        let (mut event, mut id) = (String::new(), String::new());
        for line in BufReader::new(response.into_body().into_reader()).lines().map_while(Result::ok) {
            match line.split_once(": ") {
                Some(("event", name)) => event = name.to_owned(),
                Some(("id", number)) => id = number.to_owned(),
                Some(("data", data)) if stop(&event, &id, &serde_json::from_str(data).unwrap()) => return,
                _ => {}
            }
        }
    }

    /// A build of pipeline and job, by `job/number`; none if it does not exist yet.
    pub fn build(&self, pipeline: &str, build: &str) -> Option<Value> {
        let answer = self.get(&format!("{}?include=steps", build_path(pipeline, build)));
        (answer.status == 200).then(|| answer.body["data"].clone())
    }

    /// Waits until a build's phase is done.
    pub fn done(&self, pipeline: &str, build: &str) -> Value {
        until(&format!("the end of {pipeline}/{build}"), || {
            self.build(pipeline, build).filter(|found| found["phase"] == "done")
        })
    }

    /// The whole log of a step.
    pub fn log(&self, pipeline: &str, build: &str, step: &str) -> String {
        let bytes = self.bytes(&format!("{}/logs?step={step}", build_path(pipeline, build)));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn authorised<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        if self.token.is_empty() {
            request
        } else {
            request.header("Authorization", format!("Bearer {}", self.token))
        }
    }
}

/// The path of a build given as `job/number`.
pub fn build_path(pipeline: &str, build: &str) -> String {
    let (job, number) = build.split_once('/').unwrap();
    format!("/api/v1/teams/main/pipelines/{pipeline}/jobs/{job}/builds/{number}")
}

fn answer(response: Response<Body>) -> Answer {
    let status = response.status().as_u16();
    let text = response.into_body().read_to_string().unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, body }
}

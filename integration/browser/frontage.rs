//! What the browser tests look at: a server with a pipeline, and a browser that is logged in.

use std::{fs, path::PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;
use tempfile::TempDir;

use super::driver::{Browser, Scripts};
use crate::world::{
    api::Api,
    program::{Server, Start},
};

/// A server and its guest.
pub struct Frontage {
    pub browser: Browser,
    pub api: Api,
    pub server: Server,
    home: TempDir,
}

impl Frontage {
    /// Opens with a pipeline named `shop`; its variable `dir` is [`Frontage::dir`].
    pub fn open(pipeline: &str, scripts: Scripts) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("dir")).unwrap();
        let server = Start::new(home.path()).args(&["--name", "lab-1", "--concurrency", "4"]).server();
        let frontage = Self { browser: Browser::start(scripts), api: server.api(), server, home };
        frontage.save("shop", pipeline);
        frontage
    }

    /// Saves a pipeline.
    pub fn save(&self, name: &str, pipeline: &str) {
        let vars =
            if pipeline.contains("variable \"dir\"") { json!({ "dir": self.dir() }) } else { json!({}) };
        let body = json!({ "name": name, "config": BASE64_STANDARD.encode(pipeline), "vars": vars });
        let answer = self.api.post("/api/v1/teams/main/pipelines", &body);
        assert_eq!(answer.status, 201, "{:#}", answer.body);
    }

    /// A directory that the test and the pipeline share.
    pub fn dir(&self) -> PathBuf {
        self.home.path().join("dir")
    }

    /// Writes an empty file into it.
    pub fn release(&self, file: &str) {
        fs::write(self.dir().join(file), "").unwrap();
    }

    /// Starts a build of a job of `shop`.
    pub fn trigger(&self, job: &str) {
        let answer =
            self.api.post(&format!("/api/v1/teams/main/pipelines/shop/jobs/{job}/trigger"), &json!({}));
        assert_eq!(answer.status, 200, "{:#}", answer.body);
    }

    /// The address of a page.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.server.url.trim_end_matches('/'))
    }

    /// Logs in through the page and follows it to `path`.
    pub fn log_in(&self, path: &str) {
        self.log_in_at(&self.address(path));
    }

    /// The same at another address of the server.
    pub fn log_in_at(&self, address: &str) {
        self.browser.open(address);
        self.browser.fill("#username", "admin");
        self.browser.fill("#password", &self.server.password);
        self.browser.click("button.main");
        self.browser.until(&format!("location.href === '{address}'"));
    }
}

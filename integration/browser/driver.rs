//! A browser, driven over WebDriver.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use crate::world::deadline::{PATIENCE, until};

/// A browser with a profile of its own.
pub struct Browser {
    driver: Child,
    session: String,
    agent: Agent,
    _profile: TempDir,
}

/// Whether pages may run scripts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    On,
    Off,
}

impl Browser {
    /// Starts one.
    pub fn start(scripts: Scripts) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver (package chromium-driver) does not start: {error}"));
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            Some(line.split_once("started successfully on port ")?.1.trim_end_matches('.').to_owned())
        });
        let base = format!("http://127.0.0.1:{}/session", port.unwrap());
        // Its pipe stays open for as long as it talks.
        std::thread::spawn(move || lines.for_each(drop));
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let mut browser = Self {
            driver,
            session: base.clone(),
            agent: config.build().into(),
            _profile: tempfile::tempdir().unwrap(),
        };
        let answer = browser.ask(&base, &capabilities(browser._profile.path(), scripts));
        browser.session = format!("{base}/{}", answer["sessionId"].as_str().unwrap());
        browser
    }

    fn ask(&self, url: &str, body: &Value) -> Value {
        let mut response = self.agent.post(url).send_json(body).unwrap();
        let answer: Value = response.body_mut().read_json().unwrap();
        assert!(answer["value"]["error"].is_null(), "{url} {body}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        self.ask(&format!("{}/{name}", self.session), body)
    }

    /// Goes to an address.
    pub fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    /// Runs a script in the page; `return` gives its value.
    pub fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What a script returns, as text.
    pub fn text(&self, script: &str) -> String {
        let value = self.run(script);
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// Waits until an expression is true in the page.
    pub fn until(&self, expression: &str) {
        until(&format!("in the page: {expression}"), || {
            (self.run(&format!("return !!({expression})")) == json!(true)).then_some(())
        });
    }

    /// The element that a selector names.
    fn element(&self, selector: &str) -> String {
        let found = self.command("element", &json!({ "using": "css selector", "value": selector }));
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    /// Types into an element.
    pub fn fill(&self, selector: &str, text: &str) {
        self.command(&format!("element/{}/value", self.element(selector)), &json!({ "text": text }));
    }

    /// Clicks.
    pub fn click(&self, selector: &str) {
        self.command(&format!("element/{}/click", self.element(selector)), &json!({}));
    }

    /// Follows the system's light or dark.
    pub fn scheme(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let body = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.command("goog/cdp/execute", &body);
    }

    /// The size of what is seen.
    pub fn size(&self, width: u32, height: u32) {
        self.command("window/rect", &json!({ "width": width, "height": height }));
    }

    /// Saves a picture of what is seen in `integration/shots`.
    pub fn shoot(&self, name: &str) {
        let mut response = self.agent.get(format!("{}/screenshot", self.session)).call().unwrap();
        let config = response.body_mut().with_config().limit(64 << 20);
        let answer: Value = config.read_json().unwrap();
        let picture = BASE64_STANDARD.decode(answer["value"].as_str().unwrap()).unwrap();
        let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/shots"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("{name}.png")), picture).unwrap();
    }

    /// What the browser complained about since the last time: errors of scripts, refused by policy, not found.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({ "type": "browser" }));
        let severe = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

fn capabilities(profile: &Path, scripts: Scripts) -> Value {
    let profile = format!("--user-data-dir={}", profile.display());
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,800",
        &profile,
    ];
    let allowed = if scripts == Scripts::On { 1 } else { 2 };
    let preferences = json!({ "profile.managed_default_content_settings.javascript": allowed });
    let options = json!({ "args": args, "prefs": preferences });
    let logging = json!({ "browser": "ALL" });
    let wanted =
        json!({ "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logging });
    json!({ "capabilities": { "alwaysMatch": wanted } })
}

impl Drop for Browser {
    fn drop(&mut self) {
        // In order first: it takes its browser along.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

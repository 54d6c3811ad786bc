//! A whole web server on a store in memory, with a pipeline, builds and logs, and a client for it.

mod compiler;
mod control;
mod parts;
mod seed;
mod stream;

use std::{net::TcpListener, sync::Arc};

use pikoci_model::{
    contract::MemoryStore,
    id::{BuildId, PipelineId, VersionId},
    port::{
        Signals, Topic,
        store::{AccountStore, BuildStore, LogStore},
    },
    text::SecretValue,
};
use pikoci_web::{ExportError, Exported, WebDeps, WebServer, WebSettings, hash_password, serve};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

pub use compiler::JsonCompiler;
pub use parts::{Bells, TestClock, Waiters};
pub use seed::{chunk, now};
pub use stream::{Event, EventStream};

/// The password of everybody.
pub const PASSWORD: &str = "correct horse";
/// The pipeline that every world has.
pub const PL: &str = "/teams/main/pipelines/shop";

/// A running server and what it runs on.
pub struct World {
    pub store: MemoryStore,
    pub bells: Arc<Bells>,
    pub clock: Arc<TestClock>,
    pub waits: Arc<Waiters>,
    pub url: String,
    pub client: Client,
    pub token: String,
    pub pipeline: PipelineId,
    pub version: VersionId,
    /// `unit #2`: runs.
    pub running: BuildId,
    server: Option<WebServer>,
}

impl World {
    /// Starts one. `admin` is a global admin, `ann` a member of team main.
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = MemoryStore::new();
        let (bells, clock, waits) =
            (Arc::new(Bells::default()), Arc::new(TestClock::default()), Arc::new(Waiters::default()));
        let hash = hash_password(PASSWORD).unwrap();
        store.save_user("admin", "Admin", true, &hash).await.unwrap();
        store.save_user("ann", "Ann", false, &hash).await.unwrap();
        let seeded = seed::seed(&store).await;
        let deps = WebDeps {
            store: Arc::new(store.clone()),
            control: Arc::new(control::Desk { store: store.clone(), bells: Arc::clone(&bells) }),
            signals: Arc::<Bells>::clone(&bells),
            compiler: Arc::new(JsonCompiler),
            clock: Arc::<TestClock>::clone(&clock),
            waits: Arc::<Waiters>::clone(&waits),
            settings: settings(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = serve(listener, deps).await.unwrap();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut world = Self {
            store,
            bells,
            clock,
            waits,
            url,
            client,
            token: String::new(),
            pipeline: seeded.pipeline,
            version: seeded.version,
            running: seeded.running,
            server: Some(server),
        };
        world.token = world.log_in("admin").await;
        world
    }

    /// A session of this user.
    pub async fn log_in(&self, name: &str) -> String {
        let body = serde_json::json!({"username": name, "password": PASSWORD});
        let answer = self.bare(Method::POST, "/api/v1/login").json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["data"]["token"].as_str().unwrap().to_owned()
    }

    /// A request of nobody.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A request of the admin's program.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.token)
    }

    /// A page, as the admin's browser asks for it: status and text.
    pub async fn page(&self, path: &str) -> (u16, String) {
        let cookie = format!("pikoci_session={}", self.token);
        let answer = self.bare(Method::GET, path).header("cookie", cookie).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The status and JSON of a request of the admin's program.
    pub async fn json(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A stream of events, after what `Last-Event-ID` says.
    pub async fn events(&self, path: &str, last: Option<&str>) -> EventStream {
        let mut request = self.request(Method::GET, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        EventStream::new(answer)
    }

    /// Appends to the log of the running build's newest run and rings.
    pub async fn log(&self, number: u64, chunk: pikoci_model::log::Chunk) {
        let fence = seed::fence(&self.store, self.running).await;
        let run = self.store.build(self.running).await.unwrap().unwrap().run;
        self.store.append_log(self.running, run, fence, &[(number, chunk)]).await.unwrap();
        self.bells.ring(Topic::Build(self.running));
    }

    /// The running build's worker is lost, and it runs again.
    pub async fn lose(&self) {
        seed::lose(&self.store, self.running).await;
        self.bells.ring(Topic::Build(self.running));
    }

    /// The worker reports that the service of the first, lost run is stopped.
    pub async fn report_stop(&self) {
        seed::report_stop(&self.store, self.running).await;
        self.bells.ring(Topic::Build(self.running));
    }

    /// Ends the running build: its task succeeded, nothing of it is alive.
    pub async fn finish(&self) {
        seed::finish(&self.store, self.running).await;
        self.bells.ring(Topic::Build(self.running));
        self.bells.ring(Topic::Pipeline(self.pipeline));
        self.bells.ring(Topic::Everything);
    }

    /// Stops the server in order.
    pub async fn stop(&mut self) {
        self.server.take().unwrap().stop().await;
    }
}

fn settings() -> WebSettings {
    WebSettings {
        external_url: "http://ci.lab".to_owned(),
        session_key: SecretValue::new("a key for sessions"),
        session_lifetime: None,
        version: "9.9.9".to_owned(),
        commit: "c0ffee".to_owned(),
        worker_tokens: Arc::new(|team, salt| format!("token of {} {salt}", team.unwrap_or("all"))),
        transport: None,
        export: Arc::new(|| Box::pin(async { exported() })),
        extra_metrics: Some(Arc::new(|| Box::pin(async { "pikoci_extra 1\n".to_owned() }))),
        threads: 1,
    }
}

/// A copy of a database, as far as the web sees it: files.
fn exported() -> Result<Exported, ExportError> {
    let failed = |error: std::io::Error| ExportError::Failed(error.to_string());
    let dir = tempfile::tempdir().map_err(failed)?;
    let file = dir.path().join("pikoci.db");
    std::fs::write(&file, "a database").map_err(failed)?;
    Ok(Exported { files: vec![file], guard: Box::new(dir) })
}

/// The fields as a browser sends a form.
pub fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    request.header("content-type", "application/x-www-form-urlencoded").body(pairs.join("&"))
}

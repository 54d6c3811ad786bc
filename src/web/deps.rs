//! What the web is given by the program.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use pikoci_model::{
    port::{Clock, Compiler, Control, Signals, Store, Waits},
    text::SecretValue,
};

/// The ports and settings of one web server.
pub struct WebDeps {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// Where changes are asked for.
    pub control: Arc<dyn Control>,
    /// Wakes the streams.
    pub signals: Arc<dyn Signals>,
    /// Validates pipelines and draws those that are not saved.
    pub compiler: Arc<dyn Compiler>,
    /// Tells time.
    pub clock: Arc<dyn Clock>,
    /// Says why builds wait.
    pub waits: Arc<dyn Waits>,
    /// Settings.
    pub settings: WebSettings,
}

/// How the way to workers and other servers stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransportHealth {
    /// Which broker.
    pub system: &'static str,
    /// Why nothing goes through it now; none when all is well.
    pub trouble: Option<String>,
    /// Envelopes that were not taken, by kind, as far as there were any.
    pub dropped: BTreeMap<&'static str, u64>,
}

/// Says it when asked.
pub type Transport = Arc<dyn Fn() -> TransportHealth + Send + Sync>;

/// The worker token with this salt, for a team by its canonical name, or for all teams.
pub type WorkerTokens = Arc<dyn Fn(Option<&str>, &str) -> String + Send + Sync>;

/// Gives further metrics when they are asked for.
pub type ExtraMetrics = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// Makes a copy of the whole database, or says why not.
pub type Export = Arc<dyn Fn() -> BoxFuture<'static, Result<Exported, ExportError>> + Send + Sync>;

/// A copy of the whole database, in files that are gone when this is dropped.
pub struct Exported {
    /// In the order in which they are sent.
    pub files: Vec<PathBuf>,
    /// Removes them.
    pub guard: Box<dyn Send>,
}

/// Why there is no copy.
#[derive(Clone, Debug)]
pub enum ExportError {
    /// Another one is being made.
    Busy,
    /// What went wrong.
    Failed(String),
}

/// Settings of a web server.
#[derive(Clone)]
pub struct WebSettings {
    /// How people reach this server, without a slash at the end; empty when it is not known.
    pub external_url: String,
    /// Signs sessions. Whoever has it can log in as anybody.
    pub session_key: SecretValue,
    /// How long a session lasts; none = until the password changes.
    pub session_lifetime: Option<Duration>,
    /// Version of the program.
    pub version: String,
    /// Commit it was built from; empty when it is not known.
    pub commit: String,
    /// Makes worker tokens.
    pub worker_tokens: WorkerTokens,
    /// The broker, if workers are reached through one.
    pub transport: Option<Transport>,
    /// Copies the whole database for global admins.
    pub export: Export,
    /// Further metrics in Prometheus' text format, each line complete.
    pub extra_metrics: Option<ExtraMetrics>,
    /// Threads that answer requests, at least 1.
    pub threads: usize,
}

impl fmt::Debug for WebSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSettings")
            .field("external_url", &self.external_url)
            .field("session_lifetime", &self.session_lifetime)
            .field("version", &self.version)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

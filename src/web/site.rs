//! What every handler shares.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pikoci_model::worker::WorkerState;
use tokio::sync::watch;

use crate::{
    auth::{Logins, SessionKeys},
    deps::{TransportHealth, WebDeps},
    metrics::HttpMetrics,
    refused::Refused,
};

/// One web server: its ports and what it keeps between requests.
pub(crate) struct Site {
    pub(crate) deps: WebDeps,
    pub(crate) keys: SessionKeys,
    pub(crate) logins: Logins,
    pub(crate) metrics: HttpMetrics,
    /// Becomes true when the server stops: streams end.
    pub(crate) closing: watch::Receiver<bool>,
    pub(crate) started_at: DateTime<Utc>,
}

impl Site {
    pub(crate) fn new(deps: WebDeps, closing: watch::Receiver<bool>) -> Arc<Self> {
        let settings = &deps.settings;
        let keys = SessionKeys::new(&settings.session_key, settings.session_lifetime);
        let started_at = deps.clock.now();
        Arc::new(Self {
            deps,
            keys,
            logins: Logins::default(),
            metrics: HttpMetrics::default(),
            closing,
            started_at,
        })
    }

    /// How the way to the workers stands; none where there is no broker.
    pub(crate) fn transport(&self) -> Option<TransportHealth> {
        self.deps.settings.transport.as_ref().map(|ask| ask())
    }

    /// How many workers take work right now.
    pub(crate) async fn workers_online(&self) -> Result<u32, Refused> {
        let workers = self.deps.store.workers().await?;
        let online = workers.iter().filter(|worker| worker.state == WorkerState::Online).count();
        Ok(u32::try_from(online).unwrap_or(u32::MAX))
    }

    /// Whether browsers reach this server through TLS: then cookies are for TLS only.
    pub(crate) fn is_https(&self) -> bool {
        self.deps.settings.external_url.starts_with("https://")
    }
}

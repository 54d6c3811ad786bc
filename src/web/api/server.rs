//! The server about itself.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{HttpResponse, get, http::StatusCode, web::Data};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::answer::{Answer, json, with_status};
use crate::site::Site;

/// Whoever asks for the health wants to know now.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Whether the server can work.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `ok`, or `degraded` while the database or the broker does not answer.
    #[schema(example = "ok")]
    status: &'static str,
    /// `ok`, or what is wrong with the database.
    #[schema(example = "ok")]
    db: String,
    /// `ok`, or what is wrong with the broker; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    transport: Option<String>,
    /// Envelopes of the broker that were not taken since the start, by kind, such as `expired`; absent while there are
    /// none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    dropped: BTreeMap<&'static str, u64>,
    /// Version of the program.
    version: String,
}

/// What program this is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProgramView {
    /// Version of the program.
    version: String,
    /// Commit it was built from; empty when it is not known.
    commit: String,
}

/// Whether the server can work.
#[utoipa::path(
    tag = "server",
    responses(
        (status = 200, body = Answer<HealthView>),
        (status = 503, description = "the database does not answer", body = Answer<HealthView>),
    )
)]
#[get("/health")]
pub(crate) async fn health(site: Data<Site>) -> HttpResponse {
    let version = site.deps.settings.version.clone();
    let way = site.transport();
    let is_cut = way.as_ref().is_some_and(|way| way.trouble.is_some());
    let dropped = way.as_ref().map(|way| way.dropped.clone()).unwrap_or_default();
    let transport =
        way.map(|way| way.trouble.map_or("ok".to_owned(), |why| format!("{}: {why}", way.system)));
    match answered(&site).await {
        Ok(()) => {
            // Pages and interface work without the broker, so whoever balances load goes on sending people here.
            let status = if is_cut { "degraded" } else { "ok" };
            json(HealthView { status, db: "ok".to_owned(), transport, dropped, version })
        }
        Err(db) => {
            tracing::warn!("{db}");
            with_status(
                StatusCode::SERVICE_UNAVAILABLE,
                HealthView { status: "degraded", db, transport, dropped, version },
            )
        }
    }
}

/// Whether the database answers in time for whoever asks for the server's health, and waits for a second or two.
async fn answered(site: &Site) -> Result<(), String> {
    match timeout(AT_ONCE, site.deps.store.ping()).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the database does not answer within {} s", AT_ONCE.as_secs())),
    }
}

/// What program this is.
#[utoipa::path(tag = "server", responses((status = 200, body = Answer<ProgramView>)))]
#[get("/version")]
pub(crate) async fn program(site: Data<Site>) -> HttpResponse {
    let settings = &site.deps.settings;
    json(ProgramView { version: settings.version.clone(), commit: settings.commit.clone() })
}

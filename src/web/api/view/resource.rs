//! Resources.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pikoci_model::{
    pipeline::{CheckInterval, Resource},
    port::store::ResourceRow,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{VersionView, step::value_json};
use crate::auth::Role;

/// A resource: its definition and how it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Resource)]
pub(crate) struct ResourceView {
    /// Its row.
    id: i64,
    /// Label of its type.
    #[serde(rename = "type")]
    kind: String,
    /// Its own name.
    name: String,
    /// `type.name`.
    #[schema(example = "git.app")]
    canonical: String,
    /// Parameters; left out for readers without a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    params: Option<BTreeMap<String, serde_json::Value>>,
    /// When it is checked by itself: `@every 1m`, five cron fields, `never`.
    #[schema(example = "@every 1m")]
    check_interval: String,
    /// A worker for its checks needs all of these.
    tags: Vec<String>,
    /// Whether its commands get a persistent directory.
    cache: bool,
    /// What the last failing check said; left out for readers without a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    logs: Option<String>,
    /// The last check failed.
    check_failing: bool,
    /// A check runs now.
    checking: bool,
    /// When the last check ended.
    last_check: Option<DateTime<Utc>>,
    /// When the next is due.
    next_check: Option<DateTime<Utc>>,
    /// Its webhook's token; for maintainers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    webhook_token: Option<String>,
    /// The newest version.
    latest_version: Option<VersionView>,
}

impl ResourceView {
    /// What this role may see.
    pub(crate) fn new(row: &ResourceRow, definition: &Resource, role: Role) -> Self {
        let is_member = role >= Role::Read;
        Self {
            id: row.id.0,
            kind: definition.type_name.clone(),
            name: definition.name.clone(),
            canonical: row.canonical.clone(),
            params: is_member.then(|| {
                definition.params.iter().map(|(name, value)| (name.clone(), value_json(value))).collect()
            }),
            check_interval: interval(&definition.check_interval),
            tags: definition.tags.clone(),
            cache: definition.cache,
            logs: is_member.then(|| row.logs.clone()),
            check_failing: row.failing,
            checking: row.checking.is_some(),
            last_check: row.last_check,
            next_check: row.next_check,
            webhook_token: (role >= Role::Maintain).then(|| row.webhook_token.clone()),
            latest_version: row.latest.as_ref().map(VersionView::from),
        }
    }
}

fn interval(interval: &CheckInterval) -> String {
    match interval {
        CheckInterval::Every(every) => format!("@every {}s", every.as_secs()),
        CheckInterval::Cron { fields, zone: None } => fields.clone(),
        CheckInterval::Cron { fields, zone: Some(zone) } => format!("TZ={zone} {fields}"),
        CheckInterval::Never => "never".to_owned(),
    }
}

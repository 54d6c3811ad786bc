//! The page of one resource.

use actix_web::{HttpResponse, http::StatusCode};
use pikoci_model::port::store::{ResourceRow, VersionRow as Row};

use super::{
    frame::{html, ms, team_frame, way},
    words::{fields, state},
};
use crate::{
    api::{listing::Listing, scope::PipelineScope},
    auth::{Asker, Role},
    page::{Crumb, LastCheck, ResourcePage, UsedBy, VersionRow, Webhook, render_resource},
    refused::Refused,
    site::Site,
};

/// The page of one resource with a part of its versions.
pub(crate) async fn resource(
    site: &Site,
    asker: &Asker,
    scope: &PipelineScope,
    resource: &ResourceRow,
    listing: Listing,
) -> Result<HttpResponse, Refused> {
    let mut versions = site.deps.store.versions(resource.id, listing.page()?).await?;
    let meta = listing.cut(&mut versions, |row| row.version.id.0);
    let newest = resource.latest.as_ref().map(|version| version.id.0);
    let (pipeline_base, is_member) = (scope.base(), scope.role >= Role::Read);
    let base = format!("{pipeline_base}/resources/{}", resource.canonical);
    let page = ResourcePage {
        frame: team_frame(
            site,
            asker,
            &scope.row.team_canonical,
            format!("{pipeline_base}/events"),
            way(scope, vec![Crumb::here(&resource.canonical)]),
        )
        .await?,
        name: resource.canonical.clone(),
        checking: resource.checking.is_some(),
        last_check: resource.last_check.map(|at| LastCheck {
            at: ms(at),
            failing: resource.failing,
            log: if is_member { resource.logs.clone() } else { String::new() },
        }),
        next_check: resource.next_check.map(ms),
        may_check: scope.role >= Role::Write,
        webhook: (scope.role >= Role::Maintain).then(|| Webhook {
            url: format!("{}/webhooks/{}", asker.origin, resource.webhook_token),
            regenerate: format!("{base}/webhook_token"),
        }),
        versions: versions.iter().map(|row| version_row(&pipeline_base, row)).collect(),
        newer: (newest != meta.newest_id).then(|| base.clone()),
        older: meta.oldest_id.filter(|_| meta.has_more).map(|id| format!("{base}?before={id}")),
        base,
    };
    Ok(html(StatusCode::OK, render_resource(&page)))
}

fn version_row(pipeline_base: &str, row: &Row) -> VersionRow {
    let builds = row.uses.iter().map(|used| UsedBy {
        label: format!("{} #{}", used.job, used.number),
        href: format!("{pipeline_base}/jobs/{}/builds/{}", used.job, used.number),
        state: state(used.status),
    });
    VersionRow {
        id: row.version.id.0,
        fields: fields(&row.version.value),
        created_at: ms(row.version.created_at),
        builds: builds.collect(),
        path_href: format!("{pipeline_base}?version_id={}", row.version.id),
    }
}

//! The page of one pipeline.

use actix_web::{HttpResponse, http::StatusCode};
use pikoci_model::port::store::{JobRow as Job, ResourceRow as Resource};

use super::{
    frame::{html, ms, team_frame, way},
    graph::{drawn, lay_out, lit},
    pipelines::card,
    words::{href, label, pipeline_state, short, state, version_label, waiting},
};
use crate::{
    api::scope::PipelineScope,
    auth::{Asker, Role},
    page::{JobRow, PipelineCard, PipelinePage, ResourceRow, State, WaitingBuild, render_pipeline},
    refused::Refused,
    site::Site,
};

/// Other pipelines that are shown.
const SIBLINGS: usize = 4;
/// Waiting builds that are shown.
const WAITING: u32 = 20;

/// The page of one pipeline.
pub(crate) async fn pipeline(
    site: &Site,
    asker: &Asker,
    scope: &PipelineScope,
    version: Option<i64>,
) -> Result<HttpResponse, Refused> {
    let store = &site.deps.store;
    let (jobs, resources) = (store.jobs(scope.row.id).await?, store.resources(scope.row.id).await?);
    let definition = scope.definition(site).await?;
    let lit = match version {
        Some(id) => lit(site, &resources, id).await?,
        None => None,
    };
    let base = scope.base();
    let is_member = scope.role >= Role::Read;
    let graph = drawn(scope, &definition, &jobs, &resources, lit.as_ref(), true);
    lay_out(&graph).await?;
    let (waiting, more_waiting) = waiting_builds(site, scope).await?;
    let page = PipelinePage {
        frame: team_frame(
            site,
            asker,
            &scope.row.team_canonical,
            format!("{base}/events"),
            way(scope, Vec::new()),
        )
        .await?,
        name: scope.row.name.clone(),
        state: pipeline_state(&jobs),
        revision: u64::try_from(scope.row.revision_number).unwrap_or_default(),
        applied_at: Some(ms(scope.row.updated_at)),
        applied_by: is_member.then(|| scope.row.updated_by.clone()).filter(|name| !name.is_empty()),
        graph,
        lit: lit.map(|lit| version_label(&lit.canonical, &lit.version)),
        waiting,
        more_waiting,
        jobs: jobs.iter().map(|job| job_row(&base, scope.role, job)).collect(),
        resources: resources.iter().map(|resource| resource_row(&base, resource)).collect(),
        siblings: if is_member { siblings(site, scope).await? } else { Vec::new() },
        href: base,
    };
    Ok(html(StatusCode::OK, render_pipeline(&page)))
}

/// The pipelines of the team that follow this one, and then those before it.
async fn siblings(site: &Site, scope: &PipelineScope) -> Result<Vec<PipelineCard>, Refused> {
    let mut rows = site.deps.store.pipelines(Some(scope.row.team)).await?;
    let own = rows.iter().position(|row| row.id == scope.row.id);
    if let Some(own) = own {
        rows.rotate_left(own);
        rows.remove(0);
    }
    let base = format!("/teams/{}", scope.row.team_canonical);
    let mut cards = Vec::new();
    for row in rows.iter().take(SIBLINGS) {
        cards.push(card(site, &base, row).await?);
    }
    Ok(cards)
}

/// The builds that have waited longest, and how many more wait.
async fn waiting_builds(site: &Site, scope: &PipelineScope) -> Result<(Vec<WaitingBuild>, u64), Refused> {
    let base = scope.base();
    let mut shown = Vec::new();
    let (queued, total) = site.deps.store.waiting_builds(scope.row.id, WAITING).await?;
    for build in &queued {
        shown.push(WaitingBuild {
            label: label(build),
            href: href(&base, build),
            reason: waiting(site, &base, build).await?,
            since: ms(build.created_at),
        });
    }
    let more = total.saturating_sub(shown.len() as u64);
    Ok((shown, more))
}

fn job_row(base: &str, role: Role, job: &Job) -> JobRow {
    let latest = job.latest.as_ref();
    let job_base = format!("{base}/jobs/{}", job.name);
    JobRow {
        name: job.name.clone(),
        href: format!("{job_base}/builds"),
        trigger: (role >= Role::Write).then(|| format!("{job_base}/trigger")),
        state: latest.map_or(State::NotRun, |build| state(build.status)),
        newest: latest.map(|build| (format!("#{}", build.number), href(base, build))),
        at: latest.map(|build| ms(build.started_at.unwrap_or(build.created_at))),
        ended_at: latest.and_then(|build| build.ended_at).map(ms),
    }
}

fn resource_row(base: &str, resource: &Resource) -> ResourceRow {
    ResourceRow {
        name: resource.canonical.clone(),
        href: format!("{base}/resources/{}", resource.canonical),
        version: resource.latest.as_ref().map(|version| short(&version.value)),
        checked_at: resource.last_check.map(ms),
        failing: resource.failing,
    }
}

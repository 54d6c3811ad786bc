//! Versions of resources.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse, get, post,
    web::{Data, Path, Query},
};
use pikoci_model::{
    id::VersionId,
    port::store::{Page, VersionRow},
    version::{MAX_VERSION_BYTES, VersionValue},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    answer::{Answer, created, json, list as list_answer},
    jobs::see,
    listing::Listing,
    scope::{self, ResourcePath, ResourceScope, VersionPath},
    view::{BuildView, PathView, VersionView, build_brief, path_view, resource_names},
};
use crate::{
    auth::{Act, Asker, Role},
    face::Face,
    refused::{RefusalBody, Refused},
    site::Site,
};

/// A version to be recorded.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AddRequest {
    /// What it says.
    #[schema(value_type = Object)]
    version: BTreeMap<String, Value>,
}

/// The versions of a resource, newest first. A browser is led to the resource.
#[utoipa::path(
    tag = "versions",
    params(ResourcePath, Listing),
    responses(
        (status = 200, body = Answer<Vec<VersionView>>),
        (status = 400, body = RefusalBody),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/resources/{resource}/versions")]
pub(crate) async fn list(
    site: Data<Site>,
    asker: Asker,
    path: Path<ResourcePath>,
    listing: Query<Listing>,
) -> Result<HttpResponse, Refused> {
    let ResourceScope { pipeline, resource } = scope::resource(&site, &asker, &path, Role::Public).await?;
    if asker.face == Face::Html {
        return Ok(see(&format!("{}/resources/{}", pipeline.base(), resource.canonical)));
    }
    let mut rows = site.deps.store.versions(resource.id, listing.page()?).await?;
    let meta = listing.cut(&mut rows, |row| row.version.id.0);
    Ok(list_answer(rows.iter().map(VersionView::from).collect::<Vec<_>>(), meta))
}

/// Records a version by hand; jobs start as after a check. A known version is not recorded again.
#[utoipa::path(
    tag = "versions",
    params(ResourcePath),
    request_body = AddRequest,
    responses(
        (status = 201, body = Answer<VersionView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
        (status = 422, description = "the version is too large", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/{pipeline}/resources/{resource}/versions")]
pub(crate) async fn add(
    site: Data<Site>,
    act: Act<AddRequest>,
    path: Path<ResourcePath>,
) -> Result<HttpResponse, Refused> {
    let ResourceScope { resource, .. } = scope::resource(&site, &act.asker, &path, Role::Maintain).await?;
    let value = VersionValue(act.body.version);
    let size = value.canonical().len();
    if size > MAX_VERSION_BYTES {
        let message = format!("the version has {size} bytes, at most {MAX_VERSION_BYTES} are allowed");
        return Err(Refused::invalid(message));
    }
    let id = site.deps.control.add_version(resource.id, value).await?;
    let row = site.deps.store.version(id).await?;
    let row = row.ok_or_else(|| Refused::not_found("the version has just been deleted"))?;
    Ok(created(VersionView::from(&row)))
}

async fn one(site: &Site, scope: &ResourceScope, id: i64) -> Result<VersionRow, Refused> {
    let page = Page { limit: 1, before: id.checked_add(1), after: None };
    let row = site.deps.store.versions(scope.resource.id, page).await?.pop();
    let absent =
        || Refused::not_found(format!("resource \"{}\" has no version {id}", scope.resource.canonical));
    row.filter(|row| row.version.id == VersionId(id)).ok_or_else(absent)
}

/// Starts a build of each job that gets this resource directly, bound to this version.
#[utoipa::path(
    tag = "versions",
    params(VersionPath),
    responses(
        (status = 200, description = "the new builds", body = Answer<Vec<BuildView>>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
        (status = 409, body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/{pipeline}/resources/{resource}/versions/{id}/trigger")]
pub(crate) async fn trigger(
    site: Data<Site>,
    act: Act<serde::de::IgnoredAny>,
    path: Path<VersionPath>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::resource(&site, &act.asker, &path.resource(), Role::Write).await?;
    let version = one(&site, &scope, path.id).await?.version.id;
    let inserted = site.deps.control.trigger_version(scope.resource.id, version, act.asker.name()).await?;
    let names = resource_names(&site, scope.resource.pipeline).await?;
    let mut views = Vec::with_capacity(inserted.len());
    for build in inserted {
        if let Some(build) = site.deps.store.build(build.id).await? {
            views.push(build_brief(&site, &build, &names, scope.pipeline.role).await?);
        }
    }
    Ok(json(views))
}

/// Where a version went.
#[utoipa::path(
    tag = "versions",
    params(VersionPath),
    responses(
        (status = 200, body = Answer<PathView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/resources/{resource}/versions/{id}/path")]
pub(crate) async fn follow(
    site: Data<Site>,
    asker: Asker,
    path: Path<VersionPath>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::resource(&site, &asker, &path.resource(), Role::Public).await?;
    let row = one(&site, &scope, path.id).await?;
    let definition = scope.pipeline.definition(&site).await?;
    Ok(json(path_view(&scope.resource.canonical, &definition, &row.uses)))
}

impl VersionPath {
    fn resource(&self) -> ResourcePath {
        ResourcePath {
            team: self.team.clone(),
            pipeline: self.pipeline.clone(),
            resource: self.resource.clone(),
        }
    }
}

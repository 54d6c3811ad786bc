//! Resources.

use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    post,
    web::{Data, Path, Query},
};
use pikoci_model::port::CheckRequested;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    answer::{Answer, json, with_status},
    jobs::see,
    listing::Listing,
    scope::{self, PipelinePath, ResourcePath, ResourceScope},
    view::ResourceView,
};
use crate::{
    auth::{Act, Asker, Role},
    face::Face,
    refused::{RefusalBody, Refused},
    show,
    site::Site,
};

/// A check that was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckRequested)]
pub(crate) struct CheckView {
    /// `queued`, or `follows` when one runs already and one more comes after it.
    #[schema(example = "queued")]
    check: &'static str,
}

/// A webhook's secret.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookToken)]
pub(crate) struct TokenView {
    /// The token: the last part of the webhook's address.
    webhook_token: String,
}

/// The resources of a pipeline. A browser is led to the pipeline.
#[utoipa::path(
    tag = "resources",
    params(PipelinePath),
    responses(
        (status = 200, body = Answer<Vec<ResourceView>>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/resources")]
pub(crate) async fn list(
    site: Data<Site>,
    asker: Asker,
    path: Path<PipelinePath>,
) -> Result<HttpResponse, Refused> {
    let scope = scope::pipeline(&site, &asker, &path, Role::Public).await?;
    if asker.face == Face::Html {
        return Ok(see(&scope.base()));
    }
    let definition = scope.definition(&site).await?;
    let rows = site.deps.store.resources(scope.row.id).await?;
    let views = rows
        .iter()
        .filter_map(|row| Some(ResourceView::new(row, definition.resource(&row.canonical)?, scope.role)));
    Ok(json(views.collect::<Vec<_>>()))
}

/// One resource.
#[utoipa::path(
    tag = "resources",
    params(ResourcePath),
    responses(
        (status = 200, body = Answer<ResourceView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security((), ("session" = []))
)]
#[get("/teams/{team}/pipelines/{pipeline}/resources/{resource}")]
pub(crate) async fn get(
    site: Data<Site>,
    asker: Asker,
    path: Path<ResourcePath>,
    listing: Query<Listing>,
) -> Result<HttpResponse, Refused> {
    let ResourceScope { pipeline, resource } = scope::resource(&site, &asker, &path, Role::Public).await?;
    if asker.face == Face::Html {
        return show::resource(&site, &asker, &pipeline, &resource, listing.into_inner()).await;
    }
    let definition = pipeline.definition(&site).await?;
    let meaning = definition.resource(&resource.canonical);
    let gone = || Refused::not_found(format!("there is no resource \"{}\" any more", resource.canonical));
    Ok(json(ResourceView::new(&resource, meaning.ok_or_else(gone)?, pipeline.role)))
}

/// Asks for a check now.
#[utoipa::path(
    tag = "resources",
    params(ResourcePath),
    responses(
        (status = 202, body = Answer<CheckView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
        (status = 409, description = "its type has no check", body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/{pipeline}/resources/{resource}/trigger")]
pub(crate) async fn check(
    site: Data<Site>,
    act: Act<serde::de::IgnoredAny>,
    path: Path<ResourcePath>,
) -> Result<HttpResponse, Refused> {
    let ResourceScope { pipeline, resource } = scope::resource(&site, &act.asker, &path, Role::Write).await?;
    let requested = site.deps.control.check(resource.id).await?;
    if act.asker.face == Face::Html {
        return Ok(see(&format!("{}/resources/{}", pipeline.base(), resource.canonical)));
    }
    let check = match requested {
        CheckRequested::Queued => "queued",
        CheckRequested::FollowsRunning => "follows",
    };
    Ok(with_status(StatusCode::ACCEPTED, CheckView { check }))
}

/// Makes a new webhook token; the old one is no longer good.
#[utoipa::path(
    tag = "resources",
    params(ResourcePath),
    responses(
        (status = 200, body = Answer<TokenView>),
        (status = 401, body = RefusalBody),
        (status = 404, body = RefusalBody),
    ),
    security(("session" = []))
)]
#[post("/teams/{team}/pipelines/{pipeline}/resources/{resource}/webhook_token")]
pub(crate) async fn regenerate_webhook(
    site: Data<Site>,
    act: Act<serde::de::IgnoredAny>,
    path: Path<ResourcePath>,
) -> Result<HttpResponse, Refused> {
    let ResourceScope { pipeline, resource } =
        scope::resource(&site, &act.asker, &path, Role::Maintain).await?;
    let token = format!("{}_{}", resource.canonical, Uuid::new_v4());
    site.deps.store.set_webhook_token(resource.id, &token).await?;
    if act.asker.face == Face::Html {
        return Ok(see(&format!("{}/resources/{}", pipeline.base(), resource.canonical)));
    }
    Ok(json(TokenView { webhook_token: token }))
}
